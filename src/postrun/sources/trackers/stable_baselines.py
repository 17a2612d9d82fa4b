"""Stable-Baselines3 (and Baselines): `progress.csv` of its logger, `monitor.csv` of its environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Identity, Run, TargetError
from postrun.sources.exported.delimited import header_of, read_delimited
from postrun.sources.exported.history import read_history
from postrun.sources.lenient_json import object_of
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.cut_line import without_cut_line

_PROGRESS, _MONITOR = "progress.csv", "monitor.csv"
#: Columns that count environment steps, and seconds since the start.
_STEPS = ("time/total_timesteps", "total_timesteps", "time/total timesteps")
_SECONDS = ("time/time_elapsed", "time_elapsed")
#: Columns of a monitor and what a history calls them.
_EPISODES = {"r": "episode/reward", "l": "episode/length"}


class ProgressCsv:
    """The CSV output of the logger."""

    name = "stable_baselines"
    title = "Stable-Baselines3"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run whose logger wrote into a folder."""
        path = folder / _PROGRESS
        if _PROGRESS in names and len(header_of(path)) > 1:
            yield Found(path, (path,), partial(_load_progress, self.name, path))

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: nothing below a log folder belongs to it."""
        return False


class MonitorCsv:
    """Episodes as the Monitor of each environment writes them."""

    name = "monitor"
    title = "Stable-Baselines3 Monitor"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run whose environments wrote their episodes into a folder."""
        paths = [folder / n for n in sorted(names) if n == _MONITOR or n.endswith(f".{_MONITOR}")]
        paths = [path for path in paths if "r" in header_of(path)]
        if paths:
            place = paths[0] if len(paths) == 1 else folder
            yield Found(place, tuple(paths), partial(_load_monitors, self.name, place, paths))

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: nothing below a log folder belongs to it."""
        return False


def _load_progress(source: str, path: Path, run_id: str) -> Run:
    notes: list[str] = []
    frame = without_cut_line(read_history(path, notes), path, notes)
    steps = next((n for n in _STEPS if n in frame.columns and frame[n].dtype.is_numeric()), None)
    if steps:
        frame = frame.with_columns(pl.col(steps).cast(pl.Int64, strict=False).alias("_step"))
    seconds = next(
        (n for n in _SECONDS if n in frame.columns and frame[n].dtype.is_numeric()), None
    )
    if seconds:
        frame = frame.with_columns(pl.col(seconds).cast(pl.Float64).alias("_runtime"))
    return tracker_run(source, Identity(run_id, name=run_id), frame, path, notes=notes)


def _load_monitors(source: str, place: Path, paths: list[Path], run_id: str) -> Run:
    """Read the episodes of all environments in the order in which they ended.

    Raises:
        TargetError: None of the files can be read.
    """
    notes: list[str] = []
    frames: list[pl.DataFrame] = []
    settings: dict[str, Any] = {}
    for path in paths:
        about = _header(path)
        try:
            frame = without_cut_line(read_delimited(path, notes), path, notes)
        except TargetError as error:
            notes.append(f"{path.name}: {error.problem}")
            continue
        start = about.get("t_start")
        if isinstance(start, int | float) and "t" in frame.columns:
            frame = frame.with_columns(
                (pl.col("t").cast(pl.Float64, strict=False) + start).alias("_timestamp")
            )
        frames.append(frame)
        settings |= {"env_id": about["env_id"]} if about.get("env_id") else {}
    if not frames:
        raise TargetError(place, "; ".join(notes), "Give a folder with whole monitor.csv files.")
    episodes = pl.concat(frames, how="diagonal_relaxed")
    if "_timestamp" in episodes.columns:
        episodes = episodes.sort("_timestamp", maintain_order=True)
    if "l" in episodes.columns:
        done = pl.col("l").cast(pl.Int64, strict=False).fill_null(0).cum_sum()
        episodes = episodes.with_columns(done.alias("_step"))
    episodes = episodes.drop("t", strict=False).rename(_EPISODES, strict=False)
    run = tracker_run(
        source, Identity(run_id, name=run_id), episodes, place, notes=notes, config=settings
    )
    run.completeness.notes.append(
        f"a row is an episode of one of {len(frames)} environments, and `_step` counts their steps"
    )
    return run


def _header(path: Path) -> dict[str, Any]:
    """Return what the first line of a monitor's file says of it."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return object_of(file.readline().lstrip("#")) or {}
    except OSError:
        return {}
