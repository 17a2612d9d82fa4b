"""When did the gains come, and when did they stop?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.stats.robust import Floats, bin_medians, median, noise_sigma, rolling_median
from postrun.stats.trend import trend

_BINS = 60


@dataclass(frozen=True, slots=True)
class Gain:
    """How a metric gained, in its better direction.

    Attributes:
        start: The first level.
        end: The last level.
        total: The gain from the first to the best level, positive.
        reached: Index by which 90% of the gain was made.
        at_reached: The level there.
        flat_from: Index from which no improvement can be shown; None if the series still improves
            at its end.
        noise: Standard deviation of single values around the level.
        lost: How far the last level is behind the best one before it, in standard errors of the two
            (0 if it is not behind, infinite for a series without noise), and as a share of the best.
    """

    start: float
    end: float
    total: float
    reached: int
    at_reached: float
    flat_from: int | None
    noise: float
    lost: tuple[float, float] = (0.0, 0.0)

    @property
    def kept(self) -> bool:
        """False if the last level is clearly behind the best: beyond 4 standard errors and 5% of it."""
        return self.lost[0] <= 4 or self.lost[1] <= 0.05


def _lost(best: float, end: float, error: float) -> tuple[float, float]:
    """Return how far a level is behind the best (higher is better): `Gain.lost`."""
    behind = max(best - end, 0.0)
    if not behind:
        return 0.0, 0.0
    return behind / error if error else np.inf, behind / abs(best) if best else np.inf


def gains(x: Floats, y: Floats, sign: int, top: float | None = None) -> Gain | None:
    """Gains of a series where `sign` is +1 for higher is better, -1 for lower.

    `top` is the best value there can be (1 for an accuracy), None where there is none: near it, and
    near a loss of 0, small gains count. From 0.96 to 0.97 a quarter of all errors is gone.

    None for fewer than 5 values, or where the gain is not beyond 4 standard errors of its two
    levels; with fewer than 20 values, where Mann and Kendall's test (5 %) shows no gain. Levels are
    medians of at most 60 consecutive groups. The series is flat from the earliest of these groups
    after which the level rises by less than 5 % of the total gain (or 2 standard errors) and a
    Mann-Kendall test at 1 % shows no improvement beyond 2 % of it.
    """
    n = len(y)
    if n < 20:
        return _few(x, y * sign, sign) if n >= 5 else None
    bins = min(_BINS, n // 5) if n >= 50 else n // 2
    _, level, first = bin_medians(x, y * sign, bins)
    per_bin = n / len(level)
    noise = noise_sigma(y)
    smooth = level.copy()
    smooth[1:-1] = np.median(np.stack([level[:-2], level[1:-1], level[2:]]), axis=0)
    start, best = float(level[0]), float(smooth.max())
    late = median(smooth[-max(1, len(smooth) // 5) :])
    # The maximum of many noisy levels is biased upwards: where the end holds the level, it counts.
    total = late - start if late - start > 0.8 * (best - start) else best - start
    if total <= 4 * noise * (2 / per_bin) ** 0.5 or total <= 0:
        return None
    k = int(np.argmax(level >= start + 0.9 * total))
    last = max(1, len(level) // 20)
    tail = median(level[-last:])
    return Gain(
        start=start * sign,
        end=tail * sign,
        total=total,
        reached=int(first[k]),
        at_reached=float(level[k]) * sign,
        flat_from=_flat_from(x, y * sign, first, level, total, noise, top if sign > 0 else 0.0),
        noise=noise,
        lost=_lost(float(smooth[:-last].max()), tail, noise * (2 / per_bin) ** 0.5),
    )


def _few(x: Floats, y: Floats, sign: int) -> Gain | None:
    """Gains of 5 to 19 values, each a level of its own (a run of ten epochs, say)."""
    found = trend(x, y)
    noise = noise_sigma(y)
    start, end, best = float(y[0]), median(y[-2:]), float(y.max())
    total = end - start if end - start > 0.8 * (best - start) else best - start
    if found.p >= 0.05 or found.change <= 0 or total <= max(2 * noise, 0.0):
        return None
    k = int(np.argmax(y >= start + 0.9 * total))
    step = max(0.05 * total, 2 * noise)
    flat = next((i for i in range(len(y) - 3) if float(y[i:].max() - y[i]) <= step), None)
    behind = _lost(best, end, noise * 2**0.5)
    return Gain(start * sign, end * sign, total, k, float(y[k]) * sign, flat, noise, behind)


def _flat_from(
    x: Floats,
    y: Floats,
    first: NDArray[np.int64],
    level: Floats,
    total: float,
    noise: float,
    top: float | None,
) -> int | None:
    """First index of the group from which on neither levels nor trend improve.

    Levels count from 5 to 10 % of the whole gain on, or from 30 % of what is left to `top` (beyond
    noise); a significant trend from 2 % of the gain, or from 15 % of what is left.
    """
    count = len(level)
    error = noise * (count / len(y)) ** 0.5  # of one group's level
    smooth = rolling_median(level, 3)
    flat = None
    for k in range(count - max(3, count // 10), -1, -1):
        rest = level[k:]
        here = float(smooth[k])
        left = max(top - here, 0.0) if top is not None else np.inf
        # What rises first and falls again later has no trend either, but did improve.
        if float(smooth[k:].max()) - float(rest[0]) > max(min(0.1 * total, 0.3 * left), 4 * error):
            break
        # The trend alone is blind to a short rise before a long flat part: its median slope is 0.
        late = median(rest[len(rest) // 2 :]) - float(rest[0])
        if late > max(min(0.05 * total, 0.3 * left), 2 * error):
            break
        found = trend(x[first[k] :], y[first[k] :])
        worth = min(0.02 * total, 0.15 * left)
        if (found.significant and found.change > worth) or found.change > 0.05 * total:
            break
        flat = int(first[k])
    return flat
