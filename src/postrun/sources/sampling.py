"""Does a history look like a sample of a longer one?

`run.history()` of the W&B API returns at most 500 rows (by default), spread over the run. What it
leaves are irregular gaps everywhere. A run that logs every tenth step has regular gaps; one that
logs training and evaluation at different steps has regular gaps in one of its columns. So the denser
columns are looked at, and called sampled only if the gaps of each are irregular in every part of the run: a
counter stands in the rows of both kinds.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: A regular logger repeats one gap; with jitter (resumes, skipped steps) a few others occur.
_REGULAR_SHARE = 0.9
#: Rows present among the steps that the logger could have written.
_FULL_SHARE = 0.9
_MIN_ROWS = 50
#: Columns with this many times fewer values than the densest are not looked at.
_DENSE = 4
_PARTS = 8


def looks_sampled(history: pl.DataFrame, reported_last_step: int | None) -> bool:
    """True where the steps of all denser columns have irregular gaps throughout."""
    metrics = [n for n in history.columns if n not in ("_step", "_runtime", "_timestamp")]
    if history.height < _MIN_ROWS or not metrics:
        return False
    counts = [history[name].count() for name in metrics]
    if max(counts) < _MIN_ROWS:
        return False
    least = max(_MIN_ROWS, max(counts) / _DENSE)
    dense = sorted(n for n, count in zip(metrics, counts, strict=True) if count >= least)
    known: set[bytes] = set()
    for name in dense:
        mask = history[name].alias("x").is_not_null()
        pattern = mask.to_numpy().tobytes()
        if pattern in known:
            continue
        known.add(pattern)
        steps = np.unique(history["_step"].filter(mask).drop_nulls().to_numpy())
        if len(steps) < _MIN_ROWS or not _sampled(steps, reported_last_step):
            return False
    return True


def _sampled(steps: NDArray[np.int64], reported_last_step: int | None) -> bool:
    if reported_last_step is not None and reported_last_step > steps[-1]:
        steps = np.append(steps, reported_last_step)
    return all(_irregular(part) for part in np.array_split(np.diff(steps), _PARTS))


def _irregular(gaps: NDArray[np.int64]) -> bool:
    values, counts = np.unique(gaps, return_counts=True)
    if counts.max() >= _REGULAR_SHARE * len(gaps):
        return False
    stride = np.gcd.reduce(values)
    return bool(len(gaps) * stride < _FULL_SHARE * gaps.sum())
