"""Curves as static SVG: what a report shows where no script runs, and beside each finding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from postrun.metrics import Series
from postrun.stats.decimate import min_max
from postrun.stats.robust import Floats

_POINTS = 240
_LARGEST = 1e100


@np.errstate(all="ignore")
def curves(
    lines: Sequence[Series],
    label: str,
    width: int = 240,
    height: int = 56,
    window: tuple[float, float] | None = None,
    severity: str = "info",
) -> Markup:
    """A small drawing of series over a common x, with a window shaded; "" where nothing is drawn.

    The y range is that of the bulk of the values: single outliers are drawn at its edge.
    """
    finite = [s.finite for s in lines if len(s.finite) > 1]
    if not finite:
        return Markup("")
    left = min(float(s.x[0]) for s in finite)
    right = max(float(s.x[-1]) for s in finite)
    bottom, top = bulk(np.concatenate([s.y for s in finite]))
    across = (width - 4) / ((right - left) or 1.0)

    def place(x: Floats) -> Floats:
        return np.asarray(2 + (x - left) * across)

    parts = []
    if window is not None:
        begin, end = place(np.clip(np.array(window), left, right))
        parts.append(
            Markup('<rect class="window {}" x="{:.1f}" y="0" width="{:.1f}" height="{}"/>').format(
                severity, begin, max(1.5, end - begin), height
            )
        )
    for number, series in enumerate(finite[:8]):
        keep = min_max(series.y, _POINTS)
        share = np.clip((series.y[keep] - bottom) / ((top - bottom) or 1.0), 0, 1)
        down = 2 + (1 - share) * (height - 4)
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(place(series.x[keep]), down, strict=True)
        )
        parts.append(Markup('<polyline class="c{}" points="{}"/>').format(number % 8, points))
    return Markup(
        '<svg class="curve" viewBox="0 0 {} {}" role="img" preserveAspectRatio="none">'
        "<title>{}</title>{}</svg>"
    ).format(width, height, escape(label), Markup("").join(parts))


def spark(levels: Floats, label: str) -> Markup:
    """Return a sparkline of levels at equal distances; "" for fewer than two."""
    if len(levels) < 2:
        return Markup("")
    levels = np.clip(levels, -_LARGEST, _LARGEST)  # so that no difference overflows
    low, high = float(levels.min()), float(levels.max())
    down = 2 + (1 - np.clip((levels - low) / ((high - low) or 1.0), 0, 1)) * 18
    across = np.linspace(1, 99, len(levels))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    return Markup(
        '<svg class="spark" viewBox="0 0 100 22" role="img" preserveAspectRatio="none"><title>{}</title>'
        '<polyline points="{}"/></svg>'
    ).format(label, points)


def bulk(y: Floats) -> tuple[float, float]:
    """Return the y range of the bulk of the values."""
    y = y[np.abs(y) < _LARGEST]
    if not len(y):
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(y, [0.01, 0.99]))
    span = high - low
    if span <= 0:
        return float(y.min()), float(y.max())
    return max(float(y.min()), low - 0.25 * span), min(float(y.max()), high + 0.25 * span)
