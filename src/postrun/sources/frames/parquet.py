"""Columns of a Parquet file in the types that a history has.

A file may come from W&B's history store, from `download_history_exports()`, from postrun itself or
from anywhere else, so that any type can occur. The rule:

* numbers of any width become Int64 or Float64, decimals Float64, durations seconds;
* dates and times become ISO 8601 text, a `_timestamp` Unix seconds;
* categories are their texts; bytes are text if they are UTF-8, else base64;
* a *union* (a struct whose fields are all called `_type_float64`, `_type_utf8`, ...), as the history
  store writes mixed columns, is the value that is there, under the column's own name;
* structs and maps are dictionaries, lists are lists, at any depth; for these the type rule of local logs holds
  (`wandb_local/columns.py`), and for the text of the history store; other text is read as in CSV
  (`frames/texts.py`);
* if two columns of the file are one metric (`opt.lr`, and `lr` within `opt`), they are joined; if both
  hold values in one row, the second is called KEY:also. So is the second value of a union.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from postrun.sources import lenient_json
from postrun.sources.frames.cells import cells, iso, read_bytes
from postrun.sources.frames.leaves import Leaf, Part, held, leaves
from postrun.sources.frames.rows import with_words
from postrun.sources.frames.texts import OddCells, read_texts
from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.media import fold_media
from postrun.sources.wandb_local.numbers import NONFINITE

_PLAIN = (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Null)
_NARROW = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)
_NESTED = (pl.List, pl.Array, pl.Struct)


@dataclass(slots=True)
class Columns:
    """Columns of a file by name, and what was decided about them.

    `media` counts dictionaries by their `_type`; `notes` are sentences.
    """

    rows: int
    columns: dict[str, pl.Series] = field(default_factory=dict)
    media: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def columns_of(frame: pl.DataFrame, exported: bool = False) -> Columns:
    """Return the columns of a Parquet file as a history has them.

    `exported`: the file is from W&B's history store, which writes all numbers as doubles and values
    without a column type of their own as JSON text.
    """
    reading = _Reading(frame.height, exported)
    # A dictionary's key gives way to a column of the file that has its name.
    for series in sorted(frame, key=lambda s: s.dtype.is_nested()):
        for leaf in leaves(series):
            reading.place(leaf)
    return reading.finish()


class _Reading:
    """The columns of one file on their way into a history's types."""

    def __init__(self, rows: int, exported: bool) -> None:
        self._exported = exported
        self._out = Columns(rows)
        self._table = Table()
        self._table.rows = rows
        self._leaves: dict[str, Leaf] = {}
        self._odd: dict[str, str] = {}
        self._also: dict[str, str] = {}
        self._odd_cells = OddCells()

    def place(self, leaf: Leaf) -> None:
        """Take a metric; if its name is taken in the same rows, under another name."""
        name = leaf.name
        while (other := self._leaves.get(name)) and (other.held() & leaf.held()).any():
            name = f"{name}:also"
        if other is not None:
            other.parts += leaf.parts
            return
        if name != leaf.name:
            self._also[leaf.name] = name
        self._leaves[name] = Leaf(name, leaf.parts)

    def finish(self) -> Columns:
        """Return the columns in order of their names' first appearance, media folded."""
        for leaf in list(self._leaves.values()):
            self._add(leaf)
        out = self._out
        for series in self._table.series():
            name = self._free(series.name, out.columns)
            out.columns[name] = self._whole(series.alias(name))
        out.media += self._table.media
        out.notes += [*self._odd_cells.notes(), *self._table.notes]
        if self._odd:
            shown = _listed(f"{name} ({kind})" for name, kind in self._odd.items())
            out.notes.append(f"columns that hold no numbers are kept as text: {shown}")
        if self._also:
            shown = _listed(f"{name} in {also}" for name, also in self._also.items())
            out.notes.append(f"metrics with two values in one row keep the second apart: {shown}")
        out.columns = fold_media(out.columns, out.media)
        return out

    def _free(self, name: str, taken: dict[str, Any]) -> str:
        free = name
        while free in taken:
            free = f"{free}:also"
        if free != name:
            self._also[name] = free
        return free

    def _add(self, leaf: Leaf) -> None:
        name = leaf.name
        parts = [part for part in leaf.parts if held(part.series).any()]
        if not parts:
            if not leaf.parts[0].inner and leaf.parts[0].series.dtype not in _NESTED:
                self._out.columns[name] = self._plain(leaf.parts[0].series.alias(name))
            return
        if len(parts) > 1 or parts[0].series.dtype in _NESTED:
            self._put(name, parts)
            return
        plain = self._plain(parts[0].series.alias(name))
        if plain.dtype != pl.String:
            self._out.columns[name] = self._whole(plain)
        elif name.endswith(":text") and not self._exported:  # the rule has decided already
            self._out.columns[name] = plain
        elif self._exported and not parts[0].inner and _is_json(plain):
            texts = plain.alias("x").drop_nulls().to_list()
            values = [lenient_json.loads(text, self._table.odd) for text in texts]
            self._table.put_column(name, _rows(plain), with_words(values))
        elif (
            not self._exported
            and not _padded(plain)
            and (found := read_texts(plain, self._odd_cells))
        ):
            for series in found:
                self._out.columns[self._free(series.name, self._out.columns)] = series
        else:
            self._put(name, [Part(plain, parts[0].inner)])

    def _put(self, name: str, parts: list[Part]) -> None:
        """Add values of several types, of text or of lists to the table that knows the type rule."""
        read = [self._values(name, part) for part in parts]
        rows = np.concatenate([at for at, _ in read])
        values = [value for _, found in read for value in found]
        if len(read) > 1:
            order = np.argsort(rows, kind="stable")
            rows, values = rows[order], [values[i] for i in order.tolist()]
        self._put_values(name, rows, with_words(values))

    def _put_values(self, name: str, rows: NDArray[np.int64], values: list[Any]) -> None:
        """Add values in order of their rows; those whose row has one already go to KEY:also."""
        again = np.flatnonzero(rows[1:] == rows[:-1]) + 1
        if len(again):
            also = self._free(name, self._leaves)
            self._leaves[also] = Leaf(also, [])
            self._put_values(also, rows[again], [values[i] for i in again.tolist()])
            first = np.delete(np.arange(len(rows)), again)
            rows, values = rows[first], [values[i] for i in first.tolist()]
        self._table.put_column(name, rows, values)

    def _values(self, name: str, part: Part) -> tuple[NDArray[np.int64], list[Any]]:
        """Return the rows and the values of a part in JSON's terms."""
        series = part.series
        if series.dtype in _NESTED:
            if series.dtype != pl.Struct and not self._exported:
                self._odd[name] = "list"
            rows = _rows(series)
            return rows, cells(series.alias("x").drop_nulls())
        plain = self._plain(series.alias(name)).alias("x").drop_nulls()
        values = plain.to_list()
        if part.inner and plain.dtype == pl.String:
            values = [NONFINITE.get(value, value) for value in values]
        return _rows(series), values

    def _plain(self, series: pl.Series) -> pl.Series:
        """Return a column without nesting in a history's type."""
        dtype = series.dtype
        if dtype in _PLAIN:
            return series
        if dtype.is_integer():
            beyond = 0 if dtype in _NARROW else _beyond(series)
            self._table.huge += beyond
            return series.cast(pl.Float64 if beyond else pl.Int64)
        if dtype.is_numeric():
            return series.cast(pl.Float64)
        if isinstance(dtype, pl.Duration):
            seconds = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[dtype.time_unit]
            return (series.alias("x").to_physical() * seconds).alias(series.name)
        if isinstance(dtype, pl.Datetime) and series.name == "_timestamp":
            ticks = {"ns": 1e9, "us": 1e6, "ms": 1e3}[dtype.time_unit]
            return (series.alias("x").to_physical() / ticks).alias(series.name)
        if dtype in (pl.Categorical, pl.Enum):
            return series.cast(pl.String)
        self._odd[series.name] = str(dtype.base_type()).lower()
        if dtype in (pl.Date, pl.Datetime, pl.Time):
            return iso(series)
        read = read_bytes if dtype == pl.Binary else str
        texts = [None if value is None else read(value) for value in series.to_list()]
        return pl.Series(series.name, texts, dtype=pl.String)

    def _whole(self, series: pl.Series) -> pl.Series:
        """Return a column; doubles of an export that are all whole become integers, as logged."""
        times = series.name in ("_runtime", "_timestamp")
        if not self._exported or series.dtype != pl.Float64 or times:
            return series
        known = series.alias("x").drop_nulls().to_numpy()
        whole = len(known) and np.isfinite(known).all() and (known == np.rint(known)).all()
        return series.cast(pl.Int64) if whole and np.abs(known).max() < 2**53 else series


def _rows(series: pl.Series) -> NDArray[np.int64]:
    """Return the numbers of the rows that hold a value."""
    return series.alias("x").is_not_null().arg_true().to_numpy().astype(np.int64)


def _beyond(series: pl.Series) -> int:
    """Return how many whole numbers do not fit into 64 bits with a sign."""
    return series.count() - int(series.cast(pl.Int64, strict=False).count())


def _padded(series: pl.Series) -> bool:
    """Return whether most texts have leading zeros, as ids have them."""
    texts = series.alias("x")
    return int(texts.str.contains(r"^\s*[+-]?0\d").sum()) * 2 > texts.count()


def _is_json(series: pl.Series) -> bool:
    """Return whether every text is JSON and some could not be a plain text: a dictionary, a quoted text."""
    texts = series.alias("x").drop_nulls()
    if not len(texts) or not texts.str.contains(r'^[{"]').any():
        return False
    try:
        orjson.loads(f"[{','.join(map(str, texts))}]")
    except orjson.JSONDecodeError:
        return False
    return True


def _listed(items: Any) -> str:
    shown = list(items)
    return ", ".join(shown[:5]) + (" ..." if len(shown) > 5 else "")
