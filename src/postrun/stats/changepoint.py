"""Where does the level change?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats, mad_sigma, median, noise_sigma


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of level at index `at`: values before it and from it on, and the size in sigmas."""

    at: int
    before: float
    after: float
    sigmas: float


def split(y: Floats, margin: int = 3) -> Shift | None:
    """The best single split into two levels, or None where one level does as well.

    Least squares over all splits by cumulative sums; kept where the reduction of the residual sum
    of squares exceeds sigma² (2 ln n + 2 ln ln n + 6), a Schwarz-type penalty for one change point
    among n places (Yao 1988), with sigma from differences so that the change itself does not
    inflate it.
    """
    n = len(y)
    if n < 2 * margin + 2:
        return None
    total = np.cumsum(y)
    k = np.arange(margin, n - margin + 1)
    left = total[k - 1] / k
    right = (total[-1] - total[k - 1]) / (n - k)
    gain = k * (n - k) / n * (left - right) ** 2
    best = int(np.argmax(gain))
    at = int(k[best])
    sigma = noise_sigma(y) or mad_sigma(y - np.where(np.arange(n) < at, left[best], right[best]))
    penalty = 2 * math.log(n) + 2 * math.log(max(math.log(n), 1.0)) + 6
    if gain[best] <= sigma**2 * penalty or gain[best] <= 0:
        return None
    before, after = median(y[:at]), median(y[at:])
    sigmas = abs(after - before) / sigma if sigma > 0 else math.inf
    return Shift(at, before, after, sigmas)


def onset(y: Floats, baseline: float, threshold: float, share: float = 0.5) -> int | None:
    """First index from which values stay above `baseline + threshold`, or None.

    "Stay" means: of all values from there on at least `share` are above, and of the next 5 at least
    3; `y` should be smoothed or robust to single outliers.
    """
    above = y > baseline + threshold
    if not above.any():
        return None
    n = len(y)
    rest = np.cumsum(above[::-1])[::-1] / np.arange(n, 0, -1)
    for at in np.flatnonzero(above & (rest >= share)).tolist():
        if above[at : at + 5].sum() >= min(3, n - at):
            return int(at)
    return None
