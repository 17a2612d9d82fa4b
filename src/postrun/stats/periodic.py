"""Something that happens every so many steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from postrun.stats.robust import Floats


def share_after_multiples(x: Floats, at: NDArray[np.int64], period: float, within: float) -> float:
    """Share of the events `x[at]` that lie up to `within` after a multiple of `period`.

    An event up to 1 before counts too: counters differ by one. 0 without events.
    """
    if not len(at) or period <= 2 * within:
        return 0.0
    phase = np.mod(x[at] + 1, period)
    return float(np.mean(phase <= within + 1))


def regular_period(at: Floats) -> tuple[float, float] | None:
    """Period of events at positions `at`, and how regular they are; None for fewer than 4.

    The period is the median distance; regularity the share of distances within 15% of it or of
    twice it (one event missed).
    """
    gaps = np.diff(at)
    if len(gaps) < 3:
        return None
    period = float(np.median(gaps))
    if period <= 0:
        return None
    near = np.abs(gaps / period - np.round(gaps / period)) <= 0.15
    return period, float(np.mean(near & (gaps <= 2.2 * period)))
