"""Heavy tails: a few values that are far larger than the rest."""

from __future__ import annotations

import numpy as np

from postrun.stats.robust import Floats, median


def hogg_ratio(y: Floats) -> float:
    """Hogg's measure of tail weight: (U.05 - L.05) / (U.5 - L.5), 2.59 for normal data.

    U and L are means of the upper and lower share of the sorted values (Hogg 1974). NaN for fewer
    than 20 values or without spread.
    """
    n = len(y)
    if n < 20:
        return float("nan")
    ordered = np.sort(y)
    few, half = max(1, n // 20), n // 2
    wide = float(ordered[-few:].mean() - ordered[:few].mean())
    narrow = float(ordered[-half:].mean() - ordered[:half].mean())
    return wide / narrow if narrow > 0 else float("nan")


def slow_share(y: Floats, factor: float = 2.0) -> tuple[float, float]:
    """Of durations: the share of values beyond `factor` medians, and the share of all time that
    they took beyond a median each."""
    level = median(y)
    slow = y > factor * level
    total = float(y.sum())
    excess = float((y[slow] - level).sum())
    return float(slow.mean()) if len(y) else 0.0, excess / total if total > 0 else 0.0
