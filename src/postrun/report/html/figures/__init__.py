"""A study's charts as static SVG: they need no script, and print as they look.

Each is drawn twice, for a desk and for a phone: scaled down, its words could not be read.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from postrun.model.study import Chart
from postrun.report.html.figures.bars import bars
from postrun.report.html.figures.heat import heat
from postrun.report.html.figures.intervals import intervals
from postrun.report.html.figures.lines import lines

#: Pixels of a chart that has the page's width for itself, that shares it, and of one on a phone.
_ALONE, _BESIDE, _PHONE = 1180, 640, 360
_DRAW: dict[str, Callable[[Chart, float], Markup]] = {
    "intervals": intervals,
    "lines": lines,
    "bars": bars,
    "heat": heat,
}


def figure(chart: Chart, alone: bool = False) -> Markup:
    """Return a chart with its title, "" if it has nothing to show; `alone` if it has the page's width."""
    draw = _DRAW[chart.kind]
    desk = draw(chart, _ALONE if alone else _BESIDE)
    if not desk:
        return Markup("")
    return Markup(
        '<figure class="study"><figcaption>{}</figcaption><div class="desk">{}</div>'
        '<div class="phone">{}</div></figure>'
    ).format(chart.title, desk, draw(chart, _PHONE))


def drawing(chart: Chart) -> Markup:
    """Return a chart with its title in one width, for places without the pages' styles."""
    desk = _DRAW[chart.kind](chart, _BESIDE)
    return Markup("<p><b>{}</b></p>{}").format(chart.title, desk) if desk else Markup("")
