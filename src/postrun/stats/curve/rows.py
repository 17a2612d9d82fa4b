"""A series as it is read: in the order of x, with the finite values and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats, Ints

#: Values beyond this count as infinite: their squares would be.
_LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive values that are NaN or infinite.

    Attributes:
        start: Index of the first of them.
        stop: Index after the last of them.
        recovered: True if finite values follow.
    """

    start: int
    stop: int
    recovered: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a series in the order of x.

    Attributes:
        x: Positions, ascending, shape (n,).
        y: Values, possibly NaN or infinite, shape (n,).
        order: Index of each row in the arrays that were given, shape (n,).
        places: Indices of the finite values among the rows, shape (m,).
        values: The finite values, shape (m,).
        at: Their positions, shape (m,).
    """

    x: Floats
    y: Floats
    order: Ints
    places: Ints
    values: Floats
    at: Floats

    @property
    def complete(self) -> bool:
        """True if every value is finite."""
        return len(self.values) == len(self.y)

    def stretches(self) -> tuple[Stretch, ...]:
        """Return the stretches of values that are not finite, in order."""
        if self.complete:
            return ()
        broken = np.concatenate([[False], ~(np.abs(self.y) < _LARGEST), [False]])
        edges = np.flatnonzero(broken[1:] != broken[:-1]).reshape(-1, 2)
        return tuple(Stretch(a, b, b < len(self.y)) for a, b in edges.tolist())


def read_rows(x: Floats, y: Floats) -> Rows:
    """Return the rows in the order of x; raise ValueError if the shapes differ or are not (n,).

    Rows with the same x keep their order; rows whose x is not finite are left out.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be one-dimensional and of one length: {x.shape}, {y.shape}")
    order = np.arange(len(x), dtype=np.int64)
    if not np.isfinite(x).all():
        order = np.flatnonzero(np.isfinite(x))
        x, y = x[order], y[order]
    if len(x) > 1 and bool((x[1:] < x[:-1]).any()):
        ascending = np.argsort(x, kind="stable")
        order, x, y = order[ascending], x[ascending], y[ascending]
    finite = np.abs(y) < _LARGEST
    if finite.all():
        return Rows(x, y, order, np.arange(len(y), dtype=np.int64), y, x)
    places = np.flatnonzero(finite)
    return Rows(x, y, order, places, y[places], x[places])
