"""Other trackers' logs as a source: a file or a folder of any of their formats, picked by content."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path

from postrun.model import FAILURES, Listing, Run, RunRef, TargetError
from postrun.sources.trackers.base import CONSOLE, Format, Found
from postrun.sources.wandb_local.find import is_run_folder_name
from postrun.store.storage import MARKER

#: Names of folders that say nothing of a run, so that the folder above names it as well.
_VAGUE = frozenset(
    {
        "version",
        "logs",
        "log",
        "tb",
        "tensorboard",
        "events",
        "run",
        "runs",
        "train",
        "csv",
        "out",
        "output",
        "results",
    }
)
_SKIP = frozenset({"node_modules", "__pycache__", "artifacts", "site-packages", "media"})
_MAX_DEPTH = 6
#: Files of exports, which keep a run's log beside them.
_EXPORTED = ("_history.parquet", "_history.csv", "_summary.json")
_LOGS = ".log"
#: Bytes of a run that is read to list its last values: a list of larger ones would take too long.
_SMALL = 4 << 20


@cache
def formats() -> tuple[Format, ...]:
    """Return all formats; of those that one folder holds of one run, the first is read."""
    from postrun.sources.trackers.console_log import ConsoleLog
    from postrun.sources.trackers.hugging_face import HuggingFace
    from postrun.sources.trackers.json_lines import JsonLines
    from postrun.sources.trackers.lightning_csv import LightningCsv
    from postrun.sources.trackers.mlflow.file_store import MlflowFiles
    from postrun.sources.trackers.mlflow.sqlite_store import MlflowSqlite
    from postrun.sources.trackers.neptune import Neptune
    from postrun.sources.trackers.stable_baselines import MonitorCsv, ProgressCsv
    from postrun.sources.trackers.swanlab import SwanLab
    from postrun.sources.trackers.tensorboard.source import TensorBoard
    from postrun.sources.trackers.trackio import Trackio

    return (
        HuggingFace(), ProgressCsv(), TensorBoard(), LightningCsv(), JsonLines(), MonitorCsv(), ConsoleLog(),
        MlflowFiles(), MlflowSqlite(), Trackio(), SwanLab(), Neptune(),
    )  # fmt: skip


class Trackers:
    """Runs that were logged elsewhere than in W&B."""

    name = "trackers"

    def claims(self, target: str) -> bool:
        """Return whether a target is a log of a known format, or a folder with one somewhere below."""
        path = Path(target).expanduser()
        errors: list[TargetError] = []
        return is_console(path) or next(_found(path, errors), None) is not None or bool(errors)

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the runs at or below a target, newest first; each is read once, however many logs it has.

        Raises:
            TargetError: The target is a text file without metrics, or some file of it cannot be read: then with
                the runs of the others.
        """
        place = Path(target).expanduser()
        errors: list[TargetError] = []
        found = [named_log(place)] if is_console(place) else list(_found(place, errors))
        refs = [
            _reference(kind, one, run_id)
            for (kind, one), run_id in zip(found, _ids(found), strict=True)
        ]
        refs.sort(key=lambda r: (r.modified, r.id), reverse=True)
        if errors:
            first = errors[0]
            raise TargetError(first.target, first.problem, first.remedy, refs)
        yield from refs


def what_was_found(refs: Sequence[RunRef]) -> str:
    """Return what other trackers' runs were found, in words; "" if there are none."""
    titles = {kind.name: kind.title for kind in formats()}
    counts = Counter(titles[ref.source] for ref in refs if ref.source in titles)
    if not counts:
        return ""
    parts = [f"{title} {count}" for title, count in counts.most_common()]
    total = sum(counts.values())
    return f"Found {total} {'run' if total == 1 else 'runs'} of other trackers: {', '.join(parts)}."


def _reference(kind: Format, found: Found, run_id: str) -> RunRef:
    return RunRef(
        id=run_id,
        source=kind.name,
        path=found.path,
        loader=partial(found.load, run_id),
        listing=found.listing,
        look=partial(_look, found, run_id),
        modified=found.modified,
        size=found.size,
        version=found.version,
    )


@lru_cache(maxsize=4096)
def _look(found: Found, run_id: str) -> Listing:
    """Return what listing shows of a run, after reading it if it is small."""
    known = found.listing()
    if found.size > _SMALL:
        return known
    try:
        run = found.load(run_id)
    except FAILURES:
        return known
    values = {k: v for k, v in run.summary.items() if isinstance(v, int | float)}
    place = {"_step": run.completeness.last_step, "_runtime": run.runtime}
    values |= {k: v for k, v in place.items() if v is not None}
    who = run.identity
    return Listing(who.name, who.project, run.state, values=values)


