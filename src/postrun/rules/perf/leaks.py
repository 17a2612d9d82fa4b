"""What grows steadily, rather than in a jump or to a level."""

from __future__ import annotations

import numpy as np

from postrun.metrics import Series
from postrun.stats.levels import change
from postrun.stats.robust import bin_medians
from postrun.stats.trend import trend


def grows_steadily(series: Series, grown: float) -> tuple[float, float] | None:
    """Return the level of the second and of the last tenth if values grow steadily, or None.

    Steadily: by more than `grown` of the second tenth's level, with a significant trend in the whole
    and in the last half, and no single jump that explains half of it.
    """
    n = len(series)
    y = series.y[n // 10 :]
    x = series.x[n // 10 :]
    moved = change(y)
    if not moved.before > 0 or moved.ratio < 1 + grown or moved.sigmas < 4:
        return None
    half = len(y) // 2
    whole, late = trend(x, y), trend(x[half:], y[half:])
    if not (whole.significant and late.significant and late.change > 0.2 * moved.size):
        return None
    _, levels, _ = bin_medians(x, y, 20)
    if len(levels) > 4 and float(np.diff(levels).max()) > 0.5 * moved.size:
        return None
    return moved.before, moved.after
