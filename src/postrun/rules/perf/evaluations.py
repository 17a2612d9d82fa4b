"""Evaluations, during which a run logs nothing by design."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.metrics import RunView
from postrun.stats.robust import Floats, median

#: Splits of metrics that an evaluation logs.
_EVALUATED = ("eval", "test")
#: If more rows than this share hold evaluation metrics, they tell nothing apart.
_MOST = 0.34
#: Pauses of which at least this share fall together with evaluations are evaluations.
_AGREE = 0.7


def evaluated_rows(view: RunView) -> NDArray[np.int64]:
    """Return the rows that hold a metric of an evaluation; none if most rows do."""
    return view.once(_evaluated_rows)


def at_evaluations(view: RunView, x: Floats) -> bool:
    """Return whether most of these steps log an evaluation, or the steps just before them do."""
    rows = evaluated_rows(view)
    if not len(rows) or len(rows) < min(2, len(x)):
        return False
    at = np.array([view.x_of(int(row)) for row in rows])
    distance = np.abs(at[:, None] - x[None, :]).min(axis=0)
    return float(np.mean(distance <= _usual_move(view))) >= _AGREE


def ends_with_evaluation(view: RunView, stop: float) -> bool:
    """Return whether the row at a time (Unix seconds) holds what an evaluation found."""
    times = view.run.history["_timestamp"].to_numpy()[evaluated_rows(view)]
    return bool((np.abs(times - stop) < 1).any())


def _usual_move(view: RunView) -> float:
    steps, _ = view.clock
    moves = np.diff(steps)
    return max(1.0, median(moves[moves > 0])) if (moves > 0).any() else 1.0


def _evaluated_rows(view: RunView) -> NDArray[np.int64]:
    keys = [key for key, info in view.metrics.items() if info.split in _EVALUATED]
    if not keys:
        return np.zeros(0, np.int64)
    known = view.run.history.select(pl.any_horizontal(pl.selectors.by_name(keys).is_not_null()))
    rows = np.flatnonzero(known.to_series().to_numpy())
    return rows if len(rows) <= _MOST * view.run.history.height else np.zeros(0, np.int64)
