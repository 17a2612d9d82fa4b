"""What a loss did before the run had well begun."""

from __future__ import annotations

import math

import numpy as np

from postrun.metrics import Series
from postrun.stats.robust import Floats, median


def only_at_once(y: Floats) -> bool:
    """Return whether a loss lost under 5%, all of it in the first twentieth, and stood within 0.5% since."""
    skip = max(3, len(y) // 20)
    if len(y) < 100 or float(y.min()) <= 0:
        return False
    levels = np.array([median(part) for part in np.array_split(y[skip:], 12)])
    usual = median(levels)
    return (
        float(np.abs(levels / usual - 1).max()) <= 0.005 and float(y[:skip].max()) <= 1.05 * usual
    )


def fell_before(series: Series, x: float) -> bool:
    """Return whether a loss fell by a quarter or more before a step."""
    early = series.finite.between(-math.inf, x).y
    return len(early) >= 3 and float(early[0]) > 0 and float(early[-1]) <= 0.75 * float(early[0])
