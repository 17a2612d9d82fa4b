"""Local W&B run folders as a source: find them cheaply, load them when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from postrun.model import Growing, Listing, Run, RunRef, State, TargetError
from postrun.sources.files import leads_out, stamp
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.evidence import ALIVE_SECONDS, ended, knows_end
from postrun.sources.wandb_local.find import (
    FILES,
    folder_of,
    folder_time,
    is_dated,
    places,
    run_id,
)
from postrun.sources.wandb_local.framing import BLOCK, HEADER, LogReader
from postrun.sources.wandb_local.last_values import last_values, small_object
from postrun.sources.wandb_local.last_words import ended_in_words, last_lines
from postrun.sources.wandb_local.schema import RECORD


class WandbLocal:
    """Folders that the wandb SDK wrote, online or offline, and single `.wandb` files.

    A folder is read even if its log is missing, and in the form that SDK 0.8 and 0.9 wrote.
    """

    name = "wandb_local"

    def claims(self, target: str) -> bool:
        """Return whether the target is a `.wandb` file, or a folder with a run somewhere below."""
        path = Path(target).expanduser()
        if path.is_file():
            return path.suffix == ".wandb"
        return path.is_dir() and next(places(path), None) is not None

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield runs below `target`, newest first; segments of one run make one reference."""
        groups: dict[tuple[Path, str], list[Path]] = {}
        named, refused = Path(target).expanduser(), []
        for place in places(named):
            if place != named and _is_foreign(place):
                refused.append(_refused(place))
                continue
            groups.setdefault((folder_of(place).parent, run_id(place)), []).append(place)
        refs = [_reference(key[1], _without_copies(found)) for key, found in groups.items()]
        yield from sorted([*refs, *refused], key=lambda r: (r.modified, r.id), reverse=True)


def _is_foreign(place: Path) -> bool:
    """Return whether the log of a run folder is a link out of it.

    A folder of links that a user made is no run folder.
    """
    return (
        place.suffix == ".wandb" and place.is_symlink()
        and is_dated(place.parent) and leads_out(place)
    )  # fmt: skip


def _refused(place: Path) -> RunRef:
    """Return a reference that says why the log is not read."""

    def load() -> Run:
        raise TargetError(
            place,
            "the log file is a link out of the run's folder and was not followed",
            f"If you trust it, name it: {place}; or copy the folder with cp -rL.",
        )

    return RunRef(
        id=run_id(place),
        source="wandb_local",
        path=place,
        loader=load,
        listing=Listing,
        modified=folder_time(place) or 0.0,
    )


def _without_copies(found: list[Path]) -> list[Path]:
    """Return the places of one run id without copies, such as a `latest-run` that is no link.

    A copy may have been cut short. The first records hold the start time in nanoseconds, so two
    logs that begin alike are one; the longest is kept.
    """
    if len(found) == 1:
        return found
    kept: list[tuple[bytes, Path]] = []
    for place in sorted(found, key=lambda p: p.stat().st_size if p.is_file() else 0, reverse=True):
        try:
            with place.open("rb") as file:
                head = file.read(2048)
        except OSError:
            head = b""  # a folder without a log; or loading it will say why
        if len(head) <= len(HEADER) or not any(known.startswith(head) for known, _ in kept):
            kept.append((head, place))
    return [place for _, place in kept]


def _reference(run: str, found: list[Path]) -> RunRef:
    found = sorted(found, key=lambda p: (_dated(folder_of(p).name), p.name))
    newest, stats = found[-1], [place.stat() for place in found]
    version = _version(found)
    return RunRef(
        id=run if not _own_name(newest) else str(_head(newest).get("run_id", run)),
        source="wandb_local",
        path=newest,
        loader=partial(_load, run, tuple(found)),
        part_loader=partial(_load, run, tuple(found)),
        listing=partial(_listing, newest, version),
        modified=folder_time(newest) or stats[-1].st_mtime,
        size=sum(stat.st_size for stat in stats),
        version=version,
        follow=partial(_follow, run, tuple(found)) if newest.suffix == ".wandb" else None,
    )


