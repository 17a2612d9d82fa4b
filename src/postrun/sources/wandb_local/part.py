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
        if self.started is not None and self.last_sign is not None:
            own.append(self.last_sign - self.started)
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
        if not files.found:
            raise
        log = Log(path)
        log.unreadable, log.remedy = error.problem, error.remedy
    except OSError as error:
        problem = f"the log file cannot be read: {error.strerror}"
        if not files.found:
            raise TargetError(path, problem) from error
        log = Log(path)
        log.unreadable = problem
    else:
        if not log.records:
            log.unreadable = "the log file holds a header and no records"
            log.remedy = "Nothing had been written to disk yet, or the copy is incomplete."
    return log


#: `output.log` of a log that is whole is parsed only if it has more lines than this share and number
#: beyond the log's own: empty lines at the end and redrawn progress bars explain a few.
_SPARE_SHARE, _SPARE_LINES = 0.05, 20
#: Share of the log's lines that `output.log` must hold to be the same console, only longer.
_SAME = 0.9


def _console(log: Log, files: FilesFolder) -> pl.DataFrame:
    """Return the longer of the log's console and `output.log`.

    Lines that both begin with are taken from the log, which knows their time and stream. Newlines
    are counted before anything is parsed: a file that cannot be longer costs nothing.
    """
    ours = log.console
    spare = _SPARE_SHARE * ours.height + _SPARE_LINES if log.exited and not log.truncated else 0
    if not files.console or (ours.height and files.console.count("\n") <= ours.height + spare):
        return ours
    console = Console()
    console.write("stdout", files.console, None)
    theirs = console.frame()
    held = ours["line"].is_in(theirs["line"].implode()).sum()
    if theirs.height <= ours.height or held < _SAME * ours.height:
        return ours
    common = _common_lines(ours, theirs)
    return pl.concat([ours[:common], theirs[common:]])


def _common_lines(ours: pl.DataFrame, theirs: pl.DataFrame) -> int:
    """Return how many lines at the beginning are equal in two consoles."""
    most = min(ours.height, theirs.height)
    differ = (ours["line"][:most] != theirs["line"][:most]).arg_true()
    return int(differ[0]) if len(differ) else most