def _found(place: Path, errors: list[TargetError]) -> Iterator[tuple[Format, Found]]:
    """Yield the runs at or below a place; `errors` takes what cannot be read."""
    if place.is_file():
        yield from _of_file(place, errors)
    elif place.is_dir():
        yield from _below(place, errors)


def _runs(
    kind: Format, folder: Path, names: Sequence[str], errors: list[TargetError]
) -> Iterator[tuple[Format, Found]]:
    try:
        yield from ((kind, one) for one in kind.runs(folder, names))
    except TargetError as error:
        errors.append(error)


def is_console(path: Path) -> bool:
    """Return whether a target is a text file, whose lines may hold metrics."""
    return path.suffix in (".log", ".txt", ".out") and path.is_file()


def named_log(path: Path) -> tuple[Format, Found]:
    """Return the run of a console log that the user named; TargetError if it holds no metrics."""
    from postrun.sources.trackers.console_log import ConsoleLog

    log = ConsoleLog()
    return log, log.named(path)


def _of_file(path: Path, errors: list[TargetError]) -> Iterator[tuple[Format, Found]]:
    for kind in formats():
        found = list(_runs(kind, path.parent, [path.name], errors))
        if found:
            yield from found
            return


def _below(
    folder: Path, errors: list[TargetError], depth: int = 0
) -> Iterator[tuple[Format, Found]]:
    """Yield the runs of a folder and of those below it that belong to none of them."""
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: entry.is_dir() for entry in entries}
    except OSError:
        return
    names = sorted(kinds)
    if MARKER in kinds or any(name.endswith((".wandb", *_EXPORTED)) for name in names):
        return  # a store, a run of W&B, or an export, which other sources read
    if is_run_folder_name(folder.name) and not any(name.endswith(".swanlab") for name in names):
        return  # a run of W&B without its log; SwanLab calls its folders alike
    found = [item for kind in formats() for item in _runs(kind, folder, names, errors)]
    yield from _each_once(folder, names, found)
    if depth == _MAX_DEPTH:
        return
    owners = {kind.name: kind for kind, _ in found}.values()
    for name in names:
        hidden = name.startswith(".") or name in _SKIP
        if kinds[name] and not hidden and not any(kind.owns(folder, name) for kind in owners):
            yield from _below(folder / name, errors, depth + 1)


def _each_once(
    folder: Path, names: Sequence[str], found: list[tuple[Format, Found]]
) -> Iterator[tuple[Format, Found]]:
    """Yield the runs of a folder: of several logs of one run, the first format's, with its console."""
    own = [item for item in found if item[1].alone]
    yield from (item for item in found if not item[1].alone)
    if not own:
        return
    first = own[0][0]
    others = list(
        dict.fromkeys(kind.title for kind, _ in own if kind.name not in (first.name, CONSOLE))
    )
    logs = [folder / name for name in names if name.endswith(_LOGS)]
    log = logs[0] if len(logs) == 1 and first.name != CONSOLE else None
    for kind, one in own:
        if kind is first:
            yield kind, replace(one, load=partial(_load_with, one, others, log))


def _load_with(found: Found, others: list[str], log: Path | None, run_id: str) -> Run:
    """Read a run, note what else its folder holds of it, and add the console log beside it."""
    from postrun.sources.trackers.console_log import console_frame, read_text

    run = found.load(run_id)
    if others:
        run.completeness.notes.append(
            f"its folder also holds logs of {', '.join(others)}, which were not read"
        )
    if log is not None and not run.console.height:
        try:
            run.console = console_frame(read_text(log))
        except TargetError as error:
            run.completeness.notes.append(f"{log.name}: {error.problem}")
    return run


def _ids(found: Sequence[tuple[Format, Found]]) -> list[str]:
    """Return an id for each run that no other has: its own, or as many folders of its path as that takes."""
    ids = [one.id or _named(one, 0) for _, one in found]
    for depth in range(1, 20):
        counts = Counter(ids)
        if max(counts.values(), default=1) == 1:
            break
        ids = [
            _named(one, depth) if counts[run_id] > 1 else run_id
            for (_, one), run_id in zip(found, ids, strict=True)
        ]
    return ids


def _named(found: Found, more: int) -> str:
    """Return a run's id by its folder, those above it if the name says nothing, and `more` of them."""
    path = found.path.resolve()
    folders = list((path.parent if path.is_file() else path).parts[1:])
    kept = [folders.pop()] if folders else []
    while folders and (kept[0].lower().rstrip("_0123456789.-") in _VAGUE or more):
        more -= kept[0].lower().rstrip("_0123456789.-") not in _VAGUE
        kept.insert(0, folders.pop())
    own = [found.id] if found.id else []
    return "-".join([*kept, *own]).replace(" ", "_")
