"""Where does the level change?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats, ar_noise, mad_sigma, median, noise_sigma


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


def segments(y: Floats, margin: int = 3, penalty: float | None = None) -> list[int]:
    """First indices of all segments of constant level but the first: the change points.

    Optimal partitioning (Jackson et al. 2005): the exact minimum of the residual sum of squares plus
    `penalty` per change, over all partitions into segments of at least `margin` values; PELT (Killick
    et al. 2012) prunes the same recursion. O(n²): meant for at most some hundred levels, as
    `bin_medians` gives. The default penalty is 3 ln n times the long-run variance of the noise
    (Schwarz's for a level and a place, with one half added): autocorrelated noise looks like changes
    of level (van den Burg and Williams 2020 compare such choices).
    """
    n = len(y)
    if n < 2 * margin:
        return []
    if penalty is None:
        sigma, rho = ar_noise(y)
        penalty = 3 * math.log(n) * sigma**2 * (1 + rho) / (1 - rho)
    total = np.concatenate([[0.0], np.cumsum(y)])
    square = np.concatenate([[0.0], np.cumsum(y**2)])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    before = np.zeros(n + 1, np.int64)
    for end in range(margin, n + 1):
        start = np.arange(0, end - margin + 1)
        count = end - start
        cost = square[end] - square[start] - (total[end] - total[start]) ** 2 / count
        whole = best[start] + cost + penalty
        k = int(np.argmin(whole))
        best[end], before[end] = whole[k], start[k]
    found: list[int] = []
    at = int(before[n])
    while at > 0:
        found.append(at)
        at = int(before[at])
    return found[::-1]
