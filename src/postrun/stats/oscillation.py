"""Does a series swing from value to value?"""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats, mad_sigma, noise_sigma, rolling_median
from postrun.stats.trend import lag1


def zigzag(y: Floats, window: int = 11) -> tuple[float, float]:
    """Lag-1 autocorrelation around the running median, and the amplitude (a standard deviation).

    White noise has about 0 (slightly below, for the median takes its level from it); a series that
    overshoots at every step, as gradient descent beyond the edge of stability does (Cohen et al.
    2021), has a value near -1.
    """
    if len(y) < 2 * window:
        return 0.0, 0.0
    rest = y - rolling_median(y, window)
    return lag1(rest), mad_sigma(rest)


def noise_growth(y: Floats) -> tuple[float, float, float]:
    """Noise of the second quarter, of the last quarter, and their ratio (1 where either is 0)."""
    quarter = len(y) // 4
    if quarter < 10:
        return 0.0, 0.0, 1.0
    early, late = noise_sigma(y[quarter : 2 * quarter]), noise_sigma(y[-quarter:])
    return early, late, late / early if early > 0 and np.isfinite(early) else 1.0
