"""Figures of plain values, drawn by Matplotlib for papers; `pixels.py` draws them for reports, faster."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawn

Floats = NDArray[np.float64]

#: What a figure can be written as, and the metadata that would differ from one writing to the next.
FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
#: Resolution of a figure's pixels, in dots per inch.
DPI = 110
#: Of the lines of a panel: Okabe's and Ito's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}


@dataclass(slots=True)
class Line:
    """One curve: its values, what runs smoothly through them, its band, and where it is not finite.

    `x` and `y` have one length, as have the two parts of `smooth` and the three of `band` (x, low, high).
    """

    label: str
    x: Floats
    y: Floats
    marker: str = ""
    smooth: tuple[Floats, Floats] | None = None
    band: tuple[Floats, Floats, Floats] | None = None
    bad: Floats | None = None  #: x of what is not finite
    bad_label: str = ""


@dataclass(slots=True)
class Mark:
    """Where a finding begins on an axis, in its colour; without a line if the whole curve shows it."""

    x: float
    text: str
    colour: str
    lined: bool


@dataclass(slots=True)
class Axis:
    """One panel. `limits` are those of y, None for Matplotlib's own."""

    title: str
    lines: list[Line]
    log: bool = False
    limits: tuple[float, float] | None = None
    outside: int = 0  #: values beyond the limits
    marks: list[Mark] = field(default_factory=list)
    x_label: str = ""
    legend: bool = True


@dataclass(slots=True)
class Figure:
    """A figure of panels."""

    title: str
    axes: list[Axis]


def grid_of(figure: Figure) -> tuple[int, int, float]:
    """Return the columns and rows of a figure's panels, and the inches that its title takes."""
    columns = _COLUMNS.get(len(figure.axes), 4)
    return columns, math.ceil(len(figure.axes) / columns), 0.5 if figure.title else 0.0


def rendered(figure: Drawn, kind: str, dpi: int = DPI) -> bytes:
    """Return the file of a drawn figure, in a format of FORMATS."""
    import matplotlib as mpl

    out = io.BytesIO()
    # Without date and version, and with fixed ids: the same run gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "postrun", "pdf.fonttype": 42}):
        figure.savefig(out, format=kind, dpi=dpi, metadata=FORMATS[kind])
    return out.getvalue()


@np.errstate(all="ignore")
def drawn(given: Figure) -> Drawn:
    """Return the figure as Matplotlib's own, on a canvas of pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawn

    columns, rows, head = grid_of(given)
    width, height = 4.9 * columns, 3.0 * rows + head
    figure = Drawn(figsize=(width, height))
    FigureCanvasAgg(figure)
    # Fixed margins in inches: an automatic layout draws everything twice to find them.
    figure.subplots_adjust(
        left=0.6 / width,
        right=1 - 0.15 / width,
        top=1 - (0.25 + head) / height,
        bottom=0.5 / height,
        wspace=0.2,
        hspace=0.42,
    )
    figure.text(
        0.12 / width,
        1 - 0.12 / height,
        _text(given.title),
        fontsize=14,
        fontweight="bold",
        ha="left",
        va="top",
    )
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    axes = list(grid.flat)
    for axis, panel in zip(axes, given.axes, strict=False):
        _draw(axis, panel)
    for axis in axes[len(given.axes) :]:
        axis.set_axis_off()
    return figure


def _draw(axis: Axes, panel: Axis) -> None:
    for line, colour in zip(panel.lines, COLOURS, strict=False):
        _line(axis, line, colour)
    if panel.log:
        axis.set_yscale("log")
    elif panel.limits is not None:
        axis.set_ylim(*panel.limits)
    if panel.outside:
        axis.text(
            0.995,
            0.01,
            f"{panel.outside} outlying points not shown",
            transform=axis.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            color="#5a6b7b",
        )
    _mark(axis, panel.marks)
    axis.set_title(_text(panel.title), fontsize=11, loc="left")
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.tick_params(labelsize=8)
    if not panel.log:
        axis.ticklabel_format(axis="y", useOffset=False)
        axis.yaxis.get_offset_text().set_fontsize(8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if panel.x_label:
        axis.set_xlabel(_text(panel.x_label), fontsize=8)
    if panel.legend:
        axis.legend(fontsize=7.5, frameon=False, loc="best", ncols=1)


def _line(axis: Axes, line: Line, colour: str) -> None:
    if line.smooth is not None:
        axis.plot(line.x, line.y, color=colour, alpha=0.3, linewidth=0.8)
        axis.plot(*line.smooth, color=colour, linewidth=1.8, label=_text(line.label))
    else:
        axis.plot(
            line.x,
            line.y,
            color=colour,
            linewidth=1.6,
            marker=line.marker,
            markersize=3,
            label=_text(line.label),
        )
    if line.band is not None:
        axis.fill_between(*line.band, color=colour, alpha=0.12, linewidth=0, label="± 1 std")
    if line.bad is not None:
        axis.plot(
            line.bad,
            [0.02] * len(line.bad),
            "x",
            color=colour,
            markersize=5,
            transform=axis.get_xaxis_transform(),
            label=line.bad_label,
        )


def _mark(axis: Axes, marks: Sequence[Mark]) -> None:
    for i, mark in enumerate(marks):
        if mark.lined:
            axis.axvline(mark.x, color=mark.colour, linewidth=1.1, linestyle="--")
        axis.text(
            mark.x,
            0.98 - 0.09 * (i % 5),
            f" {mark.text}",
            color=mark.colour,
            fontsize=8,
            fontweight="bold",
            va="top",
            transform=axis.get_xaxis_transform(),
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )


def _text(words: str) -> str:
    """Return words that Matplotlib takes for text, not for mathematics."""
    return words.replace("$", r"\$")
