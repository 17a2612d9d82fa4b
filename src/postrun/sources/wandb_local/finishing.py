"""Finished columns: what was read of each key, in one type.

`Finishing` holds the rule for types that `columns` states, and counts what it decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from postrun.model import FAILURES
from postrun.sources.frames.families import sentence
from postrun.sources.oddities import Odd, Oddities
from postrun.sources.text_numbers import number_reader, read_percent
from postrun.sources.wandb_local.numbers import (
    EXACT,
    NONFINITE,
    arrays,
    as_array,
    json_text,
    plain,
    rounded,
)
from postrun.sources.wandb_local.scan import Ints

#: A column of so many pieces is joined before it is copied.
_MANY_PIECES = 32


class Column:
    """One metric while it is being read: pieces of rows and their values, and texts not parsed yet."""

    __slots__ = ("name", "pieces", "rows", "texts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.pieces: list[tuple[Ints, Any]] = []
        self.rows: list[Ints] = []
        self.texts: list[bytes] = []

    def twin(self) -> Column:
        """Return a column of the same values, for a column of which no text waits to be parsed."""
        self._join_pieces()
        other = Column(self.name)
        other.pieces = list(self.pieces)
        return other

    def _join_pieces(self) -> None:
        """Join neighbouring arrays of one type, if there are many pieces."""
        if len(self.pieces) < _MANY_PIECES:
            return
        joined: list[tuple[Ints, Any]] = []
        for kind, group in groupby(self.pieces, lambda piece: getattr(piece[1], "dtype", None)):
            pieces = list(group)
            if kind is None:
                joined += pieces
            else:
                parts = zip(*pieces, strict=True)
                rows, values = (np.concatenate(part) for part in parts)
                joined.append((rows, values))
        self.pieces = joined


class Finishing:
    """The rule for types. Attributes are those of `Table`, which reads what is finished here."""

    def __init__(self, odd: Oddities | None) -> None:
        self._shared = odd is not None
        self.odd = Oddities() if odd is None else odd
        self.rows = 0
        self.media: Counter[str] = Counter()
        self.nonfinite = 0
        self.huge = 0
        self.rounded = 0
        self.invalid = 0
        self._mixed: list[str] = []
        self._as_text: list[str] = []
        self._families: dict[str, int] = {}

    def take_counts(self, other: Finishing) -> None:
        """Take over what another table counted, to go on counting apart from it."""
        self.media = Counter(other.media)
        self._mixed, self._as_text = list(other._mixed), list(other._as_text)
        self._families = dict(other._families)

    def _guarded(self, column: Column) -> list[pl.Series]:
        """Return the series of a column; none if it cannot be made, which is counted."""
        try:
            return list(self._finish(column))
        except FAILURES:  # whatever is odd in one column, the others are read
            self.odd[Odd.COLUMN] += 1
            return []

    def _finish(self, column: Column) -> Iterator[pl.Series]:
        rows = np.concatenate([p[0] for p in column.pieces])
        parts = [p[1] for p in column.pieces]
        kinds = {p.dtype.kind if isinstance(p, np.ndarray) else "O" for p in parts}
        column.pieces.clear()
        if kinds <= {"i", "f"} or kinds == {"b"}:
            if len(kinds) == 2:
                whole = [p for p in parts if p.dtype.kind == "i"]
                self.rounded += sum(rounded(p[np.abs(p) > EXACT].tolist()) for p in whole)
            yield self._series(column.name, rows, np.concatenate(parts))
            return
        values: list[Any] = []
        for part in parts:
            values.extend(plain(part))
        yield from self._mixed_series(column.name, rows.tolist(), values)

    def _mixed_series(self, name: str, rows: list[int], values: list[Any]) -> Iterator[pl.Series]:
        numeric = any(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        if not numeric and all(isinstance(v, bool) or v is None for v in values):
            flags = [(r, v) for r, v in zip(rows, values, strict=True) if v is not None]
            if flags:
                yield self._series(name, *arrays(flags, np.dtype(np.bool_)))
            else:
                yield pl.Series(name, [None] * self.rows, dtype=pl.Null)
            return
        numbers, texts = self._parted(name, rows, values, numeric)
        if numbers:
            logged = [v for _, v in numbers]
            converted = as_array(logged, {float})
            if converted.dtype.kind == "f":
                self.rounded += rounded(logged)
            yield self._series(name, np.array([r for r, _ in numbers], np.int64), converted)
        if texts:
            if numbers:
                self._mixed.append(name)
            cells: list[str | None] = [None] * self.rows
            for row, text in texts:
                cells[row] = text
            yield pl.Series(f"{name}:text" if numbers else name, cells, dtype=pl.String)

    def _parted(
        self, name: str, rows: list[int], values: list[Any], numeric: bool
    ) -> tuple[list[tuple[int, Any]], list[tuple[int, str]]]:
        """The numbers of a column, with those that were logged as text, and its texts, each with its row."""
        numbers: list[tuple[int, Any]] = []
        texts: list[tuple[int, str]] = []
        reader = number_reader(name, values, numeric)
        as_text = False
        for row, value in zip(rows, values, strict=True):
            if value is None:
                continue
            if (numeric or reader) and isinstance(value, int | float):
                numbers.append((row, value))
            elif numeric and isinstance(value, str) and value in NONFINITE:
                numbers.append((row, NONFINITE[value]))
            elif reader and isinstance(value, str) and (number := reader(value)) is not None:
                numbers.append((row, number))
                as_text = True
            else:
                texts.append((row, value if isinstance(value, str) else json_text(value)))
        if as_text:
            self._as_text.append(f"{name} in percent" if reader is read_percent else name)
        return numbers, texts

    def _series(self, name: str, rows: Ints, values: Any) -> pl.Series:
        if values.dtype.kind == "f":
            self.nonfinite += len(values) - int(np.count_nonzero(np.isfinite(values)))
        if len(rows) == self.rows and bool((rows[1:] > rows[:-1]).all()):
            return pl.Series(name, values)
        present = np.zeros(self.rows, np.bool_)
        present[rows] = True
        full = np.zeros(self.rows, values.dtype)
        full[rows] = values  # a key that one row repeats: the last one counts, as in W&B
        series = pl.Series(name, full)
        if present.all():
            return series
        return pl.select(pl.when(pl.Series(present)).then(series).alias(name)).to_series()

    @property
    def notes(self) -> list[str]:
        """What the type rule had to decide, in sentences."""
        notes = [sentence(self._families)] if self._families else []
        if self._as_text:
            count = len(self._as_text)
            were = "1 column of numbers was" if count == 1 else f"{count} columns of numbers were"
            notes.append(f"{were} logged as text ({_first(self._as_text)}) and read as numbers")
        if self._mixed:
            notes.append(
                f"{len(self._mixed)} columns mix numbers and text ({_first(self._mixed)}): "
                "the text is in columns named KEY:text"
            )
        if self.huge:
            notes.append(f"{self.huge} whole numbers beyond 64 bits are kept as floats")
        if self.rounded:
            notes.append(
                f"{self.rounded} whole numbers beyond 2^53 are rounded: "
                "their columns hold fractions too"
            )
        if self.invalid:
            notes.append(f"{self.invalid} values are not valid JSON and are kept as text")
        return notes if self._shared else notes + self.odd.sentences()


def _first(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
