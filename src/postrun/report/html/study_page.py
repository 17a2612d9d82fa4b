"""The page of a study of many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from postrun.model.headings import heading, rows, texts
from postrun.model.study import Study, readable, told
from postrun.report.files import write_text
from postrun.report.html.buffer import Buffer
from postrun.report.html.figures import figure
from postrun.report.html.page import render_page

#: Rows of a table that a page holds; data files hold all.
_MOST_ROWS = 500
#: Tables longer than this are folded.
_OPEN_ROWS = 25
#: Texts up to this long are kept in one line.
_SHORT = 24


def write_study_page(path: Path, study: Study, masked: str = "") -> None:
    """Write the page of a study to `path`."""
    write_text(path, study_page(study, masked))


def study_page(study: Study, masked: str = "") -> str:
    """The page as text."""
    return render_page(
        "study", study.title, {}, Buffer(), study=study, parts=parts_of(study), masked=masked
    )


def parts_of(study: Study) -> list[dict[str, Any]]:
    """The sections as a template shows them."""
    out = []
    for section in study.sections:
        frame, table = section.table, f"{study.kind}.{section.key}"
        if frame is not None:
            frame = readable(told(frame))
            for name in ("id", "group"):  # of runs without a name of their own, or alone in a group
                if {name, "run"} <= set(frame.columns) and frame[name].equals(frame["run"]):
                    frame = frame.drop(name)
        out.append(
            {
                "key": section.key,
                "title": section.title,
                "text": section.text,
                "figures": [
                    f for c in section.charts if (f := figure(c, len(section.charts) == 1))
                ],
                "columns": _columns(frame, table),
                "rows": [] if frame is None else rows(frame.head(_MOST_ROWS), table),
                # Values of curves and profiles are not what readers count.
                "count": 0 if frame is None or "*" in section.wide else frame.height,
                "more": 0 if frame is None else max(0, frame.height - _MOST_ROWS),
                "folded": frame is not None and ("*" in section.wide or frame.height > _OPEN_ROWS),
            }
        )
    return out


def _columns(frame: pl.DataFrame | None, table: str) -> list[tuple[str, str]]:
    """Return each column's heading and how it is set."""
    if frame is None:
        return []
    return [(heading(name, table), _kind(frame[name])) for name in frame.columns]


def _kind(column: pl.Series) -> str:
    """How a column is set: "n" for numbers, "s" for short texts that are not broken, "" for others."""
    if column.dtype.is_numeric():
        return "n"
    longest = max(map(len, texts(column.head(_MOST_ROWS))), default=0)
    return "s" if longest <= _SHORT else ""
