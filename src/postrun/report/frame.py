"""A data frame in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from rich.table import Table
from rich.text import Text

from postrun.model.text import number
from postrun.report.console import make_console, safe

#: Least width of a column that can still be read; of a table with more columns than fit, each row is a list.
_COLUMN, _RECORDS = 9, 10


def print_frame(frame: pl.DataFrame, most: int) -> None:
    """Print a table of any columns: at most so many rows, and how many there are."""
    console = make_console()
    wide = frame.width * _COLUMN > console.width
    most = min(most, _RECORDS) if wide else most
    for table in _records(frame.head(most)) if wide else [_table(frame.head(most))]:
        console.print(table)
    if frame.height > most:
        console.print(f"… {frame.height - most:,} more rows: --csv, --json or --out has all")
    elif not frame.height:
        console.print("no rows")


def _table(frame: pl.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(safe(name), justify="right" if dtype.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    return table


def _records(frame: pl.DataFrame) -> Iterator[Table]:
    """One table per row: column, value; what is missing or empty is left out."""
    for row in frame.iter_rows(named=True):
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
        table.add_column(style="dim", no_wrap=True, min_width=max(map(len, row)))
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, value in row.items():
            if value not in (None, ""):
                table.add_row(safe(name), _cell(value))
        table.add_row("", "")
        yield table


def _cell(value: object) -> Text:
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M}")
    if isinstance(value, float):
        return Text(number(value))
    return Text("–" if value is None else safe(str(value)))
