"""Points of metrics, each with a step, as the rows of a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Points:
    """Values in the order of logging.

    Attributes:
        names: The metrics.
        code: For each value the index of its metric in `names`.
        step: For each value its step.
        time: For each value the Unix seconds at which it was logged, NaN if unknown.
        value: The values.
        part: For each value the number of the file (or of the session) that holds it.
    """

    names: list[str]
    code: Ints
    step: Ints
    time: Floats
    value: Floats
    part: Ints | None = None


def rows_of(points: Points) -> tuple[pl.DataFrame, Ints]:
    """Return points as a history without `_runtime`, and the part of each row.

    Values of one step make one row, unless a metric repeats the step or another part logged it: a resumed
    training then has both rows. Rows are in the order in which they were begun.
    """
    if not len(points.code):
        return pl.DataFrame(schema={"_step": pl.Int64, "_timestamp": pl.Float64}), np.empty(
            0, np.int64
        )
    order = np.argsort(_small(points.code, len(points.names)), kind="stable")
    bounds = np.searchsorted(points.code[order], np.arange(len(points.names) + 1))
    rows, first = _rows(_keys(points, order, bounds))
    columns = [
        pl.Series("_step", points.step[first]),
        pl.Series("_timestamp", points.time[first]).fill_nan(None),
    ]
    for number in np.argsort(points.names).tolist():
        own = order[bounds[number] : bounds[number + 1]]
        if len(own):
            columns.append(_column(points.names[number], rows[own], points.value[own], len(first)))
    parts = np.zeros(len(first), np.int64) if points.part is None else points.part[first]
    return pl.DataFrame(columns), parts


def _keys(points: Points, order: Ints, bounds: Ints) -> Ints:
    """Return a number for each value that those of its row share."""
    again = _occurrences(points, order, bounds)
    extra = again if points.part is None else points.part * (int(again.max()) + 1) + again
    if not extra.any():
        return points.step
    low = int(points.step.min())
    width = int(points.step.max()) - low + 1
    if int(extra.max() + 1) * width < 1 << 62:
        return np.asarray(extra * width + (points.step - low))
    _, dense = np.unique(points.step, return_inverse=True)
    return np.asarray(extra * (int(dense.max()) + 1) + dense)


def _occurrences(points: Points, order: Ints, bounds: Ints) -> Ints:
    """Return for each value how often its metric had logged another one at its step before, in its part."""
    out = np.zeros(len(points.code), np.int64)
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        own = order[begin:end]
        steps = points.step[own]
        if (np.diff(steps) > 0).all():
            continue
        part = np.zeros(len(own), np.int64) if points.part is None else points.part[own]
        sort = np.lexsort((steps, part))
        values = points.value[own][sort]
        same = (np.diff(steps[sort]) == 0) & (np.diff(part[sort]) == 0)
        other = np.cumsum(np.append(0, same & (values[1:] != values[:-1])))
        starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
        lengths = np.diff(np.append(starts, len(own)))
        out[own[sort]] = other - np.repeat(other[starts], lengths)
    return out


def _rows(keys: Ints) -> tuple[Ints, Ints]:
    """Return the row of each value, and for each row its first value."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[inverse], first[order]


def _column(name: str, rows: Ints, values: Floats, height: int) -> pl.Series:
    if len(rows) == height and bool((np.diff(rows) > 0).all()):
        return pl.Series(name, values)
    full, present = np.zeros(height), np.zeros(height, np.bool_)
    full[rows], present[rows] = values, True
    series = pl.Series(name, full)
    return (
        series
        if present.all()
        else pl.select(pl.when(pl.Series(present)).then(series).alias(name)).to_series()
    )


def _small(code: Ints, count: int) -> NDArray[np.int16] | Ints:
    """Return codes as 16-bit numbers if they fit, which sort by radix."""
    return code.astype(np.int16) if count < 1 << 15 else code


def coded(names: Sequence[str]) -> tuple[list[str], Ints]:
    """Return the different names in the order in which they come, and the index of each."""
    known: dict[str, int] = {}
    code = np.fromiter((known.setdefault(n, len(known)) for n in names), np.int64, len(names))
    return list(known), code
