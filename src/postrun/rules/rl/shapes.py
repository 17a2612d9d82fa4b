"""Shapes of a policy's curves: a fall that stays, one hill."""

from __future__ import annotations

import numpy as np

from postrun.metrics import Series
from postrun.stats.robust import (
    bin_medians,
    median,
    noise_sigma,
)

#: A metric that never exceeds this is a share: rounding takes a sum of shares a little above 1.
LARGEST_SHARE = 1.0001
#: With fewer values before an onset, the metric had no level of its own before it.
LEAST_BEFORE = 5
#: A fall is dated by the first level by which this share of it was done.
_FALLEN = 0.8
#: With fewer rows, twelve parts have fewer than four values each.
_HILL_ROWS = 48
#: A hill is higher than this share of the first level and than so many noise levels; no move against the
#: climb or the descent is larger than this share of it.
_HILL_SHARE, _HILL_SIGMAS, _HILL_AGAINST = 0.5, 20.0, 0.2


def lasting_fall(series: Series, kept_share: float) -> tuple[float, float, int] | None:
    """Start level, end level, and the index by which 80% of the fall was done."""
    _, levels, first = bin_medians(series.x, series.y, min(60, len(series) // 5))
    start, end = float(levels[0]), median(levels[-max(1, len(levels) // 10) :])
    if not start > 0 or end > kept_share * start:
        return None
    k = int(np.argmax(levels <= start - _FALLEN * (start - end)))
    return start, end, int(first[k])


def one_hill(series: Series, sign: int) -> bool:
    """Return whether a series climbs one hill and comes down again, by levels of twelve parts.

    The reading of a curve takes a hill as wide as the run for slow noise. Slow noise wanders: here no move
    against the climb or the descent is larger than a fifth of them, and both are larger than half the first
    level and 20 noise levels.
    """
    if len(series) < _HILL_ROWS or not sign:
        return False
    levels = bin_medians(series.x, series.y, 12)[1] * sign
    k = int(np.argmax(levels))
    size = float(levels[k] - max(levels[0], levels[-1]))
    if not 1 < k < len(levels) - 2 or size <= max(
        _HILL_SHARE * abs(float(levels[0])), _HILL_SIGMAS * noise_sigma(series.y)
    ):
        return False
    up, down = levels[: k + 1], levels[k:]
    against = max(
        float((np.maximum.accumulate(up) - up).max()),
        float((down - np.minimum.accumulate(down)).max()),
    )
    return against <= _HILL_AGAINST * size
