"""The columns that each history begins with: steps, seconds since the start, Unix seconds."""

from __future__ import annotations

from typing import Any

import polars as pl

from postrun.model.times import LONGEST, MOST_STEPS, YEAR_3000, parse_time

#: Type of each column, and the least and the greatest value that is believed.
_COLUMNS: dict[str, tuple[Any, float, float]] = {
    "_step": (pl.Int64, -MOST_STEPS, MOST_STEPS),
    "_runtime": (pl.Float64, -LONGEST, LONGEST),
    "_timestamp": (pl.Float64, 0, YEAR_3000),
}


def ordered(
    columns: dict[str, pl.Series], rows: int, notes: list[str] | None = None
) -> pl.DataFrame:
    """Return a history frame: `_step`, `_runtime`, `_timestamp` first, then all others by name.

    Steps and times that no run has are left out; text in their place is read as times, or moved to `KEY:text`.
    `notes` takes what was decided.
    """
    told: list[str] = [] if notes is None else notes
    found = dict(columns)
    for name, (dtype, low, high) in _COLUMNS.items():
        column = found.get(name)
        if column is not None and not column.dtype.is_numeric():
            column = _from_text(found, name, told)
        if column is None:
            if any(n.startswith(f"{name}.") for n in columns):
                told.append(f"{name} holds dictionaries, not numbers: they are columns {name}.KEY")
            found[name] = pl.Series(name, [None] * rows, dtype=dtype)
        else:
            found[name] = _believed(column, low, high, told).cast(dtype, strict=False)
    names = [*_COLUMNS, *sorted(n for n in found if n not in _COLUMNS)]
    return pl.DataFrame([found[n] for n in names])


def _believed(column: pl.Series, low: float, high: float, notes: list[str]) -> pl.Series:
    """Return a column without values that lie outside of [low, high] or are no numbers."""
    good = column.is_between(low, high)
    count = int((~good).sum())  # NaN lies outside, null is neither
    if not count:
        return column
    values = "1 value" if count == 1 else f"{count:,} values"
    notes.append(f"{values} of {column.name} cannot be true and {_were(count)} left out")
    return pl.select(pl.when(good).then(column).alias(column.name)).to_series()


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _from_text(found: dict[str, pl.Series], name: str, notes: list[str]) -> pl.Series | None:
    """Return a column of text as Unix seconds; what is no time stays in `found` as `KEY:text`."""
    column = found.pop(name)
    if not column.count():
        return None
    texts = column.cast(pl.String, strict=False)
    moments = (
        [parse_time(text) for text in texts.to_list()]
        if name == "_timestamp" and column.dtype == pl.String
        else []
    )
    read = sum(moment is not None for moment in moments)
    if read < column.count():
        found[f"{name}:text"] = texts.alias(f"{name}:text")
        notes.append(f"{name} does not hold numbers throughout: it is kept as {name}:text")
    if not read:
        return None
    notes.append(f"{name} was logged as text and read as times")
    return pl.Series(name, [m and m.timestamp() for m in moments], dtype=pl.Float64)
