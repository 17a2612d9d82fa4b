"""What grows steadily, rather than in a jump or to a level."""

from __future__ import annotations

import numpy as np

from postrun.metrics import Series
from postrun.stats.levels import change
from postrun.stats.robust import bin_medians
from postrun.stats.trend import trend

#: The growth is at least so many standard errors: less is noise.
_SIGMAS = 4.0
#: The last half has more than this share of it: a level that was reached early is no leak.
_LATE_SHARE = 0.2
#: With more than so many levels, none of their rises makes up more than this share of it.
_LEVELS, _JUMP_SHARE = 4, 0.5


def grows_steadily(series: Series, grown: float) -> tuple[float, float] | None:
    """Return the level of the second and of the last tenth if values grow steadily, or None.

    Steadily: by more than `grown` of the second tenth's level, with a significant trend in the whole
    and in the last half, and no single jump that explains half of it.
    """
    n = len(series)
    y = series.y[n // 10 :]
    x = series.x[n // 10 :]
    moved = change(y)
    if not moved.before > 0 or moved.ratio < 1 + grown or moved.sigmas < _SIGMAS:
        return None
    half = len(y) // 2
    whole, late = trend(x, y), trend(x[half:], y[half:])
    if not (whole.significant and late.significant and late.change > _LATE_SHARE * moved.size):
        return None
    _, levels, _ = bin_medians(x, y, 20)
    if len(levels) > _LEVELS and float(np.diff(levels).max()) > _JUMP_SHARE * moved.size:
        return None
    return moved.before, moved.after
