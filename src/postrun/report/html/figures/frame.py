"""What the drawings of a study share: the room they have, marks, scales and ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

Place = Callable[[float], float]

#: Letters of the font of figures are about this wide.
_LETTER = 6.7
#: Colours; a line beyond them is dashed.
COLOURS = 8
_HOUR = 3_600
_TIME_STEPS = [
    *(1, 2, 5, 10, 15, 30, 60),
    120,
    300,
    900,
    *(h * _HOUR for h in (1, 3, 6, 12, 24, 48, 168, 336, 24 * 28, 24 * 91, 24 * 365)),
]


@dataclass(frozen=True, slots=True)
class Frame:
    """The room of a drawing: its whole size and the margins around what is plotted, in pixels."""

    width: float
    height: float = 320
    left: float = 62
    right: float = 14
    top: float = 24
    bottom: float = 40

    @property
    def floor(self) -> float:
        """The y of the x axis."""
        return self.height - self.bottom

    @property
    def end(self) -> float:
        """The x of the right edge of what is plotted."""
        return self.width - self.right

    @property
    def ticks(self) -> int:
        """Ticks of the x axis that fit."""
        return max(3, min(10, int((self.end - self.left) / 95)))


def draw(frame: Frame, title: str, parts: Sequence[Markup]) -> Markup:
    """Return the drawing as SVG."""
    return Markup(
        '<svg class="figure" viewBox="0 0 {:.0f} {:.0f}" role="img"><title>{}</title>{}</svg>'
    ).format(frame.width, frame.height, title, Markup("").join(parts))


def text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> Markup:
    """Return words at a place."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, kind, words
    )


def under(frame: Frame, x: float, words: str) -> Markup:
    """Return the words of a tick below the x axis, moved inwards where they would leave the drawing."""
    half = wide(words) / 2
    return text(min(max(x, half), frame.width - half), frame.floor + 16, words)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Return a straight line."""
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(
        x1, y1, x2, y2, kind
    )


def letters(pixels: float) -> int:
    """Return how many letters fit into a width."""
    return max(6, int(pixels / _LETTER))


def wide(words: str) -> float:
    """Return about how wide a text is."""
    return len(words) * _LETTER


def colour(n: int) -> str:
    """Return the classes of the n-th line: told apart by colour, then by dashes as well."""
    dashes = n // COLOURS % 3
    return f"c{n % COLOURS}{f' d{dashes}' if dashes else ''}"


def scale(low: float, high: float, start: float, stop: float) -> Place:
    """Return what places values between two pixels."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (stop - start)


def bounds(values: Sequence[float | None], pad: float = 0.05) -> tuple[float, float]:
    """Return the range of the finite values with some room around them."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = (high - low) * pad or abs(high) * 0.05 or 1.0
    return low - room, high + room


def bulk(values: Sequence[float | None], reach: float) -> list[float]:
    """Return the finite values but those beyond `reach` quartile ranges, as of runs that diverged."""
    known = np.array([v for v in values if v is not None and math.isfinite(v)], dtype=np.float64)
    if not len(known):
        return []
    first, third = np.quantile(known, [0.25, 0.75])
    room = reach * (third - first)
    near = known[(known >= first - room) & (known <= third + room)] if room > 0 else known
    return [float(v) for v in near]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers that divide a range: steps of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def time_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round moments (Unix seconds, UTC) that divide a stretch of time."""
    step = next((s for s in _TIME_STEPS if (high - low) / s <= count), None)
    if step is None:
        return ticks(low, high, count)
    return [float(k * step) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def keys(labels: Sequence[str], colours: Sequence[str] = ()) -> Markup:
    """Return which colour is what; "" for a single series."""
    if len(labels) < 2:
        return Markup("")
    swatch = Markup(
        '<span><svg class="swatch" viewBox="0 0 16 8"><line x1="0" y1="4" x2="16" y2="4" class="{}"/></svg>'
        "{}</span>"
    )
    parts = [
        swatch.format(colours[n] if n < len(colours) else colour(n), label)
        for n, label in enumerate(labels)
    ]
    return Markup('<p class="keys">{}</p>').format(Markup("").join(parts))
