"""Columns of text in table files, as numbers where they are.

A CSV file does not tell numbers from text, and a Parquet file of texts may come from one. The rule for mixed
columns is that of local logs: numbers keep the column, and a cell costs itself:

* cells that are numbers in any usual spelling are read; words for "missing" are null;
* other cells go as text to `KEY:text`;
* a column stays text if less than a tenth of its cells are numbers; half, if its name says that it holds texts
  or ids. Cells such as "-" or "true" do not count against it;
* each cell that is no number is counted, and the first of a column is named by its row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from postrun.sources.text_numbers import names_text, read_number
from postrun.sources.wandb_local.columns import Table

#: Words for a value that is not there, in lower case.
MISSING = frozenset({"", "na", "n/a", "#n/a", "none", "null", "<na>", "nil"})
#: Words for numbers that are not finite, in lower case.
_WORDS = {
    sign + word: float(sign + word)
    for sign in ("", "+", "-")
    for word in ("nan", "inf", "infinity")
}
#: What people and programs write for "no value", in lower case: it does not make a column one of texts.
_MARKS = frozenset(
    {"-", "--", "---", "–", "—", ".", "..", "?", "*", "x", "true", "false", "error", "#div/0!", "#value!",
     "#ref!"}
)  # fmt: skip
#: The share of its cells that must be numbers for a column to be one of numbers.
_SOME, _MOSTLY = 0.1, 0.5
#: Different odd cells of a column that are looked at one by one.
_LOOKED_AT = 1_000
_SHOWN = 8


@dataclass(slots=True)
class OddCells:
    """Cells that are no numbers in columns of numbers, and numbers in columns of text."""

    cells: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Return what was found, in sentences."""
        out = []
        if self.cells:
            total = sum(count for count, _, _ in self.cells.values())
            shown = "; ".join(
                f'{name}: {count:,} {"cell" if count == 1 else "cells"} ("{text[:20]}" in row {row + 1:,})'
                for name, (count, text, row) in list(self.cells.items())[:_SHOWN]
            )
            more = (
                f" and {len(self.cells) - _SHOWN} more columns" if len(self.cells) > _SHOWN else ""
            )
            are = "1 cell is no number" if total == 1 else f"{total:,} cells are no numbers"
            out.append(f"{are}, in columns of numbers: {shown}{more}")
        if self.numbers:
            shown = ", ".join(f"{n} ({c:,})" for n, c in list(self.numbers.items())[:_SHOWN])
            out.append(f"columns of text that hold some numbers, too, stay text: {shown}")
        return out


def typed(frame: pl.DataFrame, notes: list[str], decimal_comma: bool = False) -> pl.DataFrame:
    """Return a frame with columns of text in the types of what they hold; `notes` takes what was decided."""
    columns: list[pl.Series] = []
    odd = OddCells()
    table = Table()
    table.rows = frame.height
    for series in frame:
        if series.dtype != pl.String:
            columns.append(_plain(series, table))
        elif found := read_texts(series, odd, decimal_comma):
            columns += found
            table.huge += _whole_beyond(found[0].alias("x"), series.alias("x"))
        else:
            cells = series.alias("x")
            known = cells.is_not_null().arg_true().to_numpy().astype(np.int64)
            table.put_column(series.name, known, [_cell(c) for c in cells.drop_nulls()])
    columns += table.series()
    notes += [*odd.notes(), *table.notes]
    order = {name: i for i, name in enumerate(frame.columns)}
    columns.sort(key=lambda s: order.get(s.name.removesuffix(":text"), len(order)))
    return pl.DataFrame(columns)


def read_texts(series: pl.Series, odd: OddCells, decimal_comma: bool = False) -> list[pl.Series]:
    """Return a column of numbers, and its other cells as a second one; [] if it is one of texts.

    `odd` takes the cells that are neither numbers nor empty.
    """
    name, series = series.name, series.alias("x")  # Polars reads names such as "^a$" as patterns
    text = series.str.strip_chars()
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    spelled = plain if decimal_comma else text
    word = text.str.to_lowercase()
    named = word.replace_strict(_WORDS, default=None, return_dtype=pl.Float64)
    value = _first_of(named, spelled.cast(pl.Float64, strict=False))
    missing = word.is_in(list(MISSING)) & value.is_null()
    if value.count():
        value = _first_of(value, _printed(text.filter(value.is_null() & ~missing), text))
    rest = text.is_not_null() & value.is_null() & ~missing
    count = value.count()
    texts = int((rest & ~word.is_in(list(_MARKS))).sum())
    needed = _MOSTLY if names_text(name) else _SOME
    if not count or count < needed * (count + texts):
        if count:
            odd.numbers[name] = count
        return []
    told = rest | (missing & (series != ""))  # an empty cell is only empty; "NA" is said
    if told.any():
        first = int(told.arg_true()[0])
        odd.cells[name] = (int(told.sum()), str(series[first]), first)
    out = [_narrow(value, spelled).alias(name)]
    if rest.any():
        cut = pl.select(pl.when(rest).then(series).alias(f"{name}:text")).to_series()
        out.append(cut)
    return out


def _first_of(*columns: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(*columns).alias("x")).to_series()


def _printed(odd: pl.Series, text: pl.Series) -> pl.Series:
    """Return the numbers among odd cells that libraries print: tensor(0.5), 1,234.5."""
    different = odd.drop_nulls().unique().head(_LOOKED_AT).to_list()
    read = {cell: float(n) for cell in different if (n := read_number(cell)) is not None}
    if not read:
        return pl.repeat(None, len(text), dtype=pl.Float64, eager=True)
    return text.replace_strict(read, default=None, return_dtype=pl.Float64)


def _plain(series: pl.Series, table: Table) -> pl.Series:
    """Return a column of numbers in a history's type: whole numbers beyond 64 bits are floats."""
    if not series.dtype.is_integer() or series.dtype == pl.Int64:
        return series
    whole = series.cast(pl.Int64, strict=False)
    beyond = series.count() - whole.count()
    table.huge += beyond
    return series.cast(pl.Float64) if beyond else whole


def _whole_beyond(value: pl.Series, text: pl.Series) -> int:
    """Return how many cells of a column of numbers are whole numbers beyond 64 bits."""
    large = (value.abs() >= 2.0**63).fill_null(value=False)
    return int(text.filter(large).str.contains(r"^\s*[+-]?\d+\s*$").sum()) if large.any() else 0


def _cell(text: str) -> bool | str | None:
    """Return a cell of a column of text: truth values and missing words as such."""
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    return None if word in MISSING else text


def _narrow(value: pl.Series, spelled: pl.Series) -> pl.Series:
    """Return a column of whole numbers as such, if each was spelled as one."""
    whole = spelled.cast(pl.Int64, strict=False)
    same = whole.null_count() == value.null_count()
    return whole.alias(value.name) if same else value
