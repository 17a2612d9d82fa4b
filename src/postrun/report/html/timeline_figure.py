"""The timeline as static SVG: it needs no script, prints, and fits any width.

Places along the axis are percentages of the drawing's width, so that text and marks keep their size; curves are
stretched (`preserveAspectRatio="none"`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from postrun.metrics import Axis, Series
from postrun.model.text import number, position
from postrun.report.html.figures.frame import ticks
from postrun.report.html.svg import bulk
from postrun.report.timeline import Onset, Timeline
from postrun.stats.decimate import min_max
from postrun.stats.robust import Floats, bin_medians

#: Points of a lane's curve, and of the level drawn over it.
_POINTS, _LEVELS = 400, 100
#: A lane that spans so many powers of ten has a log scale.
_DECADES = 3.0
#: Numbers nearer to each other than this share of the width stand in rows, of which there are so many.
_APART, _ROWS = 0.055, 3
_ROW = 22
_WIDE, _HIGH = 1000, 100
_TICK_ROW = 18


@dataclass(frozen=True, slots=True)
class LaneFigure:
    """One lane for the template: texts, its drawing, and its y range in words."""

    key: str
    unit: str
    log: bool
    first: str
    last: str
    low: str
    high: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class TimelineFigure:
    """A timeline for the template: `numbers` above the lanes, `marks` and `axis` below them."""

    numbers: Markup
    lanes: list[LaneFigure]
    marks: list[tuple[str, str, Markup]]
    axis: Markup
    phases: list[tuple[str, str]]
    end: str
    tone: str
    label: str


def timeline_figure(found: Timeline, axis: Axis) -> TimelineFigure:
    """Return a timeline's drawings."""
    words = [f"{p.words} ({axis.span(p.start, p.stop)})" for p in found.phases]
    return TimelineFigure(
        numbers=_numbers(found),
        lanes=[_lane(found, series, at) for at, series in enumerate(found.lanes)],
        marks=[
            (kind, _counted(kind, len(at)), _marks(found, kind, at))
            for kind, at in found.ticks.items()
        ],
        axis=_axis(found),
        phases=[(p.tone, text) for p, text in zip(found.phases, words, strict=True)],
        end=found.end,
        tone=found.tone,
        label=f"Timeline, {axis.span(found.start, found.stop)}: "
        + ", ".join(s.key for s in found.lanes),
    )


def _percent(found: Timeline, x: float) -> float:
    return 100 * min(1.0, max(0.0, (x - found.start) / (found.stop - found.start)))


def _rows(found: Timeline) -> list[tuple[Onset, int]]:
    """Return the onsets with the row of each, so that no two numbers overlap."""
    last = [-1.0] * _ROWS
    placed = []
    for onset in found.onsets:
        at = _percent(found, onset.x) / 100
        free = next((r for r, x in enumerate(last) if at - x >= _APART), None)
        row = int(np.argmin(last)) if free is None else free
        last[row] = at
        placed.append((onset, row))
    return placed


def _numbers(found: Timeline) -> Markup:
    placed = _rows(found)
    if not placed:
        return Markup("")
    height = _ROW * (1 + max(row for _, row in placed))
    parts = []
    for onset, row in placed:
        n = onset.finding
        x, y = _percent(found, onset.x), height - _ROW * (row + 0.5)
        parts.append(
            Markup(
                '<line class="on {s}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y}" y2="{h}"/>'
                '<a href="#f{n}" aria-label="{n1}: {words}"><title>{words}</title>'
                '<circle class="dot {s}" cx="{x:.2f}%" cy="{y}" r="9"/>'
                '<text class="number" x="{x:.2f}%" y="{y}" dy="4">{n1}</text></a>'
            ).format(s=onset.severity.label, x=x, y=y, h=height, n=n, n1=n + 1, words=onset.words)
        )
    return Markup('<svg class="numbers" width="100%" height="{}">{}</svg>').format(
        height, Markup("").join(parts)
    )


