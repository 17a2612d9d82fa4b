"""When rows were logged."""

from __future__ import annotations

import numpy as np

from postrun.metrics import RunView
from postrun.stats.robust import Floats


def row_times(view: RunView) -> Floats:
    """Times of all rows that have one, in order (Unix seconds)."""
    column = view.run.history["_timestamp"].drop_nulls().to_numpy()
    return np.sort(column[np.isfinite(column)])
