"""Stacked bars."""

from __future__ import annotations

import math

from markupsafe import Markup

from postrun.model.study import Chart
from postrun.model.text import number
from postrun.report.html.figures.frame import (
    Frame,
    colour,
    draw,
    keys,
    line,
    scale,
    text,
    ticks,
    under,
    wide,
)

#: Of bars with two parts: what is bad, and what is not.
_PAIR = ("c1", "c0")


def bars(chart: Chart, width: float) -> Markup:
    """Draw a bar for each label, a stack of its parts."""
    labels, series = chart.data["labels"], chart.data["parts"]
    if not labels:
        return Markup("")
    frame = Frame(width, top=12)
    top = max(sum(part["values"][i] for part in series) for i in range(len(labels))) or 1
    place_y = scale(0, top * 1.05, frame.floor, frame.top)
    each = (frame.end - frame.left) / len(labels)
    parts = []
    for tick in ticks(0, top * 1.05):
        if tick == int(tick):
            parts += [line(frame.left, place_y(tick), frame.end, place_y(tick), "grid"),
                      text(frame.left - 6, place_y(tick) + 4, number(tick), "end")]  # fmt: skip
    fitting = max(1, int((frame.end - frame.left) / (max(map(wide, labels)) + 14)))
    every = math.ceil(len(labels) / fitting)
    for i, label in enumerate(labels):
        middle, thick, base = frame.left + each * (i + 0.5), min(80.0, max(1.0, each * 0.8)), 0.0
        told = f"{label}: " + ", ".join(f"{part['values'][i]} {part['label']}" for part in series)
        stack = []
        for n, part in enumerate(series):
            upper, lower = place_y(base + part["values"][i]), place_y(base)
            base += part["values"][i]
            kind = _PAIR[n % 2] if len(series) == 2 else colour(n)
            stack.append(
                Markup(
                    '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="bar {}"/>'
                ).format(middle - thick / 2, upper, thick, lower - upper, kind)
            )
        parts.append(Markup("<g><title>{}</title>{}</g>").format(told, Markup("").join(stack)))
        if i % every == 0:
            parts.append(under(frame, middle, label))
    middle = (frame.left + frame.end) / 2
    parts.append(text(middle, frame.height - 6, str(chart.data.get("x", "")), kind="soft"))
    return Markup("{}{}").format(
        draw(frame, chart.title, parts), keys([part["label"] for part in series], _PAIR)
    )
