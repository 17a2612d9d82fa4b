"""A file whose last line its writer has not ended: the number in it may be cut."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def last_line_is_cut(path: Path) -> bool:
    """Return whether a file whose writer ends each line ends within one: its last number may be cut."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            if not file.tell():
                return False
            file.seek(-1, 2)
            return file.read(1) not in (b"\n", b"\r")
    except OSError:
        return False


#: Noted of such a file.
CUT_LINE = "{}: its last line is not written to its end, and was left out"


def without_cut_line(rows: pl.DataFrame, path: Path, notes: list[str]) -> pl.DataFrame:
    """Return the rows of a CSV without the last one if its line is cut, which `notes` takes."""
    if not rows.height or not last_line_is_cut(path):
        return rows
    notes.append(CUT_LINE.format(path.name))
    return rows.head(-1)
