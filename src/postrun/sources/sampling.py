"""Does a history look like a sample of a longer one?

`run.history()` of the W&B API returns at most 500 rows (by default), spread over the run. What it
leaves are irregular gaps everywhere. A run that logs every tenth step has regular gaps; one that
logs training and evaluation at different steps has regular gaps in each column. So the densest
column is looked at, and called sampled only if its gaps are irregular in every part of the run.
"""

from __future__ import annotations

import numpy as np
import polars as pl

#: A regular logger repeats one gap; with jitter (resumes, skipped steps) a few others occur.
_REGULAR_SHARE = 0.9
#: Rows present among the steps that the logger could have written.
_FULL_SHARE = 0.9
_MIN_ROWS = 50
_PARTS = 8


def looks_sampled(history: pl.DataFrame, reported_last_step: int | None) -> bool:
    """True where the densest column's steps have irregular gaps throughout."""
    metrics = [n for n in history.columns if n not in ("_step", "_runtime", "_timestamp")]
    if history.height < _MIN_ROWS or not metrics:
        return False
    counts = [history[name].count() for name in metrics]
    densest = history[metrics[int(np.argmax(counts))]]
    logged = history["_step"].filter(densest.is_not_null()).drop_nulls()
    steps = np.unique(logged.to_numpy())
    if len(steps) < _MIN_ROWS:
        return False
    if reported_last_step is not None and reported_last_step > steps[-1]:
        steps = np.append(steps, reported_last_step)
    gaps = np.diff(steps)
    return all(_irregular(part) for part in np.array_split(gaps, _PARTS))


def _irregular(gaps: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> bool:
    values, counts = np.unique(gaps, return_counts=True)
    if counts.max() >= _REGULAR_SHARE * len(gaps):
        return False
    stride = np.gcd.reduce(values)
    return bool(len(gaps) * stride < _FULL_SHARE * gaps.sum())
