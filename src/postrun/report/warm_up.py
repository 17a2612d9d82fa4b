"""Values without those of the warm-up, on which no range, level or story should rest."""

from __future__ import annotations

import numpy as np

from postrun.metrics import Series

#: Roles whose first values are warm-up, often reported as 0 or as a placeholder such as -1.
_WARM_UP = ("throughput.tokens", "throughput.samples", "throughput.steps", "mfu")
#: What trainers log in place of a value that they do not know yet.
_PLACEHOLDER = -1.0


def steady(series: Series) -> Series:
    """Return the finite values without the warm-up's.

    These are leading values of speeds that are not positive, and leading -1s of what is never negative later.
    """
    series = series.finite
    if len(series) <= 2 or series.y[0] > 0:
        return series
    if series.info.role in _WARM_UP:
        return series.take(slice(int(np.argmax(series.y > 0)), None))
    first = int(np.argmax(series.y != _PLACEHOLDER))
    return (
        series.take(slice(first, None)) if first and float(series.y[first:].min()) >= 0 else series
    )
