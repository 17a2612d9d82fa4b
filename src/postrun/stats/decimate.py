"""Fewer points that still show every spike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postrun.stats.robust import Floats


def min_max(y: Floats, points: int) -> NDArray[np.int64]:
    """Indices of the least and greatest value of each of points / 2 groups, in order.

    All indices where there are no more than `points` values. NaN never wins over a number.
    """
    n = len(y)
    groups = points // 2
    if n <= points or groups < 1:
        return np.arange(n, dtype=np.int64)
    size = -(-n // groups)
    padding = size * groups - n
    low = np.pad(np.where(np.isnan(y), np.inf, y), (0, padding), constant_values=np.inf)
    high = np.pad(np.where(np.isnan(y), -np.inf, y), (0, padding), constant_values=-np.inf)
    base = np.arange(groups, dtype=np.int64) * size
    at = np.concatenate(
        [
            base + low.reshape(groups, size).argmin(axis=1),
            base + high.reshape(groups, size).argmax(axis=1),
            [0, n - 1],
        ]
    )
    return np.unique(at[at < n])
