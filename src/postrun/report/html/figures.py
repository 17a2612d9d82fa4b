"""A study's charts as static SVG: they need no script, and print as they look."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from markupsafe import Markup

from postrun.model.study import Chart
from postrun.model.text import number

_WIDTH = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 12, 40
_HEIGHT = 300
#: Pixels of a row of intervals, and of the labels before them.
_ROW, _LABELS = 22, 250
#: Of bars with two parts: what is bad, and what is not.
_BAR_COLOURS = ("c1", "c0")
_HOUR = 3_600
_TIME_STEPS = [
    60,
    300,
    900,
    *(h * _HOUR for h in (1, 3, 6, 12, 24, 48, 168, 336, 24 * 28, 24 * 91, 24 * 365)),
]
Place = Callable[[float], float]


def figure(chart: Chart) -> Markup:
    """A chart with its title; "" where it has nothing to show."""
    drawing = _DRAW[chart.kind](chart)
    if not drawing:
        return Markup("")
    return Markup('<figure class="study"><figcaption>{}</figcaption>{}</figure>').format(
        chart.title, drawing
    )


def _svg(width: float, height: float, title: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="figure" viewBox="0 0 {:.0f} {:.0f}" role="img"><title>{}</title>{}</svg>'
    ).format(width, height, title, Markup("").join(parts))


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, kind, text
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(
        x1, y1, x2, y2, kind
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that divide a range: steps of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def time_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round moments (Unix seconds, UTC) that divide a stretch of time."""
    step = next((s for s in _TIME_STEPS if (high - low) / s <= count), None)
    if step is None:
        return ticks(low, high, count)
    return [float(k * step) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _scale(low: float, high: float, start: float, stop: float) -> Place:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (stop - start)


def _range(values: Sequence[float], pad: float = 0.05) -> tuple[float, float]:
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = (high - low) * pad or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _intervals(chart: Chart) -> Markup:
    rows = chart.data["rows"]
    if not rows:
        return Markup("")
    known = [v for r in rows for v in (r["value"], r["low"], r["high"])]
    reference = chart.data.get("reference")
    low, high = _range([*known, *([reference] if reference is not None else [])])
    height = _TOP + _ROW * len(rows) + _BOTTOM
    bottom = height - _BOTTOM
    x = _scale(low, high, _LABELS, _WIDTH - _RIGHT - 40)
    parts = []
    for tick in ticks(low, high):
        parts += [
            _line(x(tick), _TOP, x(tick), bottom, "grid"),
            _text(x(tick), bottom + 16, number(tick)),
        ]
    if reference is not None:
        parts.append(_line(x(reference), _TOP, x(reference), bottom, "reference"))
    for n, row in enumerate(rows):
        y = _TOP + _ROW * (n + 0.5)
        label = row["label"] if len(row["label"]) <= 38 else f"{row['label'][:37]}…"
        bounds = (
            f" [{number(row['low'])}, {number(row['high'])}]" if math.isfinite(row["low"]) else ""
        )
        told = f"{row['label']}: {number(row['value'])}{bounds} {row.get('note', '')}"
        mark = [_text(_LABELS - 8, y + 4, label, "end")]
        if bounds:
            mark.append(_line(x(row["low"]), y, x(row["high"]), y, "span c0"))
        mark.append(
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" class="dot c0"/>').format(
                x(row["value"]), y
            )
        )
        mark.append(_text(_WIDTH - _RIGHT, y + 4, number(row["value"], 3), "end", "soft"))
        parts.append(
            Markup("<g><title>{}</title>{}</g>").format(told.strip(), Markup("").join(mark))
        )
    parts.append(
        _text((_LABELS + _WIDTH) / 2, height - 6, str(chart.data.get("x", "")), kind="soft")
    )
    return _svg(_WIDTH, height, chart.title, parts)


