"""How data show themselves in a notebook: small HTML, everything from a run escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import import_module

#: Rows that a notebook shows of one table.
_MOST_ROWS = 60
_COLOURS = {"critical": "#b00020", "warning": "#b36b00", "info": "#0a58b8", "good": "#17703a"}


def notebook(value: object) -> str:
    """Return a value with its charts.

    The reports' own drawings are above the data: they are found by name, when a notebook asks.
    """
    html: str = import_module("postrun.report.notebook").render(value)
    return html


def heading(title: str, rest: str) -> str:
    """A bold title and what follows it."""
    return f"<p><b>{escape(title)}</b> {escape(rest)}</p>"


def badge(severity: str) -> str:
    """A severity in its colour."""
    colour = _COLOURS.get(severity, "#555555")
    return f'<b style="color:{colour}">{escape(severity)}</b>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts; beyond 60 rows it says how many are not shown."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:_MOST_ROWS]
    )
    more = len(rows) - _MOST_ROWS
    tail = f"<p>and {more:,} more rows</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{tail}"