def _own_name(place: Path) -> bool:
    """Return whether a log was renamed by its user, so that its name is not the run's id."""
    return place.suffix == ".wandb" and not place.stem.startswith("run-")


def _dated(folder: str) -> str:
    """Return a run folder's name from the date on."""
    return folder.removeprefix("offline-").removeprefix("dry")


def _version(found: list[Path]) -> str:
    """Return the size and time of change of all that a run is read from."""
    told = []
    for place in found:
        folder = folder_of(place)
        below = (
            f"{folder}/files/" if place.is_file() or (folder / "files").is_dir() else f"{folder}/"
        )
        # Text, for paths cost as much as looking at the files.
        told += [stamp(place), *(stamp(below + name) for name in FILES)]
    return " ".join(told)


@lru_cache(maxsize=20_000)
def _listing(place: Path, version: str) -> Listing:
    """Return name, project and state by the first and last records of a log of this version."""
    head = _head(place)
    name, project = (str(head.get(key, "")) for key in ("display_name", "project"))
    last = _tail(place)
    folder = folder_of(place)
    summary = small_object(folder, "wandb-summary.json")
    inherited = bool(
        head.get("resumed")
    )  # a resumed run's summary may be that of its first segment
    state, code = _peek_state(place, last, folder, {} if inherited or not summary else summary)
    return Listing(
        name, project, state, ended_in_words(folder, state, code), last_values(summary, last or [])
    )


def _load(run: str, found: tuple[Path, ...], only: frozenset[str] | None = None) -> Run:
    from postrun.sources.console_rows import fill_from_console
    from postrun.sources.wandb_local.build import load_run

    read = load_run(run, list(found), only)
    fill_from_console(read)
    return read


def _follow(run: str, found: tuple[Path, ...]) -> Growing:
    from postrun.sources.wandb_local.live import LiveRun

    return LiveRun(run, list(found))


def _head(place: Path) -> dict[str, object]:
    """Return the run record, which is among the first records of each log; {} if there is none."""
    try:
        for payload in LogReader(place).head(2 * BLOCK):
            number, start, end = wire.record(payload)
            if RECORD.get(number) == "run":
                return wire.decode(payload, "RunRecord", start, end)
    except (TargetError, wire.WireError, OSError):
        pass
    return {}


def _tail(place: Path) -> list[bytes] | None:
    """Return the records of the last blocks of a log, [] if there is no log; None if it may not be read."""
    try:
        return LogReader(place).tail(4 * BLOCK) if place.is_file() else []
    except OSError:
        return None


def _peek_state(
    place: Path, last: list[bytes] | None, folder: Path, summary: dict[str, Any]
) -> tuple[State, int | None]:
    """Return the state and the exit code by the last records of the log, among which the exit record is.

    UNKNOWN for a log without one that was written to within the last minutes. Without a readable
    log the files of the run are asked, and also if they know of an end that the log lacks.
    """
    if last is None:
        return State.UNKNOWN, None
    for payload in reversed(last):
        try:
            number, start, end = wire.record(payload)
            if RECORD.get(number) == "exit":
                exited = wire.decode(payload, "RunExitRecord", start, end)
                code = int(exited.get("exit_code") or 0)
                return (State.FAILED if code else State.FINISHED), code
        except wire.WireError:
            continue
    if not last:
        return _state_by_files(place)
    if time.time() - place.stat().st_mtime < ALIVE_SECONDS:
        return State.UNKNOWN, None
    metadata = small_object(folder, "wandb-metadata.json") or {}
    if knows_end(summary, metadata):
        found = ended(last_lines(folder), summary, metadata)
        if found is not None:
            return found.state, found.exit_code
    return State.CRASHED, None


def _state_by_files(place: Path) -> tuple[State, int | None]:
    """Return the state as loading the run tells it: without a log, that costs little."""
    from postrun.sources.wandb_local.ending import part_end
    from postrun.sources.wandb_local.part import read_part

    try:
        end = part_end(read_part(place, frozenset()))
    except TargetError:
        return (State.CRASHED if place.is_file() else State.UNKNOWN), None
    return end.state, end.exit_code
