"""What a loss did before the run had well begun."""

from __future__ import annotations

import math

import numpy as np

from postrun.metrics import Series
from postrun.stats.robust import Floats, median

#: A loss of so many values lost nothing but a start of at most this share if all levels after the first
#: twentieth lie so near (relative) to their median.
_LONG, _START, _STOOD = 100, 0.05, 0.005
#: Values that show a fall, and what is left of the first one after it.
_FEW, _LEFT = 3, 0.75


def only_at_once(y: Floats) -> bool:
    """Return whether a loss lost under 5%, all of it in the first twentieth, and stood within 0.5% since."""
    skip = max(3, len(y) // 20)
    if len(y) < _LONG or float(y.min()) <= 0:
        return False
    levels = np.array([median(part) for part in np.array_split(y[skip:], 12)])
    usual = median(levels)
    return (
        float(np.abs(levels / usual - 1).max()) <= _STOOD
        and float(y[:skip].max()) <= (1 + _START) * usual
    )


def fell_before(series: Series, x: float) -> bool:
    """Return whether a loss fell by a quarter or more before a step."""
    early = series.finite.between(-math.inf, x).y
    return (
        len(early) >= _FEW and float(early[0]) > 0 and float(early[-1]) <= _LEFT * float(early[0])
    )
