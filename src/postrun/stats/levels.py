"""Where a series began, where it ended, and whether the difference is more than noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats, mad_sigma, median, noise_sigma


@dataclass(frozen=True, slots=True)
class Change:
    """Level of the first and of the last part of a series, and the standard error of their difference."""

    before: float
    after: float
    error: float

    @property
    def size(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def ratio(self) -> float:
        """After over before; NaN where before is 0."""
        return self.after / self.before if self.before else math.nan

    @property
    def sigmas(self) -> float:
        """The difference in standard errors, signed."""
        if self.error > 0:
            return self.size / self.error
        return math.copysign(math.inf, self.size) if self.size else 0.0


def change(y: Floats, share: float = 0.1, least: int = 5) -> Change:
    """Medians of the first and the last `share` of a series (`least` values at the least).

    The standard error of a median of m normal values is sigma sqrt(pi / (2 m)) (Kenney and Keeping
    1962); sigma is the larger of the noise between neighbours and the spread within each end, so
    that slow swings count as noise too.
    """
    n = len(y)
    if not n:
        return Change(math.nan, math.nan, math.nan)
    part = min(max(least, int(share * n)), n)
    first, last = y[:part], y[-part:]
    sigma = max(noise_sigma(y), 0.5 * (mad_sigma(first) + mad_sigma(last)))
    return Change(median(first), median(last), sigma * math.sqrt(math.pi / part))


def lowest(y: Floats, width: int) -> tuple[float, int]:
    """The lowest median of `width` values, in steps of half a width, and the first index of those.

    The first where several are equal; `y` must have `width` values at the least.
    """
    places = range(0, len(y) - width + 1, max(1, width // 2))
    levels = [median(y[i : i + width]) for i in places]
    at = int(np.argmin(levels))
    return levels[at], places[at]


def departure(y: Floats, start: float, end: float, share: float = 0.5) -> int:
    """First index from which on values stay beyond `share` of the way from `start` to `end`.

    "Stay": at least nine tenths of the values from there on. Where none do, the first index beyond.
    """
    if not len(y):
        return 0
    beyond = (y - (start + share * (end - start))) * (1 if end > start else -1) >= 0
    rest = np.cumsum(beyond[::-1])[::-1] / np.arange(len(y), 0, -1)
    sure = np.flatnonzero(beyond & (rest >= 0.9))
    return int(sure[0]) if len(sure) else int(np.argmax(beyond))


def begins(y: Floats, start: float, end: float, noise: float) -> int:
    """Index at which a lasting move from `start` to `end` begins.

    From the point where half of it is done (`departure`) back to the last value that is still
    within 3 `noise` (a tenth of the move at least) of the start; `y` should be smoothed.
    """
    half = departure(y, start, end)
    near = np.abs(y[: half + 1] - start) <= max(3 * noise, 0.1 * abs(end - start))
    still = np.flatnonzero(near)
    return int(still[-1]) if len(still) else 0
