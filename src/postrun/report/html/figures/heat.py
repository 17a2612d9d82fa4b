"""Values over two settings, the better the stronger."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from postrun.model.study import Chart
from postrun.model.text import number, shortened
from postrun.report.html.figures.frame import Frame, draw, letters, text, wide

#: A cell is at most so wide and high, in pixels.
_WIDE, _HIGH = 150.0, 38.0


def heat(chart: Chart, width: float) -> Markup:
    """Draw a cell for each pair of values."""
    data = chart.data
    values = np.array(data["values"], dtype=np.float64)
    if not values.size:
        return Markup("")
    rows = shortened([str(name) for name in data["rows"]], letters(0.25 * width))
    left = max(map(wide, rows)) + 34
    size = min(_WIDE, (width - left - 10) / len(data["columns"]))
    frame = Frame(width, 12 + _HIGH * len(rows) + 48, left, 10, 12, 48)
    columns = shortened([str(name) for name in data["columns"]], letters(size))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = (high - low) or 1.0
    digits = 3 if size > 44 else 2
    parts = []
    for i, name in enumerate(rows):
        y = frame.top + _HIGH * i
        parts.append(text(left - 8, y + _HIGH / 2 + 4, name, "end"))
        for j, column in enumerate(columns):
            share = (values[i, j] - low) / span
            good = share if data.get("better", 1) > 0 else 1 - share
            places = f"{data['y']} = {data['rows'][i]}, {data['x']} = {data['columns'][j]}"
            told = f"{places}: {number(values[i, j])}"
            box = Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="cell" '
                'fill-opacity="{:.2f}"/>'
            ).format(left + size * j, y, size - 1, _HIGH - 1, 0.08 + 0.72 * good)
            value = text(left + size * (j + 0.5), y + _HIGH / 2 + 4, number(values[i, j], digits))
            parts.append(Markup("<g><title>{}</title>{}{}</g>").format(told, box, value))
            if i == 0:
                parts.append(text(left + size * (j + 0.5), frame.floor + 16, column))
    words = f"{data['x']} (stronger: better {data['unit']})"
    parts.append(text(left, frame.height - 8, words, "start", "soft"))
    side = Markup(
        '<text transform="translate(14 {:.0f}) rotate(-90)" text-anchor="middle" class="soft">{}</text>'
    )
    parts.append(side.format(frame.top + _HIGH / 2 * len(rows), data["y"]))
    return draw(frame, chart.title, parts)
