"""Local W&B run folders as a source: find them cheaply, load them when asked."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

from postrun.model import Listing, Run, RunRef, State, TargetError
from postrun.sources.files import stamp
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.framing import BLOCK, HEADER, LogReader
from postrun.sources.wandb_local.schema import RECORD
from postrun.store.schema import MARKER

_FOLDER = re.compile(r"^(?:offline-)?run-(\d{8}_\d{6})-(.+)$")
_SKIP = {"files", "logs", "tmp", ".git", "node_modules", "__pycache__", "artifacts"}
_MAX_DEPTH = 6
#: What a run is read from beside its log.
_BESIDE = (
    "config.yaml", "wandb-metadata.json", "wandb-summary.json", "requirements.txt", "output.log",
)  # fmt: skip


class WandbLocal:
    """Folders that the wandb SDK wrote, online or offline, and single `.wandb` files."""

    name = "wandb_local"

    def claims(self, target: Path) -> bool:
        """A `.wandb` file, or a folder that holds one somewhere below."""
        if target.is_file():
            return target.suffix == ".wandb"
        return target.is_dir() and next(_logs_below(target), None) is not None

    def find(self, target: Path) -> Iterator[RunRef]:
        """Runs below `target`, newest first; parts of one resumed run make one reference."""
        groups: dict[tuple[Path, str], list[Path]] = {}
        for log in [target] if target.is_file() else _logs_below(target):
            groups.setdefault((log.parent.parent, run_id(log)), []).append(log)
        refs = [_reference(key[1], _without_copies(logs)) for key, logs in groups.items()]
        yield from sorted(refs, key=lambda r: (r.modified, r.id), reverse=True)


def run_id(log: Path) -> str:
    """The run's id by the name of its log or folder."""
    if log.stem.startswith("run-"):
        return log.stem[4:]
    match = _FOLDER.match(log.parent.name)
    return match.group(2) if match else log.stem


def _logs_below(folder: Path | str, depth: int = 0) -> Iterator[Path]:
    """`.wandb` files, by name; what `latest-run` leads to last. Listed with their types: one call a folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda e: (e.name == "latest-run", e.name))
    except OSError:
        return
    folders, names = [], {entry.name for entry in entries}
    if MARKER in names:
        return  # a store of runs: thousands of folders, and no log in any
    for entry in entries:
        if entry.name in _SKIP or entry.name.startswith("."):
            continue
        with suppress(OSError):
            if entry.name.endswith(".wandb") and entry.is_file():
                yield Path(entry.path)
            elif entry.is_dir() and not _is_alias(entry, names):
                folders.append(entry.path)
    if depth < _MAX_DEPTH:
        for path in folders:
            yield from _logs_below(path, depth + 1)


def _is_alias(entry: os.DirEntry[str], names: set[str]) -> bool:
    """True for a link to a folder beside it, as `latest-run` is: that one is looked into anyway."""
    return entry.is_symlink() and os.readlink(entry.path) in names  # noqa: PTH115


def _without_copies(logs: list[Path]) -> list[Path]:
    """Logs of one run id without copies, such as a `latest-run` folder that is no link.

    A copy may have been cut short. The first records hold the start time in nanoseconds, so two
    logs that begin alike are one; the longest is kept.
    """
    if len(logs) == 1:
        return logs
    kept: list[tuple[bytes, Path]] = []
    for log in sorted(logs, key=lambda p: p.stat().st_size, reverse=True):
        try:
            with log.open("rb") as file:
                head = file.read(2048)
        except OSError:
            head = b""  # loading it will say why
        if len(head) <= len(HEADER) or not any(known.startswith(head) for known, _ in kept):
            kept.append((head, log))
    return [log for _, log in kept]


def _reference(run: str, logs: list[Path]) -> RunRef:
    logs = sorted(logs, key=lambda p: (p.parent.name.removeprefix("offline-"), p.name))
    newest, stats = logs[-1], [log.stat() for log in logs]
    listing = partial(_listing, newest, stats[-1].st_size, stats[-1].st_mtime_ns)
    return RunRef(
        id=run if newest.stem.startswith("run-") else str(_head(newest).get("run_id", run)),
        source="wandb_local",
        path=newest,
        loader=partial(_load, run, tuple(logs)),
        part_loader=partial(_load, run, tuple(logs)),
        listing=listing,
        modified=_started(newest),
        size=sum(stat.st_size for stat in stats),
        version=_version(logs),
    )


def _version(logs: list[Path]) -> str:
    """Size and time of change of all that a run is read from."""
    found = []
    for log in logs:
        beside = f"{log.parent}/files/"  # text, for paths cost as much as looking at the files
        found += [stamp(log), *(stamp(beside + name) for name in _BESIDE)]
    return " ".join(found)


@lru_cache(maxsize=20_000)
def _listing(log: Path, size: int, changed: int) -> Listing:
    """Name, project and state by the first and last records of a log of this size and time."""
    head = _head(log)
    name, project = (str(head.get(key, "")) for key in ("display_name", "project"))
    return Listing(name, project, _peek_state(log))


def _load(run: str, logs: tuple[Path, ...], only: frozenset[str] | None = None) -> Run:
    from postrun.sources.wandb_local.build import load_run

    return load_run(run, list(logs), only)


def _started(log: Path) -> float:
    """Start by the folder's name (the machine's local time), else the file's time."""
    match = _FOLDER.match(log.parent.name)
    if match:
        try:
            return time.mktime(time.strptime(match.group(1), "%Y%m%d_%H%M%S"))
        except (ValueError, OverflowError):
            pass
    return log.stat().st_mtime


def _head(log: Path) -> dict[str, object]:
    """The run record, which is among the first records of each log."""
    try:
        for payload in LogReader(log).head(2 * BLOCK):
            number, start, end = wire.record(payload)
            if RECORD.get(number) == "run":
                return wire.decode(payload, "RunRecord", start, end)
    except (TargetError, wire.WireError, OSError):
        pass
    return {}


def _peek_state(log: Path) -> State:
    """The state by the last blocks of the log alone: the exit record is among the last ones.

    UNKNOWN for a log without one that was written to within the last minutes.
    """
    size = log.stat().st_size
    if size <= len(HEADER):
        return State.CRASHED
    try:
        last = LogReader(log).tail(4 * BLOCK)
    except OSError:
        return State.UNKNOWN
    for payload in reversed(last):
        try:
            number, start, end = wire.record(payload)
            if RECORD.get(number) == "exit":
                exited = wire.decode(payload, "RunExitRecord", start, end)
                return State.FAILED if exited.get("exit_code") else State.FINISHED
        except wire.WireError:
            continue
    return State.UNKNOWN if time.time() - log.stat().st_mtime < 120 else State.CRASHED
