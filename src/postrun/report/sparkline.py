"""A curve in a few characters."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats

_BLOCKS = "▁▂▃▄▅▆▇█"


@np.errstate(all="ignore")
def sparkline(curve: Floats) -> str:
    """Levels as block characters; a flat curve is a line of the lowest block.

    One value far outside the others (the first step, mostly) does not flatten the rest: the scale
    ends at three times the inner range around the quartiles, and what is beyond sits at its edge.
    """
    if not len(curve):
        return ""
    low, high = float(curve.min()), float(curve.max())
    if len(curve) >= 8:
        first, third = np.quantile(curve, [0.25, 0.75])
        reach = 3 * (third - first)
        if reach > 0:
            low, high = max(low, float(first - reach)), min(high, float(third + reach))
    if high <= low:
        return _BLOCKS[0] * len(curve)
    # Halved first: the difference of the largest floats would overflow.
    scaled = np.nan_to_num(np.clip((curve / 2 - low / 2) / (high / 2 - low / 2), 0, 1))
    scaled *= len(_BLOCKS) - 1
    return "".join(_BLOCKS[int(i)] for i in np.rint(scaled))
