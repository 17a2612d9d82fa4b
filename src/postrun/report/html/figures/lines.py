"""Curves with their bands, stairs, and points, over numbers or times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from markupsafe import Markup

from postrun.model.study import Chart
from postrun.model.text import number, shortened
from postrun.report.html.figures.frame import (
    Frame,
    Place,
    bounds,
    bulk,
    colour,
    draw,
    keys,
    letters,
    line,
    scale,
    text,
    ticks,
    time_ticks,
    under,
)

#: A line of so few values is drawn with a dot for each.
_DOTTED = 15
#: Values beyond so many quartile ranges of all set no scale.
_REACH = 100.0
#: Seconds of a day, and of a stretch of time whose ticks are told to the second.
_DAY, _SHORT = 86_400, 600
#: Points that one line is drawn with.
_MOST_POINTS = 3000


def lines(chart: Chart, width: float) -> Markup:
    """Draw the lines of a chart, and the names of their colours below."""
    data = chart.data
    drawn = [one for one in data["lines"] if one["x"]]
    if not drawn:
        return Markup("")
    frame = Frame(width)
    log, time = bool(data.get("log_x")), bool(data.get("time"))
    xs = [math.log10(v) if log else v for one in drawn for v in one["x"]]
    x_low, x_high = (min(xs), max(xs)) if max(xs) > min(xs) else bounds(xs)
    if any(one.get("points") for one in drawn):
        x_low, x_high = bounds([x_low, x_high], 0.02)
    y_low, y_high = _bulk(drawn)
    place_x = scale(x_low, x_high, frame.left, frame.end)
    place_y = scale(y_low, y_high, frame.floor, frame.top)
    parts: list[Markup] = []
    for tick in ticks(y_low, y_high):
        y = place_y(tick)
        parts += [
            line(frame.left, y, frame.end, y, "grid"),
            text(frame.left - 6, y + 4, number(tick), "end"),
        ]
    count = frame.ticks // 2 if time else frame.ticks
    for tick in _x_ticks(x_low, x_high, log, time, max(2, count)):
        words = _x_text(tick, log, time, x_high - x_low)
        parts += [
            line(place_x(tick), frame.top, place_x(tick), frame.floor, "grid"),
            under(frame, place_x(tick), words),
        ]
    for n, one in enumerate(drawn):
        parts.append(_line(one, n, log, place_x, place_y, frame))
    middle = (frame.left + frame.end) / 2
    parts.append(text(middle, frame.height - 6, str(data.get("x", "")), kind="soft"))
    (name,) = shortened([str(data.get("y", ""))], letters(frame.width - 10))
    if data.get("y") != chart.title:
        parts.append(text(4, 14, name, "start", "soft"))
    return Markup("{}{}").format(
        draw(frame, f"{chart.title}: {data.get('y', '')}", parts),
        keys(
            [one["label"] for one in drawn],
            [one.get("colour") or colour(n) for n, one in enumerate(drawn)],
        ),
    )


def _bulk(drawn: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the range of values; single ones far outside are drawn at the edge."""
    known = [v for one in drawn for name in ("y", "low", "high") for v in one.get(name, ())]
    y = np.array(bulk(known, _REACH), dtype=np.float64)
    if not len(y):
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(y, [0.01, 0.99]))
    reach = 1.0 * (high - low)
    return bounds([max(float(y.min()), low - reach), min(float(y.max()), high + reach)])


def _x_ticks(low: float, high: float, log: bool, time: bool, count: int) -> list[float]:
    if time:
        return time_ticks(low, high, count)
    if log and high - low >= 1:
        return [float(k) for k in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
    return ticks(low, high, count)


def _x_text(tick: float, log: bool, time: bool, span: float) -> str:
    if time:
        pattern = "%m-%d %H:%M" if span < 4 * _DAY else "%Y-%m-%d"
        pattern = "%H:%M:%S" if span < _SHORT else pattern
        return datetime.fromtimestamp(tick, UTC).strftime(pattern)
    return f"{10**tick:.3g}" if log else number(tick)


def _line(
    one: dict[str, Any], n: int, log: bool, place_x: Place, place_y: Place, frame: Frame
) -> Markup:
    at = [math.log10(v) if log else float(v) for v in one["x"]]
    known = [
        (x, float(y), i)
        for i, (x, y) in enumerate(zip(at, one["y"], strict=True))
        if y is not None and math.isfinite(y)
    ]

    def down(y: float) -> float:
        return float(np.clip(place_y(y), frame.top - 8, frame.floor))

    def points(pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{place_x(x):.1f},{down(y):.1f}" for x, y in pairs)

    parts, kind = [], one.get("colour") or colour(n)
    if "low" in one:
        band = [(x, float(one["low"][i])) for x, _, i in known]
        band += [(x, float(one["high"][i])) for x, _, i in reversed(known)]
        band = [(x, y) for x, y in band if math.isfinite(y)]
        parts.append(Markup('<polygon class="band {}" points="{}"/>').format(kind, points(band)))
    pairs = [(x, y) for x, y, _ in known]
    if one.get("steps"):
        pairs = [
            p
            for i, (x, y) in enumerate(pairs)
            for p in ([(x, pairs[i - 1][1])] if i else []) + [(x, y)]
        ]
    if not one.get("points"):
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(kind, points(pairs)))
    few = len(known) <= _DOTTED and not one.get("level")
    if one.get("points") or one.get("marks") or few:
        parts += [
            Markup(
                '<circle cx="{:.1f}" cy="{:.1f}" r="3" class="dot {}"><title>{}</title></circle>'
            ).format(place_x(x), down(y), kind, f"{one['label']}: {number(y)}")
            for x, y, _ in known[:_MOST_POINTS]
        ]
    return Markup("<g><title>{}</title>{}</g>").format(one["label"], Markup("").join(parts))
