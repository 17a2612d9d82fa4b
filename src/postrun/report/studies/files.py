"""A study as files: Markdown, JSON, and each table as CSV."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from postrun.model.headings import heading, rows
from postrun.model.study import Study, plain_times, readable
from postrun.model.text import inert
from postrun.report.export import spreadsheet_safe
from postrun.report.files import safe_name, write_json, write_text
from postrun.report.markdown import escape
from postrun.store.atomic import write_atomically

#: Rows of a table that a Markdown page holds; the CSV beside it holds all.
_MOST_ROWS = 50


def write_study(study: Study, folder: Path, masked: str = "") -> list[Path]:
    """Write `KIND.md`, `KIND.json` and `KIND_TABLE.csv` for each table; their paths."""
    written = [folder / f"{study.kind}.md", folder / f"{study.kind}.json"]
    write_text(written[0], markdown(study, masked))
    write_json(written[1], {**study.as_dict(), "masked": masked})
    for key, frame in study.tables.items():
        path = folder / f"{study.kind}_{safe_name(key)}.csv"
        write_atomically(path, partial(spreadsheet_safe(plain_times(frame)).write_csv))
        written.append(path)
    return written


def markdown(study: Study, masked: str = "") -> str:
    """The study as a Markdown page; everything from runs is escaped."""
    lines = [f"# {escape(study.title)}", ""]
    lines += [f"- {escape(sentence)}" for sentence in study.headline]
    if study.caveats:
        lines += ["", "What this cannot show:", ""]
        lines += [f"- {escape(sentence)}" for sentence in study.caveats]
    for section in study.sections:
        lines += ["", f"## {escape(section.title)}", ""]
        if section.table is None:
            lines += ["```text", *(text.replace("```", "'''") for text in section.text), "```"]
            continue
        lines += [*(escape(text) for text in section.text), ""]
        table = f"{study.kind}.{section.key}"
        lines += _table(section.table, table, f"{study.kind}_{safe_name(section.key)}.csv")
    if masked:
        lines += ["", f"{escape(masked)}."]
    return inert("\n".join([*lines, ""]))


def _table(frame: pl.DataFrame, table: str, file: str) -> list[str]:
    frame = readable(frame)
    shown = frame.head(_MOST_ROWS)
    aligned = ["---:" if dtype.is_numeric() else "---" for dtype in frame.dtypes]
    lines = [
        "| " + " | ".join(escape(heading(name, table)) for name in frame.columns) + " |",
        "|" + "|".join(aligned) + "|",
        *("| " + " | ".join(escape(c) for c in row) + " |" for row in rows(shown, table)),
    ]
    more = frame.height - _MOST_ROWS
    return [*lines, *(["", f"{more:,} more rows in `{file}`."] if more > 0 else [])]
