"""Values that stand out from their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.stats.robust import MAD_TO_SIGMA, Floats, rolling_median


@dataclass(frozen=True, slots=True)
class Spikes:
    """Indices of spikes, their height over the local level, and that height in local sigmas."""

    at: NDArray[np.int64]
    height: Floats
    sigmas: Floats


def upward_spikes(y: Floats, window: int = 31, sigmas: float = 8.0) -> Spikes:
    """Values far above the running median (Hampel's identifier, one-sided).

    Spread is the running median of absolute deviations, but at least a tenth of its median over the
    whole series, so that flat stretches do not make every wiggle a spike. Source: Pearson 2002.
    """
    empty = Spikes(np.zeros(0, np.int64), y[:0], y[:0])
    if len(y) < 10:
        return empty
    level = rolling_median(y, window)
    deviation = np.abs(y - level)
    spread = MAD_TO_SIGMA * rolling_median(deviation, window)
    spread = np.maximum(spread, max(0.1 * float(np.median(spread)), 1e-12))
    height = y - level
    at = np.flatnonzero(height > sigmas * spread)
    return Spikes(at, height[at], height[at] / spread[at])
