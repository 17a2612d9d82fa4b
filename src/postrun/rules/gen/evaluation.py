"""What rules of evaluations share: which roles are held out, and training values around an evaluation."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from postrun.metrics import Series
from postrun.stats.robust import Floats

HELD_OUT = ("loss.eval", "accuracy.eval", "score.eval", "reward.eval")
#: The end of a scale in percent; an accuracy above the second is in percent (1 and a little may be rounding).
PERCENT, IN_PERCENT = 100.0, 1.5


def around_evaluations(train: Series, x: Floats) -> Floats:
    """Median training value around each evaluation: half-way to its neighbours, 50 values at most.

    Centred, for a loss that falls quickly is higher before an evaluation than at it.
    """
    middle = np.searchsorted(train.x, x, side="right")
    halves = np.diff(middle, prepend=middle[:1], append=middle[-1:]) // 2
    left = np.maximum(middle - np.clip(halves[:-1], 2, 25), 0)
    right = np.minimum(middle + np.clip(halves[1:], 2, 25), len(train))
    start = np.minimum(left, len(train) - 1)
    width = np.maximum(right - start, 1)
    out = np.empty(len(x))
    for size in np.unique(width):  # at most 50 of them: windows of one width are taken together
        at = np.flatnonzero(width == size)
        out[at] = np.median(sliding_window_view(train.y, int(size))[start[at]], axis=1)
    return out
