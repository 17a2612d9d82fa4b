"""A study in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from postrun.model.headings import heading, rows
from postrun.model.study import Section, Study, cell, readable, told
from postrun.report.console import make_console, safe

if TYPE_CHECKING:
    from rich.console import Console

#: Rows of a table that a terminal shows, and of one whose names the reader looks up.
_MOST_ROWS, _MOST_NAMES = 12, 40
#: Texts up to this long are not broken into lines.
_NARROW = 22
#: The other bound of an interval.
_OTHER = {"high": "low", "low": "high", "p_high": "p_low", "p_low": "p_high"}
#: Longer texts are broken into lines of this many letters at the least, and words of up to so many are whole.
_READABLE, _WORD = 24, 34


def print_study(study: Study, where: str = "", console: Console | None = None) -> None:
    """Print a study: what matters first, then its tables as far as they fit.

    `where` is where all of it was written, "" where nothing was.
    """
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    console = console or make_console()
    console.print(Rule(Text(safe(study.title), style="bold"), align="left", style="dim"))
    for sentence in study.headline:
        console.print(Padding(Text(safe(sentence)), (0, 0, 0, 0)))
    for sentence in study.caveats:
        console.print(Text(f"! {safe(sentence)}", style="yellow"))
    hidden = False
    for section in study.sections:
        if "*" in section.wide:
            hidden = True
            continue
        hidden |= _print_section(section, f"{study.kind}.{section.key}", console)
    if hidden:
        rest = f"Everything: {where}" if where else "Everything: --out DIR, --html FILE or --json"
        console.print(Text(rest, style="dim"))
    elif where:
        console.print(Text(f"Files: {where}", style="dim"))


def _fitting(frame: pl.DataFrame, table: str, width: int) -> pl.DataFrame:
    """Return the table without its last numbers, then its last texts, so that no word has to be broken."""

    def needed(name: str) -> int:
        longest = max((len(cell(v)) for v in frame[name].head(_MOST_ROWS)), default=0)
        return (
            max(len(heading(name, table)), min(longest, _READABLE), _longest_word(frame[name])) + 2
        )

    names = list(frame.columns)
    for name in reversed(frame.columns[1:]):
        if sum(map(needed, names)) - 2 <= width or len(names) <= 4:
            break
        if name in names and frame.schema[name] != pl.String:
            names.remove(name)
            if (other := _OTHER.get(name)) in names:  # half an interval says nothing
                names.remove(other)
    for name in reversed(frame.columns[2:]):
        if sum(map(needed, names)) - 2 <= width or len(names) <= 3:
            break
        if name in names:
            names.remove(name)
    return frame[names]


def _longest_word(column: pl.Series) -> int:
    """Return the letters of the longest word of a column that is kept in one line, such as a run's name."""
    words = (word for value in column.head(_MOST_ROWS) for word in cell(value).split())
    return max((n for word in words if (n := len(word)) <= _WORD), default=0)


def _print_section(section: Section, name: str, console: Console) -> bool:
    """Print a section; True where something of it was left out."""
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(Text(safe(section.title), style="bold"))
    for sentence in section.text:
        console.print(Text(safe(sentence), style="" if section.table is None else "dim"))
    frame = section.table
    if frame is None:
        return False
    shown = frame[[n for n in frame.columns if n not in section.wide]]
    shown = _fitting(readable(told(shown)), name, console.width)
    most = _MOST_NAMES if section.whole else _MOST_ROWS
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column, dtype in zip(shown.columns, shown.dtypes, strict=True):
        folds = dtype == pl.String and (shown[column].str.len_chars().max() or 0) > _NARROW  # type: ignore[operator]
        table.add_column(
            Text(safe(heading(column, name))),
            justify="right" if dtype.is_numeric() else "left",
            overflow="fold",
            no_wrap=not folds,
            min_width=_longest_word(shown[column]) if folds else None,
        )
    for row in rows(shown.head(most), name):
        table.add_row(*(Text(safe(text)) for text in row))
    console.print(table)
    more = frame.height - most
    if more > 0:
        console.print(Text(f"and {more:,} more", style="dim"))
    return more > 0 or shown.width < frame.width
