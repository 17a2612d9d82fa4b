"""The recent past of a run in full, and all before it thinned.

Rules measure in shares of a run: a loss has diverged when each level of the last tenth is high. Of a run that
goes on, that makes a finding later the longer the run is. Here the last rows are kept and those before them
are thinned, so that a tenth of what is left is the last hundredth of the run.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model import Finding, Run
from postrun.model.run import TIMES

#: The share of the rows that is kept in full, and as many of those before it.
RECENT = 0.05
#: Rows that are left, at least and at most. A run that has not twice the least is not thinned.
LEAST, MOST = 60, 4_000


def zoomed(run: Run) -> Run | None:
    """Return a run with its past thinned, None if it is too short for that.

    Columns are thinned each by itself: one that is logged rarely keeps as large a share of its values.
    """
    rows = run.history.height
    if rows < 2 * LEAST:
        return None
    left = int(np.clip(2 * RECENT * rows, LEAST, MOST))
    recent = left // 2
    every = max(1, (rows - recent) // recent)
    if every == 1:
        return None
    keep = np.zeros(rows, np.bool_)
    keep[rows - recent :] = True
    keep |= _each(run.history, every)
    history = run.history.filter(pl.Series(keep))
    done = replace(run.completeness, rows=history.height)
    return replace(run, history=history, completeness=done, system=run.system.clear())


def _each(history: pl.DataFrame, every: int) -> NDArray[np.bool_]:
    """Return which rows hold one of each `every` values of some column."""
    keep = np.zeros(history.height, np.bool_)
    known: set[bytes] = set()
    for series in history:
        if series.name in TIMES or not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
            continue
        there = series.is_not_null().to_numpy() if series.null_count() else None
        pattern = b"" if there is None else np.packbits(there).tobytes()
        if pattern in known:
            continue
        known.add(pattern)
        where = np.arange(history.height) if there is None else np.flatnonzero(there)
        step = every if len(where) >= LEAST else 1
        keep[where[::step]] = True
    return keep


def unplaced(finding: Finding) -> Finding:
    """Return a finding without rows and counts of values, which are those of what was thinned."""
    proofs = tuple(replace(e, row_from=None, row_to=None, n=None) for e in finding.evidence)
    return replace(finding, evidence=proofs, symptoms=tuple(map(unplaced, finding.symptoms)))
