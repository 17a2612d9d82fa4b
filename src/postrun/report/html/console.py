"""The console log as a page carries it: which lines, and where tracebacks are."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from postrun.training.crash import tracebacks

#: Lines that a page carries: the first and, where there are more, the last.
_HEAD, _TAIL = 2_000, 18_000
_LONGEST = 4_000
_SGR = re.compile(r"\x1b\[[\d;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|\x1b(?!\[[\d;]*m)")


def console_data(console: pl.DataFrame) -> dict[str, Any] | None:
    """Lines (with SGR colours where there are any), stderr's places, tracebacks; None for no log."""
    if not console.height:
        return None
    total = console.height
    numbers = None
    if total > _HEAD + _TAIL:
        rows = console.with_row_index("n", offset=1)
        console = pl.concat([rows.head(_HEAD), rows.tail(_TAIL)])
        numbers = console["n"].to_list()
    plain_lines = console["line"].to_list()
    coloured = console["styled"].to_list() if "styled" in console.columns else plain_lines
    lines = [_cut(styled or line) for line, styled in zip(plain_lines, coloured, strict=True)]
    return {
        "total": total,
        "omitted": total - len(lines),
        "lines": lines,
        "numbers": numbers,
        "stderr": (console["stream"] == "stderr").arg_true().to_list(),
        "tracebacks": tracebacks(plain_lines),
    }


def _cut(line: str) -> str:
    if len(line) > _LONGEST:
        line = _SGR.sub("", line)[:_LONGEST] + "…"
    return _CONTROL.sub("�", line)
