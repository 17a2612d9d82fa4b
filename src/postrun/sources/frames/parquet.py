"""Columns of a Parquet file in the types that a history has.

A file may come from W&B's history store, from `download_history_exports()`, from postrun itself or
from anywhere else, so that any type can occur. The rule:

* numbers of any width become Int64 or Float64, decimals Float64, durations seconds;
* dates and times become ISO 8601 text, a `_timestamp` Unix seconds;
* categories are their texts; bytes are text if they are UTF-8, else base64;
* a *union* (a struct whose fields are all called `_type_float64`, `_type_utf8`, ...), as the history
  store writes mixed columns, is the value that is there, under the column's own name;
* structs are dictionaries, lists are lists, at any depth; for these and for text the type rule of
  local logs holds (`wandb_local/columns.py`).
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from postrun.sources.frames.rows import with_words
from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.media import fold_media

#: How the fields of a union are called in W&B's history store.
_UNION = "_type_"
_TEXT_KINDS = (pl.Date, pl.Time, pl.Binary)


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
    out = Columns(frame.height)
    table = Table()
    table.rows = frame.height
    odd: dict[str, str] = {}
    for series in frame:
        plain = _plain(series, odd)
        if plain is None and not exported and series.dtype in (pl.List, pl.Array):
            odd[series.name] = "list"
        if plain is None or plain.dtype == pl.String:
            _put(table, series if plain is None else plain, exported)
        else:
            out.columns[series.name] = _whole(plain) if exported else plain
    for series in table.series():
        name = series.name
        while name in out.columns:  # a dictionary's key that is called as another column
            name = f"{name}:nested"
        if name != series.name:
            out.notes.append(f"{series.name} is in two columns of the file: the second is {name}")
        out.columns[name] = _whole(series.rename(name)) if exported else series.rename(name)
    out.media += table.media
    out.notes += table.notes
    if odd:
        shown = ", ".join(f"{name} ({kind})" for name, kind in list(odd.items())[:5])
        out.notes.append(f"columns that hold no numbers are kept as text: {shown}")
    out.columns = fold_media(out.columns, out.media)
    return out


def _plain(series: pl.Series, odd: dict[str, str]) -> pl.Series | None:
    """Return a column without nesting in a history's type, None for a nested one.

    `odd` takes the names and types of columns that become text for want of a better type.
    """
    dtype = series.dtype
    if dtype in (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Null):
        return series
    if dtype.is_integer():
        fits = dtype not in (pl.UInt64, pl.Int128) or _fits(series)
        return series.cast(pl.Int64 if fits else pl.Float64)
    if dtype.is_numeric():
        return series.cast(pl.Float64)
    if dtype == pl.Duration:
        return series.dt.total_microseconds() / 1e6
    if isinstance(dtype, pl.Datetime):
        if series.name == "_timestamp":
            return series.dt.epoch("us") / 1e6
        odd[series.name] = "date and time"
        return series.dt.to_string("iso:strict")
    if dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String)
    if dtype in _TEXT_KINDS:
        odd[series.name] = str(dtype).lower()
        return pl.Series(series.name, list(map(_value, series)), dtype=pl.String)
    return None


def _fits(series: pl.Series) -> bool:
    """Return whether whole numbers of 64 unsigned or 128 bits fit into 64 bits with a sign."""
    low, high = series.min(), series.max()
    return not (isinstance(low, int) and isinstance(high, int)) or -(2**63) <= low <= high < 2**63


def _put(table: Table, series: pl.Series, exported: bool) -> None:
    """Add a column of text or of nested values to the table that knows the type rule."""
    if exported and series.dtype == pl.String and _is_json(series):
        texts = [json.loads(text) for text in series.drop_nulls().to_list()]
        table.put_column(series.name, _known(series), with_words(texts))
        return
    if series.dtype == pl.String:
        table.put_column(series.name, _known(series), with_words(series.drop_nulls().to_list()))
        return
    rows: list[int] = []
    values: list[Any] = []
    for row, cell in enumerate(series.to_list()):
        first = True
        for value in _cells(cell):
            if not first:  # a union with two values: none is lost
                table.put_column(f"{series.name}:also", np.array([row]), [value])
                continue
            rows.append(row)
            values.append(value)
            first = False
    table.put_column(series.name, np.array(rows, np.int64), with_words(values))


def _known(series: pl.Series) -> NDArray[np.int64]:
    """Return the numbers of the rows that hold a value."""
    return series.is_not_null().arg_true().to_numpy().astype(np.int64)


def _cells(cell: Any) -> Iterator[Any]:
    """Yield the values of one cell: none if it is empty, several only for an odd union."""
    if _is_union(cell):
        yield from (v for v in map(_value, cell.values()) if v is not None)
        return
    value = _value(cell)
    if value is not None:
        yield value


def _is_union(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(k.startswith(_UNION) for k in value)


def _value(value: Any) -> Any:
    """Return a nested value in JSON's terms: unions resolved, fields that are not there left out."""
    if _is_union(value):
        return next((v for v in map(_value, value.values()) if v is not None), None)
    if isinstance(value, dict):
        held = {k: v for k, v in ((k, _value(v)) for k, v in value.items()) if v is not None}
        return held or None
    if isinstance(value, list | tuple | pl.Series):
        return [_value(v) for v in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    known = value is None or isinstance(value, bool | int | float | str)
    return value if known else str(value)


def _is_json(series: pl.Series) -> bool:
    """Return whether every text is JSON and some could not be a plain text: a dictionary, a quoted text."""
    texts = series.drop_nulls()
    if not len(texts) or not texts.str.contains(r'^[{"]').any():
        return False
    try:
        orjson.loads(f"[{','.join(map(str, texts))}]")
    except orjson.JSONDecodeError:
        return False
    return True


def _whole(series: pl.Series) -> pl.Series:
    """Return a column of doubles; one of whole numbers alone becomes integers, as it was logged."""
    if series.dtype != pl.Float64 or series.name in ("_runtime", "_timestamp"):
        return series
    known = series.drop_nulls().to_numpy()
    whole = len(known) and np.isfinite(known).all() and (known == np.rint(known)).all()
    return series.cast(pl.Int64) if whole and np.abs(known).max() < 2**53 else series
