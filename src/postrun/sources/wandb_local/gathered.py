"""The values of a family of keys, gathered for one column."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from postrun.model.families import KEY
from postrun.sources.wandb_local.scan import Ints

_MARK = "._type"
_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})


class Units:
    """Keys as a reader counts them: the fields of a table, image or histogram are one.

    Attributes:
        names: The name of each unit.
        of: The unit of each key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        stems = {key.removesuffix(_MARK) for key in keys if key.endswith(_MARK)}
        self._media = bool(stems)
        self.names: Sequence[str] = keys
        self.of: Ints = np.arange(len(keys))
        if stems:
            known: dict[str, int] = {}
            numbers = (known.setdefault(_unit(key, stems), len(known)) for key in keys)
            self.of = np.fromiter(numbers, np.int64, len(keys))
            self.names = list(known)

    def most(self, values: Ints) -> Ints:
        """Return for each unit the greatest number of values of its keys."""
        out = np.zeros(len(self.names), np.int64)
        np.maximum.at(out, self.of, values)
        return out

    def parts(self, key: int) -> tuple[str, str]:
        """Return the unit of a key, and which field of it the key is ("" if it is the whole)."""
        name, unit = self._keys[key], self.names[self.of[key]]
        return unit, name[len(unit) + 1 :]


def _unit(key: str, stems: set[str]) -> str:
    at = key.find(".")
    while at >= 0:
        if key[:at] in stems:
            return key[:at]
        at = key.find(".", at + 1)
    return key


class Cells:
    """Values of the keys of one family, in any order."""

    def __init__(self) -> None:
        self._keys: list[Ints] = []
        self._rows: list[Ints] = []
        self._values: list[Any] = []

    def add(self, keys: Ints, rows: Ints, values: list[Any]) -> None:
        """Add values of keys, which are known by their numbers."""
        self._keys.append(keys)
        self._rows.append(rows)
        self._values += values

    def of(self, units: Units) -> tuple[list[str], list[int], list[Any]]:
        """Return unit, row and value of each cell in the order of rows; fields are put together."""
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        whole: dict[tuple[int, str], Any] = {}
        for i in np.argsort(rows, kind="stable").tolist():
            unit, field = units.parts(int(keys[i]))
            value, place = self._values[i], (int(rows[i]), unit)
            if field:
                own = whole.setdefault(place, {})
                if isinstance(own, dict):
                    own[field] = value
            elif value is not None:
                whole[place] = value
        return [unit for _, unit in whole], [row for row, _ in whole], list(whole.values())


def key_column(name: str, keys: Sequence[str], rows: Sequence[int], height: int) -> pl.Series:
    """Return the column that names the key of each row."""
    cells: list[str | None] = [None] * height
    for key, row in zip(keys, rows, strict=True):
        cells[row] = key
    return pl.Series(f"{name}{KEY}", cells, dtype=pl.String)


def texts_of(
    keys: Sequence[str], rows: Sequence[int], values: Sequence[Any]
) -> tuple[list[int], list[str]]:
    """Return for each row its number and its values as JSON text, by their keys."""
    found: dict[int, dict[str, Any]] = {}
    for key, row, value in zip(keys, rows, values, strict=True):
        found.setdefault(row, {})[key] = value
    return list(found), [json.dumps(v, ensure_ascii=False) for v in found.values()]


def nonfinite(values: Sequence[Any]) -> int:
    """Return how many values are NaN or infinite."""
    return sum(
        1
        for v in values
        if (isinstance(v, float) and not math.isfinite(v)) or (isinstance(v, str) and v in _WORDS)
    )
