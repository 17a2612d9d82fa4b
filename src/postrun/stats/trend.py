"""Is there a trend, and how steep is it?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats, bin_medians

_POINTS = 120
_BLOCKS = 12


@dataclass(frozen=True, slots=True)
class Trend:
    """Theil-Sen slope (units of y per unit of x), total change over x, and its significance.

    `p` is two-sided; `n` the number of points that the test effectively saw.
    """

    slope: float
    change: float
    p: float
    n: float

    @property
    def significant(self) -> bool:
        """True below a 1% error rate."""
        return self.p < 0.01


def trend(x: Floats, y: Floats) -> Trend:
    """Theil-Sen slope and Mann-Kendall test, both on at most 120 medians of consecutive groups.

    Autocorrelation makes Mann-Kendall find trends in noise, so its variance is inflated by the
    lag-1 autocorrelation of the detrended values, (1 + r) / (1 - r) (Yue and Wang 2004). The residuals of
    a smooth curve around its line are autocorrelated too, which would hide the clearest trends: the
    test is made on the medians of 6 to 12 long groups as well, which are nearly independent, and the
    smaller p, doubled for the two tests, counts. Sources: Sen 1968; Mann 1945; Kendall 1975. Fewer
    than 4 points have no trend (p = 1).
    """
    x, y, _ = bin_medians(x, y, _POINTS)
    n = len(y)
    if n < 4 or x[-1] == x[0]:
        return Trend(0.0, 0.0, 1.0, float(n))
    first, second = np.triu_indices(n, 1)
    dx, dy = x[second] - x[first], y[second] - y[first]
    apart = dx != 0
    slope = float(np.median(dy[apart] / dx[apart]))
    r = lag1(y - slope * x)
    inflation = (1 + r) / (1 - r) if r > 0 else 1.0
    p = mann_kendall(y, inflation)
    blocks = min(_BLOCKS, n // 4)
    if blocks >= 6:  # fewer cannot reach 1%
        p = min(1.0, 2 * min(p, mann_kendall(bin_medians(x, y, blocks)[1])))
    return Trend(slope, slope * float(x[-1] - x[0]), p, n / inflation)


def mann_kendall(y: Floats, inflation: float = 1.0) -> float:
    """Two-sided p of the Mann-Kendall test, normal approximation with ties and continuity.

    `inflation` multiplies the variance of the score (1 for independent values).
    """
    n = len(y)
    first, second = np.triu_indices(n, 1)
    score = float(np.sign(y[second] - y[first]).sum())
    _, ties = np.unique(y, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0 or score == 0:
        return 1.0
    return math.erfc((abs(score) - 1) / math.sqrt(variance * inflation) / math.sqrt(2))


def lag1(y: Floats) -> float:
    """Lag-1 autocorrelation, clipped to [-0.95, 0.95]; 0 for a constant."""
    if len(y) < 3:
        return 0.0
    centred = y - y.mean()
    total = float(centred @ centred)
    if total <= 0:
        return 0.0
    return float(np.clip(centred[1:] @ centred[:-1] / total, -0.95, 0.95))
