"""A data frame in a terminal."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from rich.table import Table
from rich.text import Text

from postrun.model.text import number
from postrun.report.terminal import make_console, safe


def print_frame(frame: pl.DataFrame, most: int) -> None:
    """Print a table of any columns: at most so many rows, and how many there are."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(safe(name), justify="right" if dtype.is_numeric() else "left")
    for row in frame.head(most).iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console = make_console()
    if frame.width:
        console.print(table)
    if frame.height > most:
        console.print(f"… {frame.height - most:,} more rows: --csv, --json or --out has all")
    elif not frame.height:
        console.print("no rows")


def _cell(value: object) -> Text:
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M}")
    if isinstance(value, float):
        return Text(number(value))
    return Text("–" if value is None else safe(str(value)))
