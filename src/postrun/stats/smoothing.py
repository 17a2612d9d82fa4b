"""W&B's own smoothing, so that numbers agree with the curves that people know."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats

#: Points of the axis over which W&B spreads the range of x.
_VIEWPORT = 1000.0


def time_weighted_ema(x: Floats, y: Floats, smoothing: float = 0.6) -> Floats:
    """W&B's "time weighted EMA": an exponential moving average that knows gaps in x. Shape (n,).

    Weight of the past: min(sqrt(smoothing), 0.999) to the power of the step in x, in thousandths of
    the range of x; debiased by the sum of weights. Source: W&B documentation, "Smooth line plots".
    NaN is left out of the average and stays NaN in the result.
    """
    weight = min(smoothing**0.5 if smoothing > 0 else 0.0, 0.999)
    out = np.full(len(y), np.nan)
    span = float(x[-1] - x[0]) if len(x) > 1 else 0.0
    last = total = 0.0
    previous = float(x[0]) if len(x) else 0.0
    for i, (at, value) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        if value != value:  # NaN
            continue
        step = (at - previous) / span * _VIEWPORT if span > 0 else 0.0
        decay = weight**step if i else 0.0
        last = last * decay + value
        total = total * decay + 1.0
        out[i] = last / total
        previous = at
    return out