def _lane(found: Timeline, series: Series, at: int) -> LaneFigure:
    log = _decades(series.y) >= _DECADES
    y = np.log10(series.y) if log else series.y
    low, high = bulk(y)
    span = (high - low) or 1.0

    def points(x: Floats, values: Floats) -> str:
        across = _WIDE * (x - found.start) / (found.stop - found.start)
        down = _HIGH * (1 - np.clip((values - low) / span, 0, 1))
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))

    keep = min_max(y, _POINTS)
    many = len(y) > 2 * _LEVELS
    lines = [(points(series.x[keep], y[keep]), "raw" if many else f"c{at}")]
    if many:
        x, level, _ = bin_medians(series.x, np.clip(y, low, low + span), _LEVELS)
        lines.append((points(x, level), f"c{at}"))
    curves = Markup("").join(
        Markup('<polyline class="{}" points="{}"/>').format(kind, text) for text, kind in lines
    )
    unscaled = (lambda v: float(10**v)) if log else float
    return LaneFigure(
        key=series.key,
        unit=series.info.unit,
        log=log,
        first=number(float(series.y[0])),
        last=number(float(series.y[-1])),
        low=number(unscaled(low), 3),
        high=number(unscaled(high), 3),
        drawing=Markup(
            '<svg class="lane" width="100%" height="100%" aria-hidden="true">{}'
            '<svg class="curves" x="0" y="26%" width="100%" height="68%" viewBox="0 0 {} {}" '
            'preserveAspectRatio="none">{}</svg></svg>'
        ).format(_behind(found, series.key), _WIDE, _HIGH, curves),
    )


def _behind(found: Timeline, key: str) -> Markup:
    """Return the phases and the onsets behind a lane's curve."""
    parts = [
        Markup('<rect class="phase {}" x="{:.2f}%" width="{:.2f}%" y="0" height="100%"/>').format(
            p.tone, _percent(found, p.start), _percent(found, p.stop) - _percent(found, p.start)
        )
        for p in found.phases
    ]
    parts += [
        Markup('<line class="on {}" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>').format(
            o.severity.label, x=_percent(found, o.x)
        )
        for o in found.onsets
    ]
    return Markup("").join(parts)


def _counted(kind: str, count: int) -> str:
    return f"{count:,} {kind if count != 1 else kind.removesuffix('s')}"


def _marks(found: Timeline, kind: str, at: Sequence[float]) -> Markup:
    shape = {
        "checkpoints": Markup('<circle cx="{0:.2f}%" cy="9" r="3.5"/>'),
        "stalls": Markup('<line x1="{0:.2f}%" x2="{0:.2f}%" y1="2" y2="16"/>'),
    }.get(kind, Markup('<line x1="{0:.2f}%" x2="{0:.2f}%" y1="4" y2="14"/>'))
    drawn = Markup("").join(shape.format(_percent(found, x)) for x in at)
    return Markup(
        '<svg class="marks {}" width="100%" height="{}" aria-hidden="true">{}</svg>'
    ).format(kind, _TICK_ROW, drawn)


def _axis(found: Timeline) -> Markup:
    places = [x for x in ticks(found.start, found.stop, 5) if _percent(found, x) < 92]
    texts = [
        Markup('<text x="{:.2f}%" y="14" text-anchor="{}">{}</text>').format(
            _percent(found, x), "start" if _percent(found, x) < 3 else "middle", position(x)
        )
        for x in places
    ]
    texts.append(
        Markup('<text x="100%" y="14" text-anchor="end">{}</text>').format(position(found.stop))
    )
    return Markup('<svg class="ticks" width="100%" height="20" aria-hidden="true">{}</svg>').format(
        Markup("").join(texts)
    )


def _decades(y: Floats) -> float:
    """Return how many powers of ten positive values span; 0 if any is not positive."""
    low, high = float(y.min()), float(y.max())
    return float(np.log10(high / low)) if low > 0 else 0.0
