"""One segment of a run: its log and the files beside it, read together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import TargetError
from postrun.sources.wandb_local.console import Console
from postrun.sources.wandb_local.files_folder import FilesFolder, read_files_folder
from postrun.sources.wandb_local.find import folder_of, folder_time
from postrun.sources.wandb_local.legacy import is_legacy, read_legacy
from postrun.sources.wandb_local.log import Log, read_log, seconds


@dataclass(slots=True)
class Part:
    """One segment of a run. Times are Unix seconds, None if unknown."""

    place: Path
    log: Log
    files: FilesFolder
    console: pl.DataFrame

    @property
    def folder(self) -> Path:
        """The run folder."""
        return folder_of(self.place)

    @property
    def started(self) -> float | None:
        """The start by the log, else by the metadata, else by the folder's name."""
        moment = self.files.started_at
        told = moment.timestamp() if moment is not None else folder_time(self.place)
        return seconds(self.log.run.get("start_time")) or told

    @property
    def last_sign(self) -> float | None:
        """The latest time that the log dates anything with."""
        times = [
            frame["_timestamp" if "_timestamp" in frame.columns else "timestamp"].max()
            for frame in (self.log.history, self.log.system, self.log.console)
            if frame.height
        ]
        return max((float(t) for t in times if isinstance(t, int | float)), default=self.started)

    @property
    def rows_span(self) -> tuple[float, float] | None:
        """The times of the first and the last row, None without dated rows."""
        times = self.log.history["_timestamp"]
        first, last = times.min(), times.max()
        known = isinstance(first, int | float) and isinstance(last, int | float)
        return (float(first), float(last)) if known else None  # type: ignore[arg-type]

    @property
    def seconds(self) -> float | None:
        """The duration of this segment alone, without what a resumed run had run before it."""
        earlier = self.log.run.get("runtime", 0)
        exited = self.log.exit_runtime
        own = [] if exited is None else [float(exited - earlier)]
        start, last = self.started, self.last_sign
        if start is not None and last is not None and last > start:
            own.append(last - start)
        return max(own, default=None)

    @property
    def branch(self) -> tuple[str, float, str] | None:
        """Where this segment branched off: (run id, value, metric), None if it did not."""
        point: dict[str, Any] = self.log.run.get("branch_point") or {}
        if point.get("run"):
            return point["run"], float(point.get("value", 0.0)), point.get("metric") or "_step"
        told = self.log.internal_config.get("branch_point") or self.files.internal.get(
            "branch_point"
        )
        if isinstance(told, dict) and told.get("run_id"):
            return str(told["run_id"]), float(told.get("step") or 0), "_step"
        return None


def read_part(place: Path, only: frozenset[str] | None = None) -> Part:
    """Read one segment; `only` names the wanted metrics of the history, None for all.

    Raises:
        TargetError: Neither the log nor a file beside it could be read.
    """
    files = read_files_folder(folder_of(place))
    if place.is_dir():
        log = read_legacy(place, files) if is_legacy(place) else _missing(place)
    else:
        log = _log(place, only, files)
    return part_of(place, log, files)


def part_of(place: Path, log: Log, files: FilesFolder) -> Part:
    """Return the segment of a log and the files beside it."""
    return Part(place, log, files, _console(log, files))


def _missing(folder: Path) -> Log:
    log = Log(folder)
    log.unreadable = "the log file (run-ID.wandb) is missing"
    log.remedy = "Copy the whole run folder again, or read the run from the server."
    return log


def _log(path: Path, only: frozenset[str] | None, files: FilesFolder) -> Log:
    try:
        log = read_log(path, only)
    except TargetError as error:
        if not files.files:
            raise
        log = Log(path)
        log.unreadable, log.remedy = error.problem, error.remedy
    except OSError as error:
        problem = f"the log file cannot be read: {error.strerror}"
        if not files.files:
            raise TargetError(path, problem) from error
        log = Log(path)
        log.unreadable = problem
    else:
        if not log.records:
            log.unreadable = "the log file holds a header and no records"
            log.remedy = "Nothing had been written to disk yet, or the copy is incomplete."
    return log


#: How many of the log's last lines are sought in `output.log` to find where both stand.
_ANCHORS = 50


def _console(log: Log, files: FilesFolder) -> pl.DataFrame:
    """Return the log's console, and what `output.log` holds after its end.

    The log knows the time and stream of its lines, but it may be cut, or lack the last lines of a
    process that died. A file that shares none of the log's last lines is another console.
    """
    ours = log.console
    if not ours.height:
        return _screen(files.console, log.notes) if files.console else ours
    lines = ours["line"].to_list()[-_ANCHORS:]
    for line in reversed(lines):
        at = files.console.rfind(line) if line.strip() else -1
        if at >= 0:
            later = files.console[at + len(line) :]
            break
    else:
        return ours
    if not later.strip():
        return ours
    known = ours["line"][-len(later) :].implode()
    new = _screen(later, log.notes).filter(
        ~pl.col("line").is_in(known) & (pl.col("line").str.len_chars() > 0)
    )
    return pl.concat([ours, new]) if new.height else ours


def _screen(text: str, notes: list[str]) -> pl.DataFrame:
    """Return the lines that a terminal would show of a text; `notes` takes what was left out."""
    console = Console()
    console.write("stdout", text, None)
    notes += console.notes
    return console.frame()
