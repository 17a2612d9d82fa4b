"""Cells of nested Parquet columns as values that JSON has.

A conversion is chosen once for a column's type, not for each cell. Dates and times are read as whole
numbers first: Python has no years beyond 9999, and a file may.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

Convert = Callable[[Any], Any]

#: How the fields of a union are called in W&B's history store.
_UNION = "_type_"
#: Units of dates and times in microseconds.
_UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6, "d": 86_400e6}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Dates that Python has, in microseconds since 1970: the years 1 to 9999.
_FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def is_union(names: Sequence[str]) -> bool:
    """Return whether a struct with these fields is a union of types, one value in one of them."""
    return bool(names) and all(name.startswith(_UNION) for name in names)


def storage(series: pl.Series) -> pl.Series:
    """Return a column of an extension type (a UUID, a tensor) as the type that holds its values."""
    extension = getattr(pl, "BaseExtension", None)
    while extension is not None and isinstance(series.dtype, extension):
        series = series.ext.storage()
    return series


def is_map(dtype: pl.DataType) -> bool:
    """Return whether a type is a map of keys to values, which older versions of Polars read as lists."""
    kind = getattr(pl, "Map", None)
    return kind is not None and isinstance(dtype, kind)


def cells(series: pl.Series) -> list[Any]:
    """Return the cells of a column in JSON's terms; None for those that hold nothing.

    Unions become the value that they hold, categories their texts, bytes text (base64 unless they are
    UTF-8), decimals floats, durations seconds, dates and times ISO 8601; null fields are left out.
    """
    stored, convert = _conversion(series.dtype)
    values = series.cast(stored).to_list()
    return values if convert is None else [None if v is None else convert(v) for v in values]


def pairs(dtype: pl.DataType) -> pl.DataType:
    """Return the type of a map as a list of its keys and values."""
    key, value = dtype.key, dtype.value  # type: ignore[attr-defined]
    return pl.List(pl.Struct({"key": key, "value": value}))


def iso(series: pl.Series) -> pl.Series:
    """Return dates or times as ISO 8601 texts; beyond the years 1 to 9999 as numbers with their unit."""
    name, series = series.name, series.alias("x")  # Polars reads names such as "^a$" as patterns
    unit = _unit(series.dtype)
    if series.dtype != pl.Time and (unit == "ns" or _in_range(series, unit)):
        return series.dt.to_string("iso" if series.dtype == pl.Date else "iso:strict").alias(name)
    return pl.Series(name, cells(series), dtype=pl.String)


def _in_range(series: pl.Series, unit: str) -> bool:
    """Return whether all dates lie in the years 1 to 9999, which 64 bits of nanoseconds always do."""
    first, last = int(_FIRST / _UNITS[unit]), int(_LAST / _UNITS[unit])
    return bool(series.to_physical().is_between(first, last).all())


def _conversion(dtype: pl.DataType) -> tuple[pl.DataType, Convert | None]:
    """Return the type to cast a column to and what turns its cells into JSON's terms.

    None if the cells are in these terms already.
    """
    if is_map(dtype):
        stored, convert = _conversion(pairs(dtype))
        return stored, lambda cell: _mapping(convert(cell) if convert else cell)
    if isinstance(dtype, pl.List | pl.Array):
        stored, convert = _conversion(dtype.inner)  # type: ignore[arg-type]
        return pl.List(stored), convert and _each(convert)
    if isinstance(dtype, pl.Struct):
        return _struct_conversion(dtype)
    if isinstance(dtype, pl.Date | pl.Time | pl.Datetime | pl.Duration):
        return (pl.Int32() if isinstance(dtype, pl.Date) else pl.Int64()), _moment(dtype)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String(), None
    if isinstance(dtype, pl.Binary):
        return dtype, read_bytes
    return dtype, float if isinstance(dtype, pl.Decimal) else None


def _struct_conversion(dtype: pl.Struct) -> tuple[pl.DataType, Convert]:
    kinds = {f.name: _conversion(f.dtype) for f in dtype.fields}  # type: ignore[arg-type]
    stored = pl.Struct({name: kind for name, (kind, _) in kinds.items()})
    converts = {name: convert for name, (_, convert) in kinds.items() if convert}

    def fields(cell: dict[str, Any]) -> dict[str, Any]:
        known = {k: v for k, v in cell.items() if v is not None}
        return {k: converts[k](v) if k in converts else v for k, v in known.items()}

    return stored, (lambda cell: _held(fields(cell))) if is_union(list(kinds)) else fields


def _held(fields: dict[str, Any]) -> Any:
    """Return the value of a union; with several at once, all of them with their types."""
    if len(fields) > 1:
        return fields
    return next(iter(fields.values()), None)


def _mapping(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(item["key"]): item["value"] for item in items if item.get("value") is not None}


def _each(convert: Convert) -> Convert:
    return lambda cell: [None if v is None else convert(v) for v in cell]


def _unit(dtype: pl.DataType) -> str:
    """Return the unit in which a date or time is stored."""
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return dtype.time_unit
    return "d" if dtype == pl.Date else "ns"


def _moment(dtype: pl.DataType) -> Convert:
    """Return what turns the whole number of a date, time or duration into its value."""
    unit = _unit(dtype)
    scale = _UNITS[unit]
    if isinstance(dtype, pl.Duration):
        return lambda number: number * scale / 1e6

    def text(number: int) -> str:
        micros = number // 1000 if unit == "ns" else int(number * scale)
        if not _FIRST <= micros <= _LAST:
            return f"{number} {unit} since 1970-01-01"
        moment = _EPOCH + timedelta(microseconds=micros)
        if isinstance(dtype, pl.Date):
            return moment.date().isoformat()
        if isinstance(dtype, pl.Time):
            return moment.time().isoformat()
        zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone
        return (moment if zoned else moment.replace(tzinfo=None)).isoformat()

    return text


def read_bytes(value: bytes) -> str:
    """Return bytes as the text that they are in UTF-8, else in base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
