"""A run from what a tracker's files hold: times, steps and completeness are filled in the same way for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model import Completeness, Identity, Run, Seam, State
from postrun.model.run import with_times
from postrun.model.times import parse_time
from postrun.sources.frames.joined import joined_rows

#: Parts that follow one another, as against parts that were written at the same time.
RESUMED = "resumed"


def tracker_run(
    source: str,
    identity: Identity,
    history: pl.DataFrame,
    path: Path,
    *,
    notes: Sequence[str] = (),
    config: dict[str, Any] | None = None,
    state: State = State.UNKNOWN,
    ended: float | None = None,
) -> Run:
    """Return a run with its times, summary and completeness.

    `history` may lack the columns of times. `ended` is the end in Unix seconds, if the tracker recorded it.
    """
    frame = joined_rows(with_times(history))
    started = identity.started_at
    stamps = frame["_timestamp"].drop_nulls()
    if started is None and len(stamps):
        identity.started_at = started = moment(stamps.min())
    if started is not None and not frame["_runtime"].count() and len(stamps):
        seconds = (frame["_timestamp"] - started.timestamp()).clip(lower_bound=0.0)
        frame = frame.with_columns(seconds.alias("_runtime"))
    run = Run(identity=identity, state=state, config=config or {}, history=frame, path=path)
    run.summary = last_values(frame)
    run.runtime = _runtime(frame, started, ended)
    run.completeness = _completeness(source, frame, notes)
    return run


def moment(seconds: object) -> datetime | None:
    """Return Unix seconds as a time, None if they are none or lie beyond the years that Python has."""
    return parse_time(seconds) if isinstance(seconds, int | float) else None


def last_values(history: pl.DataFrame) -> dict[str, Any]:
    """Return the last value of each metric."""
    names = [n for n in history.columns if n not in ("_step", "_runtime", "_timestamp")]
    values = {name: history[name].alias("x").drop_nulls() for name in names}
    return {name: known[-1] for name, known in values.items() if len(known)}


def add_seams(run: Run, parts: NDArray[np.int64], names: Sequence[str]) -> None:
    """Note where one part of a run ends and the next begins, if the parts follow one another."""
    at = np.flatnonzero(np.diff(parts)) + 1
    if len(at) >= len(names):
        return  # parts that were written at the same time
    steps, times = run.history["_step"], run.history["_timestamp"]
    for row in at.tolist():
        before, after = times[row - 1], times[row]
        gap = None if before is None or after is None else after - before
        part = names[int(parts[row])]
        run.completeness.seams.append(Seam(row, steps[row - 1], steps[row], gap, part))


def _runtime(history: pl.DataFrame, started: datetime | None, ended: float | None) -> float | None:
    last = history["_runtime"].max()
    logged = float(last) if isinstance(last, int | float) else None
    if ended is not None and started is not None and ended > started.timestamp():
        return max(ended - started.timestamp(), logged or 0.0)
    return logged


def _completeness(source: str, history: pl.DataFrame, notes: Sequence[str]) -> Completeness:
    steps = history["_step"]
    low, high = steps.min(), steps.max()
    floats = [series for series in history if series.dtype.is_float()]
    return Completeness(
        source=source,
        rows=history.height,
        no_history="" if history.height else "no row was logged",
        first_step=low if isinstance(low, int) else None,
        last_step=high if isinstance(high, int) else None,
        nonfinite=sum(int((~s.drop_nulls().is_finite()).sum()) for s in floats),
        notes=list(notes),
    )
