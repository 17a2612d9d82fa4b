"""Values with their bounds, one row each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from postrun.model.study import Chart
from postrun.model.text import number, shortened
from postrun.report.html.figures.frame import (
    Frame,
    Place,
    bounds,
    bulk,
    draw,
    letters,
    line,
    scale,
    text,
    ticks,
    under,
    wide,
)

#: Pixels of a row, of the values after it, and the share of the width that labels may take.
_ROW, _VALUES, _MOST_LABELS = 22, 58, 0.42
#: Bounds and values beyond so many quartile ranges of all set no scale: an arrow at the edge stands for them.
_REACH = 20.0


def intervals(chart: Chart, width: float) -> Markup:
    """Draw a dot and its bounds for each row."""
    rows: list[dict[str, Any]] = chart.data["rows"]
    told = _percent if chart.data.get("share") else number
    if not rows:
        return Markup("")
    words = [str(row["label"]) for row in rows]
    left = max(map(wide, words)) + 18
    above = left > _MOST_LABELS * width  # long labels stand above their rows rather than being cut
    labels = shortened(words, letters(width - _VALUES)) if above else words
    row_height = 2 * _ROW if above else _ROW
    frame = Frame(width, 12 + row_height * len(rows) + 40, 10 if above else left, _VALUES, 12)
    reference = chart.data.get("reference")
    known = [v for r in rows for v in (r["value"], r["low"], r["high"])]
    shown = bulk(known, _REACH)
    low, high = bounds([*shown, *([reference] if reference is not None else [])])
    x = scale(low, high, frame.left, frame.end)
    parts = []
    for tick in ticks(low, high, frame.ticks):
        parts += [
            line(x(tick), frame.top, x(tick), frame.floor, "grid"),
            under(frame, x(tick), told(tick)),
        ]
    if reference is not None:
        parts.append(line(x(reference), frame.top, x(reference), frame.floor, "reference"))
    for n, (row, label) in enumerate(zip(rows, labels, strict=True)):
        bottom = frame.top + row_height * (n + 1)
        place = (4.0, bottom - 1.3 * _ROW) if above else (frame.left - 10, bottom - _ROW / 2 + 4)
        parts.append(text(*place, label, "start" if above else "end"))
        parts.append(_row(row, frame, bottom - _ROW / 2, x, told))
    name = str(chart.data.get("x", ""))
    middle = (frame.left + frame.end) / 2
    if middle + wide(name) / 2 > width:
        middle = width / 2
    parts.append(text(middle, frame.height - 6, name, kind="soft"))
    return draw(frame, chart.title, parts)


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)}%"


def _row(
    row: dict[str, Any], frame: Frame, y: float, x: Place, told: Callable[[float], str]
) -> Markup:
    bounded = math.isfinite(row["low"])
    ends = f" [{told(row['low'])}, {told(row['high'])}]" if bounded else ""
    words = f"{row['label']}: {told(row['value'])}{ends} {row.get('note', '')}".strip()
    parts: list[Markup] = []

    def inside(value: float) -> float:
        """Return the place of a value; one beyond an edge is at the edge, with an arrow."""
        place = x(value)
        if place > frame.end + 0.5:
            parts.append(text(frame.end + 5, y + 4, "▸", kind="soft"))
        elif place < frame.left - 0.5:
            parts.append(text(frame.left - 5, y + 4, "◂", kind="soft"))
        return min(max(place, frame.left), frame.end)

    if bounded:
        parts.append(line(inside(row["low"]), y, inside(row["high"]), y, "span c0"))
    dot = inside(row["value"])
    parts += [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" class="dot c0"/>').format(dot, y),
        text(frame.width - 4, y + 4, told(row["value"]), "end", "soft"),
    ]
    return Markup("<g><title>{}</title>{}</g>").format(words, Markup("").join(parts))
