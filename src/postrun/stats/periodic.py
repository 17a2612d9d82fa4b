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