def _lines(chart: Chart) -> Markup:
    data = chart.data
    lines = [line for line in data["lines"] if line["x"]]
    if not lines:
        return Markup("")
    log = bool(data.get("log_x"))
    xs = [math.log10(v) if log else v for line in lines for v in line["x"]]
    x_low, x_high = (min(xs), max(xs)) if max(xs) > min(xs) else _range(xs)
    marked = any(line.get("points") for line in lines)
    if marked:
        x_low, x_high = _range([x_low, x_high], 0.02)
    y_low, y_high = _bulk(lines)
    bottom = _HEIGHT - _BOTTOM
    place_x = _scale(x_low, x_high, _LEFT, _WIDTH - _RIGHT)
    place_y = _scale(y_low, y_high, bottom, _TOP)
    parts: list[Markup] = []
    for tick in ticks(y_low, y_high):
        y = place_y(tick)
        parts += [
            _line(_LEFT, y, _WIDTH - _RIGHT, y, "grid"),
            _text(_LEFT - 6, y + 4, number(tick, 3), "end"),
        ]
    for tick in _x_ticks(x_low, x_high, log, bool(data.get("time"))):
        text = _x_text(tick, log, bool(data.get("time")), x_high - x_low)
        parts += [
            _line(place_x(tick), _TOP, place_x(tick), bottom, "grid"),
            _text(place_x(tick), bottom + 16, text),
        ]
    for n, line in enumerate(lines):
        parts.append(_one_line(line, n, log, place_x, place_y))
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, str(data.get("x", "")), kind="soft"))
    parts.append(_text(_LEFT + 4, _TOP + 12, str(data.get("y", ""))[:60], "start", "soft"))
    legend = _keys([line["label"] for line in lines])
    return Markup("{}{}").format(
        _svg(_WIDTH, _HEIGHT, f"{chart.title}: {data.get('y', '')}", parts), legend
    )


