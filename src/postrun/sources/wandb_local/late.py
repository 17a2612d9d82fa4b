"""Keys that appear late in a history that has many: their values in one list.

A column of its own costs a kilobyte before it holds anything, and most keys beyond the first few hundred are
logged once or twice (`table_17`).
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np

from postrun.sources.wandb_local.scan import Ints

#: A key with more values is given a column.
OFTEN = 16


class Late:
    """Values of many keys, known by their numbers: JSON texts as bytes, or Python values."""

    def __init__(self) -> None:
        self._keys: list[Ints] = []
        self._rows: list[Ints] = []
        self._values: list[Any] = []
        self._counts = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, keys: Ints, rows: Ints, values: list[Any]) -> Ints:
        """Add values; return those of their keys that have many by now."""
        top = int(keys.max()) + 1
        if top > len(self._counts):
            grown = np.zeros(max(top, 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        np.add.at(self._counts, keys, 1)
        self._keys.append(keys)
        self._rows.append(rows)
        self._values += values
        return np.unique(keys[self._counts[keys] > OFTEN])

    def twin(self) -> Late:
        """Return the same values in a list of its own."""
        other = copy(self)
        other._keys, other._rows = list(self._keys), list(self._rows)
        other._values, other._counts = list(self._values), self._counts.copy()
        return other

    def counts(self, keys: int) -> Ints:
        """Return the number of values of each of the first `keys` keys."""
        out = np.zeros(keys, np.int64)
        found = self._counts[:keys]
        out[: len(found)] = found
        return out

    def groups(self, group: Ints) -> Iterator[tuple[int, Ints, Ints, list[Any]]]:
        """Yield for each group of keys that has values: its number, keys, rows, and values as they came.

        `group` is the number of the group of each key. What was yielded is forgotten in the end.
        """
        if not self._values:
            return
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        values = self._values
        self._keys, self._rows, self._values = [], [], []
        of = group[keys]
        order = np.argsort(of, kind="stable")
        sorted_of = of[order]
        starts = np.flatnonzero(np.r_[True, sorted_of[1:] != sorted_of[:-1]])
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            at = order[start:stop]
            yield int(sorted_of[start]), keys[at], rows[at], [values[i] for i in at.tolist()]
