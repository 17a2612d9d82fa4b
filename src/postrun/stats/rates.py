"""Whether times and rates can be believed: rows that were synced in bursts, and means since the start."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats, median

#: A gap between two rows this small beside the mean gap is none: the rows got their times together.
_NO_GAP = 0.01
#: Rows that got their times together in groups of this size, as a share of all: a sync, not training.
_GROUP, _TOGETHER = 5, 0.5
#: More than this share of a value, in units of 1 / n, and at more than this share of the rows, no mean rises.
_RISE, _OFTEN = 3.0, 0.02
#: A mean of many values moves by less than this share from one to the next.
_ROUGH = 0.03
#: The slope of log |second difference| over log n: -1 for a mean since the start, 0 for a rate.
_SLOPE = -0.6
#: Work over a mean since the start is the elapsed time: the largest deviation, as a share of all of it.
_EXACT = 0.02


def in_bursts(seconds: Floats) -> bool:
    """Return whether rows got their times in bursts, as when TensorBoard files are synced.

    The time between two bursts is then no step's. A trainer that logs a few rows at each step is none.

    Args:
        seconds: Times of all rows, in order.
    """
    gaps = np.diff(seconds)
    if len(gaps) < 4 or gaps.sum() <= 0:
        return False
    starts = np.flatnonzero(np.r_[True, gaps > _NO_GAP * gaps.mean()])
    sizes = np.diff(np.r_[starts, len(seconds)])
    return len(sizes) > 1 and float(sizes[sizes >= _GROUP].sum()) >= _TOGETHER * len(seconds)


def running_mean(y: Floats, x: Floats | None = None, seconds: Floats | None = None) -> bool:
    """Return whether a rate is a mean since the start, which hides when anything became slower.

    Either the work over the rate is the elapsed time (`x` counts the work, `seconds` are the times of the
    values), or each new value changes it less, as 1 / n.

    Args:
        y: The rate at each row.
        x: The work done until each row (steps, samples), if known.
        seconds: The time of each row, if known.
    """
    if x is not None and seconds is not None and _is_elapsed(y, x, seconds):
        return True
    return _settles(y)


def _is_elapsed(y: Floats, x: Floats, seconds: Floats) -> bool:
    """Return whether x / y is the time since a start, up to a constant, while y changes."""
    usable = (y > 0) & (x > 0) & np.isfinite(seconds)
    y, x, seconds = y[usable], x[usable], seconds[usable]
    if len(y) < 12 or np.ptp(y) < 0.05 * median(y):
        return False
    off = seconds - x / y
    span = float(seconds[-1] - seconds[0])
    return span > 0 and float(np.ptp(off[len(off) // 20 :])) <= _EXACT * span


def _settles(y: Floats) -> bool:
    # A mean of n values rises by a share of 1 / n at most, if each stands for as much work.
    rises = np.diff(y) / np.maximum(np.abs(y[:-1]), 1e-300) * np.arange(1, len(y))
    if float(np.mean(rises > _RISE)) > _OFTEN:
        return False
    # Relative to the rate: a run that becomes slower has a smaller scatter too.
    moves = np.abs(np.diff(y, 2)) / np.maximum(np.abs(y[1:-1]), 1e-300)
    skip = max(2, len(moves) // 20)
    n = np.arange(1, len(moves) + 1)[skip:]
    moves = moves[skip:]
    moved = moves > 0
    if moved.sum() < 12 or median(moves[len(moves) // 2 :]) > _ROUGH:
        return False
    groups = np.array_split(np.flatnonzero(moved), 6)
    levels = np.array([np.log(median(moves[g])) for g in groups])
    at = np.array([np.log(median(n[g].astype(float))) for g in groups])
    # One part that is quieter than the others does not make a trend (Theil and Sen).
    first, second = np.triu_indices(len(at), 1)
    return float(median((levels[second] - levels[first]) / (at[second] - at[first]))) < _SLOPE