def _bulk(lines: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The range of values; single ones far outside are drawn at the edge."""
    known = [v for line in lines for name in ("y", "low", "high") for v in line.get(name, ())]
    y = np.array([v for v in known if v is not None], dtype=np.float64)
    y = y[np.isfinite(y)]
    if not len(y):
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(y, [0.01, 0.99]))
    reach = 1.0 * (high - low)
    return _range([max(float(y.min()), low - reach), min(float(y.max()), high + reach)])


def _x_ticks(low: float, high: float, log: bool, time: bool) -> list[float]:
    if time:
        return time_ticks(low, high)
    if log and high - low >= 1:
        return [float(k) for k in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
    return ticks(low, high)


def _x_text(tick: float, log: bool, time: bool, span: float) -> str:
    if time:
        pattern = "%m-%d %H:%M" if span < 4 * 86_400 else "%Y-%m-%d"
        return datetime.fromtimestamp(tick, UTC).strftime(pattern)
    return f"{10**tick:.3g}" if log else number(tick)


def _one_line(line: dict[str, Any], n: int, log: bool, place_x: Place, place_y: Place) -> Markup:
    at = [math.log10(v) if log else float(v) for v in line["x"]]
    known = [
        (x, float(y), i)
        for i, (x, y) in enumerate(zip(at, line["y"], strict=True))
        if y is not None and math.isfinite(y)
    ]

    def points(pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(
            f"{place_x(x):.1f},{np.clip(place_y(y), 4, _HEIGHT - _BOTTOM):.1f}" for x, y in pairs
        )

    parts = []
    if "low" in line:
        band = [(x, float(line["low"][i])) for x, _, i in known]
        band += [(x, float(line["high"][i])) for x, _, i in reversed(known)]
        band = [(x, y) for x, y in band if math.isfinite(y)]
        parts.append(Markup('<polygon class="band c{}" points="{}"/>').format(n % 8, points(band)))
    pairs = [(x, y) for x, y, _ in known]
    if line.get("steps"):
        pairs = [
            p
            for i, (x, y) in enumerate(pairs)
            for p in ([(x, pairs[i - 1][1])] if i else []) + [(x, y)]
        ]
    if not line.get("points"):
        parts.append(Markup('<polyline class="c{}" points="{}"/>').format(n % 8, points(pairs)))
    if line.get("points") or line.get("marks") or len(known) <= 15:
        parts += [
            Markup(
                '<circle cx="{:.1f}" cy="{:.1f}" r="3" class="dot c{}"><title>{}</title></circle>'
            ).format(
                place_x(x),
                float(np.clip(place_y(y), 4, _HEIGHT - _BOTTOM)),
                n % 8,
                f"{line['label']}: {number(y)}",
            )
            for x, y, _ in known[:3000]
        ]
    return Markup("<g><title>{}</title>{}</g>").format(line["label"], Markup("").join(parts))


def _bars(chart: Chart) -> Markup:
    labels, series = chart.data["labels"], chart.data["parts"]
    if not labels:
        return Markup("")
    totals = [sum(part["values"][i] for part in series) for i in range(len(labels))]
    top = max(totals) or 1
    bottom = _HEIGHT - _BOTTOM
    place_y = _scale(0, top * 1.05, bottom, _TOP)
    width = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    parts = []
    for tick in ticks(0, top * 1.05):
        if tick == int(tick):
            parts += [_line(_LEFT, place_y(tick), _WIDTH - _RIGHT, place_y(tick), "grid"),
                      _text(_LEFT - 6, place_y(tick) + 4, number(tick), "end")]  # fmt: skip
    every = max(1, math.ceil(len(labels) / 7))
    for i, label in enumerate(labels):
        x, base = _LEFT + width * i, 0.0
        told = f"{label}: " + ", ".join(f"{part['values'][i]} {part['label']}" for part in series)
        bars = []
        for n, part in enumerate(series):
            upper, lower = place_y(base + part["values"][i]), place_y(base)
            base += part["values"][i]
            kind = _BAR_COLOURS[n % 2] if len(series) == 2 else f"c{n % 8}"
            bars.append(
                Markup(
                    '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="bar {}"/>'
                ).format(x + width * 0.1, upper, max(1.0, width * 0.8), lower - upper, kind)
            )
        parts.append(Markup("<g><title>{}</title>{}</g>").format(told, Markup("").join(bars)))
        if i % every == 0:
            parts.append(_text(x + width / 2, bottom + 16, label))
    parts.append(
        _text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, str(chart.data.get("x", "")), kind="soft")
    )
    keys = _keys([part["label"] for part in series], _BAR_COLOURS)
    return Markup("{}{}").format(_svg(_WIDTH, _HEIGHT, chart.title, parts), keys)


def _keys(labels: Sequence[str], colours: Sequence[str] = ()) -> Markup:
    """Which colour is what; "" for a single series."""
    if len(labels) < 2:
        return Markup("")
    swatch = Markup(
        '<span><svg class="swatch" viewBox="0 0 16 8"><line x1="0" y1="4" x2="16" y2="4" class="{}"/></svg>'
        "{}</span>"
    )
    parts = [
        swatch.format(colours[n] if n < len(colours) else f"c{n % 8}", label)
        for n, label in enumerate(labels)
    ]
    return Markup('<p class="keys">{}</p>').format(Markup("").join(parts))


def _heat(chart: Chart) -> Markup:
    data = chart.data
    rows, columns, values = (
        data["rows"],
        data["columns"],
        np.array(data["values"], dtype=np.float64),
    )
    if not values.size:
        return Markup("")
    left, size = 130, min(80.0, (_WIDTH - 150) / len(columns))
    height = _TOP + size * 0.6 * len(rows) + 44
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = (high - low) or 1.0
    better = data.get("better", 1)
    parts = []
    for i, name in enumerate(rows):
        y = _TOP + size * 0.6 * i
        parts.append(_text(left - 6, y + size * 0.3 + 4, str(name), "end"))
        for j, column in enumerate(columns):
            share = (values[i, j] - low) / span
            good = share if better > 0 else 1 - share
            told = f"{data['y']} = {name}, {data['x']} = {column}: {number(values[i, j])}"
            box = Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="cell" '
                'fill-opacity="{:.2f}"/>'
            ).format(left + size * j, y, size - 1, size * 0.6 - 1, 0.08 + 0.77 * good)
            value = _text(left + size * (j + 0.5), y + size * 0.3 + 4, number(values[i, j], 3))
            parts.append(Markup("<g><title>{}</title>{}{}</g>").format(told, box, value))
    for j, column in enumerate(columns):
        parts.append(_text(left + size * (j + 0.5), height - 28, str(column)))
    words = f"{data['x']} (darker: better {data['unit']})"
    parts.append(_text(left + size * len(columns) / 2, height - 8, words, kind="soft"))
    side = Markup(
        '<text transform="translate(12 {:.0f}) rotate(-90)" text-anchor="middle" class="soft">{}</text>'
    )
    parts.append(side.format(_TOP + size * 0.3 * len(rows), data["y"]))
    return _svg(_WIDTH, height, chart.title, parts)


_DRAW: dict[str, Callable[[Chart], Markup]] = {
    "intervals": _intervals,
    "lines": _lines,
    "bars": _bars,
    "heat": _heat,
}
