"""Something that happens every so many steps."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats


def shares_of_period(
    x: Floats, at: np.ndarray[tuple[int], np.dtype[np.int64]], period: float, tolerance: float = 2.0
) -> float:
    """Share of the events `x[at]` that lie within `tolerance` of a multiple of `period`."""
    if not len(at) or period <= 2 * tolerance:
        return 0.0
    phase = np.mod(x[at], period)
    return float(np.mean(np.minimum(phase, period - phase) <= tolerance))
