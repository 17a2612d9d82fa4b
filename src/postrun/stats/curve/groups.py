"""A series in at most some hundred levels, so that all that follows costs the same for 10^6 values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats

#: Up to this many values each is a level of its own; longer series have this many levels at most.
LEVELS = 128
#: The median of fewer values than this does not resist an outlier.
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Groups:
    """Levels of consecutive groups of values.

    Attributes:
        centre: Middle of the positions of each group, shape (k,).
        level: Its median, shape (k,).
        smooth: Levels that no single value carries: `level` where groups have several values, else
            medians of three neighbours, shape (k,).
        size: Values in each group but the first, which holds the remainder too.
        head: Values in the first group.
    """

    centre: Floats
    level: Floats
    smooth: Floats
    size: int
    head: int

    def first(self, group: int) -> int:
        """Return the index of the first value of a group (the number of values for k)."""
        return 0 if group <= 0 else self.head + (group - 1) * self.size

    def of(self, index: int) -> int:
        """Return the group that holds a value."""
        return 0 if index < self.head else (index - self.head) // self.size + 1


def read_groups(x: Floats, y: Floats) -> Groups:
    """Return the groups of a finite series. Shapes: (n,), (n,)."""
    n = len(y)
    if n <= LEVELS:
        return Groups(x, y, of_three(y), 1, min(1, n))
    size = max(_LEAST, -(-n // LEVELS))
    count = n // size
    head = n - (count - 1) * size
    level, centre = np.empty(count), np.empty(count)
    level[0], centre[0] = middle(y[:head]), (x[0] + x[head - 1]) / 2
    level[1:] = row_medians(y[head:].reshape(-1, size))
    rest = x[head:].reshape(-1, size)
    centre[1:] = (rest[:, 0] + rest[:, -1]) / 2
    return Groups(centre, level, level, size, head)


def row_medians(rows: Floats) -> Floats:
    """Return the median of each row, without the checks that make `np.median` slow on short rows."""
    half = rows.shape[1] // 2
    if rows.shape[1] % 2:
        return np.asarray(np.partition(rows, half, axis=1)[:, half])
    parted = np.partition(rows, (half - 1, half), axis=1)
    return np.asarray((parted[:, half - 1] + parted[:, half]) / 2)


def middle(values: Floats) -> float:
    """Return the upper median of values; 0 for none."""
    half = len(values) // 2
    return float(np.partition(values, half)[half]) if len(values) else 0.0


def of_three(y: Floats) -> Floats:
    """Return medians of three neighbours, the ends by Tukey's rule (1977, "Exploratory Data Analysis").

    An end is the median of itself, its smoothed neighbour and the line through the next two: a straight
    line keeps its ends, a single outlier at an end is replaced.
    """
    if len(y) < 3:
        return y.copy()
    out = y.copy()
    a, b, c = y[:-2], y[1:-1], y[2:]
    out[1:-1] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    if len(y) > 3:
        out[0] = sorted((float(y[0]), float(out[1]), float(3 * out[1] - 2 * out[2])))[1]
        out[-1] = sorted((float(y[-1]), float(out[-2]), float(3 * out[-2] - 2 * out[-3])))[1]
    return out
