"""Figures drawn as PNG without Matplotlib, for reports: in a fifth of its time.

aggdraw draws lines and areas, with the Anti-Grain library, as Matplotlib does. Pillow writes text in
Matplotlib's font. `drawing.py` draws the same figures for papers, in more formats.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import aggdraw
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from postrun.report.drawing import COLOURS, DPI, Axis, Figure, Floats, Line, grid_of
from postrun.report.ticks import Ticks, linear_ticks, log_ticks

_GREY, _BLACK = "#5a6b7b", "#000000"
#: A pixel beyond this is far outside, and what is drawn there is cut off.
_FAR = 20_000.0
#: Where a legend may be, as shares of the free room, the preferred place first.
_PLACES = ((1, 0), (0, 0), (0, 1), (1, 1), (1, 0.5), (0, 0.5), (0.5, 1), (0.5, 0))
_Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Text:
    """A text on a panel: place of its anchor, and on which room it stands."""

    x: float
    y: float
    words: str
    size: float
    colour: str
    anchor: str
    bold: bool = False


@dataclass(slots=True)
class _Panel:
    """A panel while it is drawn: its size in pixels, its ranges, and pixels to a point."""

    width: int
    height: int
    point: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    log: bool
    texts: list[_Text] = field(default_factory=list)

    def across(self, x: Floats) -> Floats:
        low, high = self.x_range
        return np.asarray((x - low) / (high - low) * self.width)

    def down(self, y: Floats) -> Floats:
        low, high = self.y_range
        values = np.log10(y) if self.log else y
        return np.clip((high - values) / (high - low) * self.height, -_FAR, _FAR)


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return a figure as the bytes of a PNG file. The same figure gives the same bytes."""
    columns, rows, head = grid_of(figure)
    width, height = 4.9 * columns, 3.0 * rows + head
    # The margins of `drawing.py`, in inches.
    wide = (width - 0.75) / (columns + 0.2 * (columns - 1))
    high = (height - 0.75 - head) / (rows + 0.42 * (rows - 1))
    image = Image.new("RGB", (round(width * dpi), round(height * dpi)), "white")
    pencil = ImageDraw.Draw(image)
    _write(pencil, _Text(0.12 * dpi, 0.12 * dpi, figure.title, 14, _BLACK, "la", bold=True), dpi)
    for number, axis in enumerate(figure.axes[: columns * rows]):
        row, column = divmod(number, columns)
        left = round((0.6 + 1.2 * wide * column) * dpi)
        top = round((0.25 + head + 1.42 * high * row) * dpi)
        _axis(image, pencil, axis, (left, top, round(wide * dpi), round(high * dpi)), dpi)
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi), compress_level=4)
    return out.getvalue()


@np.errstate(all="ignore")
def _axis(
    image: Image.Image,
    pencil: ImageDraw.ImageDraw,
    axis: Axis,
    place: tuple[int, int, int, int],
    dpi: int,
) -> None:
    """Draw a panel at a place (left, top, width, height), with its title, spines and ticks."""
    left, top, width, height = place
    point = dpi / 72
    panel = _Panel(width, height, point, *_ranges(axis), axis.log)
    # As many ticks as Matplotlib chooses: twice (y) or three times (x) the size of their text apart.
    x_ticks = linear_ticks(*panel.x_range, min(9, int(width / point / 24)))
    most = min(9, int(height / point / 16))
    y_ticks = (log_ticks if axis.log else linear_ticks)(*panel.y_range, most)
    image.paste(_inside(axis, panel, x_ticks, y_ticks), (left, top))
    line, length = max(1, round(0.8 * point)), round(3.5 * point)
    floor, gap = top + height, length + 3.5 * point
    pencil.line((left, top, left, floor), _BLACK, line)
    pencil.line((left, floor, left + width, floor), _BLACK, line)
    for x, label in zip(panel.across(x_ticks.values) + left, x_ticks.labels, strict=True):
        pencil.line((round(x), floor, round(x), floor + length), _BLACK, line)
        _write(pencil, _Text(x, floor + gap, label, 8, _BLACK, "ma"), dpi)
    plain = y_ticks.values if not axis.log else 10**y_ticks.values
    for y, label in zip(panel.down(plain) + top, y_ticks.labels, strict=True):
        pencil.line((left - length, round(y), left, round(y)), _BLACK, line)
        _write(pencil, _Text(left - gap, y, label, 8, _BLACK, "rm"), dpi)
    raised = 14 * point if y_ticks.factor else 4 * point
    _write(pencil, _Text(left, top - raised, axis.title, 11, _BLACK, "ls"), dpi)
    _write(pencil, _Text(left, top - 3 * point, y_ticks.factor, 8, _BLACK, "ls"), dpi)
    under = floor + gap + 13 * point
    _write(pencil, _Text(left + width / 2, under, axis.x_label, 8, _BLACK, "ma"), dpi)
    _write(pencil, _Text(left + width, under, x_ticks.factor, 8, _BLACK, "ra"), dpi)


def _ranges(axis: Axis) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of x and y (of its logarithm on a logarithmic axis), with Matplotlib's margins."""
    xs, ys = [np.array([m.x for m in axis.marks if m.lined])], [np.empty(0)]
    for line in axis.lines:
        pairs = [(line.x, line.y)]
        if line.smooth is not None:
            pairs.append(line.smooth)
        if line.band is not None:
            x, low, high = line.band
            pairs += [(x, low), (x, high)]
        if line.bad is not None:
            xs.append(line.bad)
        for x, y in pairs:
            there = np.isfinite(x) & np.isfinite(y) & ((y > 0) if axis.log else True)
            xs.append(x[there])
            ys.append(np.log10(y[there]) if axis.log else y[there])
    x_range = _wider(np.concatenate(xs))
    return x_range, axis.limits if axis.limits and not axis.log else _wider(np.concatenate(ys))


def _wider(values: Floats) -> tuple[float, float]:
    """Return the range of the finite values with a margin of 5% at both ends."""
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = 0.05 * abs(low) or 0.05
    return low - room, high + room


def _inside(axis: Axis, panel: _Panel, x_ticks: Ticks, y_ticks: Ticks) -> Image.Image:
    """Return what lies between the spines of a panel."""
    inside = Image.new("RGB", (panel.width, panel.height), "white")
    canvas = aggdraw.Draw(inside)
    grid = aggdraw.Pen("#b0b0b0", 0.6 * panel.point, 64)
    for x in panel.across(x_ticks.values).round() + 0.5:
        canvas.line((x, 0, x, panel.height), grid)
    for y in panel.down(10**y_ticks.values if axis.log else y_ticks.values).round() + 0.5:
        canvas.line((0, y, panel.width, y), grid)
    drawn: list[Floats] = []  #: what the legend should leave free
    for line, colour in zip(axis.lines, COLOURS, strict=False):
        if line.band is not None:
            drawn += _band(canvas, panel, line.band, colour)
    for line, colour in zip(axis.lines, COLOURS, strict=False):
        drawn += _line(canvas, panel, line, colour)
    boxes = _marks(canvas, panel, axis)
    if axis.legend and axis.lines:
        _legend(canvas, panel, axis, drawn, boxes)
    canvas.flush()
    pencil = ImageDraw.Draw(inside)
    if axis.outside:
        words = f"{axis.outside} outlying points not shown"
        corner = panel.width - 2 * panel.point, panel.height - 2 * panel.point
        panel.texts.append(_Text(*corner, words, 7, _GREY, "rs"))
    for text in panel.texts:
        _write(pencil, text, round(72 * panel.point))
    return inside


def _band(
    canvas: aggdraw.Draw, panel: _Panel, band: tuple[Floats, Floats, Floats], colour: str
) -> list[Floats]:
    x, low, high = band
    across = panel.across(x)
    upper, lower = (np.column_stack((across, panel.down(y))) for y in (high, low))
    outline = np.concatenate((upper, lower[::-1]))
    canvas.polygon(outline.ravel().tolist(), None, aggdraw.Brush(colour, 31))
    return [upper[::4], lower[::4]]  # a legend over a band hides less than one over a curve


def _line(canvas: aggdraw.Draw, panel: _Panel, line: Line, colour: str) -> list[Floats]:
    """Draw a curve, what runs smoothly through it, and where it is not finite; return its places."""
    point = panel.point
    curve = np.column_stack((panel.across(line.x), panel.down(line.y)))
    if line.smooth is None:
        _thick(canvas, curve, colour, 1.6 * point)
        if line.marker:
            brush, size = aggdraw.Brush(colour), 2 * point
            for x, y in curve[np.isfinite(curve).all(axis=1)].tolist():
                canvas.ellipse((x - size, y - size, x + size, y + size), None, brush)
    else:
        _stroke(canvas, curve, aggdraw.Pen(colour, 0.8 * point, 77))
        smooth = np.column_stack((panel.across(line.smooth[0]), panel.down(line.smooth[1])))
        _thick(canvas, smooth, colour, 1.8 * point)
    for x in panel.across(line.bad).tolist() if line.bad is not None else ():
        _cross(canvas, x, 0.98 * panel.height, colour, point)
    return [curve]


def _stroke(canvas: aggdraw.Draw, points: Floats, pen: aggdraw.Pen) -> None:
    """Draw a line through points; it is broken where one is not finite."""
    there = np.isfinite(points).all(axis=1)
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0)).tolist()
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin > 1:
            canvas.line(points[begin:end].ravel().tolist(), pen)


def _thick(canvas: aggdraw.Draw, points: Floats, colour: str, width: float) -> None:
    """Draw an opaque line, each part by itself and longer by half its width at both ends.

    aggdraw joins parts that are shorter than the line's width with gaps and thorns.
    """
    ways = np.diff(points, axis=0)
    lengths = np.hypot(*ways.T)[:, None]
    more = np.where(lengths > 0, ways / lengths, np.array([1.0, 0.0])) * width / 2
    parts = np.column_stack((points[:-1] - more, points[1:] + more))
    pen = aggdraw.Pen(colour, width)
    for part in parts[np.isfinite(parts).all(axis=1)].tolist():
        canvas.line(part, pen)


def _cross(canvas: aggdraw.Draw, x: float, y: float, colour: str, point: float) -> None:
    pen, arm = aggdraw.Pen(colour, point), 2.5 * point
    canvas.line((x - arm, y - arm, x + arm, y + arm), pen)
    canvas.line((x - arm, y + arm, x + arm, y - arm), pen)


def _marks(canvas: aggdraw.Draw, panel: _Panel, axis: Axis) -> list[_Box]:
    """Draw where findings begin; return the boxes of their codes, of which each stands beside its line."""
    boxes: list[_Box] = []
    point = panel.point
    for i, mark in enumerate(axis.marks):
        x = float(panel.across(np.array([mark.x]))[0])
        if mark.lined:
            pen, dash = aggdraw.Pen(mark.colour, 1.1 * point), 1.1 * point
            for y in np.arange(0, panel.height, 5.3 * dash).tolist():
                canvas.line((x, y, x, min(y + 3.7 * dash, panel.height)), pen)
        wide = _width(mark.text, 8, point, bold=True)
        left = x + 3 * point if x + wide + 6 * point < panel.width else x - wide - 3 * point
        left = max(left, point)
        top = (0.02 + 0.09 * (i % 5)) * panel.height
        box = (left - point, top - point, left + wide + point, top + 10 * point)
        canvas.rectangle(box, None, aggdraw.Brush("#ffffff", 191))
        panel.texts.append(_Text(left, top, mark.text, 8, mark.colour, "la", bold=True))
        boxes.append(box)
    return boxes


def _legend(
    canvas: aggdraw.Draw, panel: _Panel, axis: Axis, drawn: list[Floats], boxes: list[_Box]
) -> None:
    """Draw the legend where it hides least."""
    entries: list[tuple[str, str, str]] = []
    for line, colour in zip(axis.lines, COLOURS, strict=False):
        entries.append(("line", line.label, colour))
        if line.band is not None:
            entries.append(("band", "± 1 std", colour))
        if line.bad is not None:
            entries.append(("bad", line.bad_label, colour))
    point = panel.point
    row, pad, handle = 10.2 * point, 5 * point, 15 * point
    wide = max(_width(words, 7.5, point) for _, words, _ in entries) + handle + 6 * point
    tall = row * len(entries)
    points = np.concatenate(drawn) if drawn else np.empty((0, 2))

    def hidden(left: float, top: float) -> float:
        inside = (points[:, 0] > left) & (points[:, 0] < left + wide)
        inside &= (points[:, 1] > top) & (points[:, 1] < top + tall)
        met = [
            b
            for b in boxes
            if b[0] < left + wide and b[2] > left and b[1] < top + tall and b[3] > top
        ]
        return float(np.count_nonzero(inside)) + 1e6 * len(met)

    room = panel.width - wide - 2 * pad, panel.height - tall - 2 * pad
    places = [(pad + x * room[0], pad + y * room[1]) for x, y in _PLACES]
    left, top = min(places, key=lambda place: hidden(*place))
    canvas.rectangle(
        (left - point, top - point, left + wide, top + tall), None, aggdraw.Brush("#ffffff", 140)
    )
    for kind, words, colour in entries:
        middle = top + row / 2
        if kind == "line":
            pen = aggdraw.Pen(colour, 1.8 * point)
            canvas.line((left, middle, left + handle, middle), pen)
        elif kind == "band":
            around = (left, middle - 2.6 * point, left + handle, middle + 2.6 * point)
            canvas.rectangle(around, None, aggdraw.Brush(colour, 31))
        else:
            _cross(canvas, left + handle / 2, middle, colour, point)
        panel.texts.append(_Text(left + handle + 6 * point, middle, words, 7.5, _BLACK, "lm"))
        top += row


def _write(pencil: ImageDraw.ImageDraw, text: _Text, dpi: int) -> None:
    if text.words:
        font = _font(text.size * dpi / 72, text.bold)
        pencil.text((text.x, text.y), text.words, text.colour, font, text.anchor)


def _width(words: str, size: float, point: float, bold: bool = False) -> float:
    return _font(size * point, bold).getlength(words)


@cache
def _font(pixels: float, bold: bool) -> ImageFont.FreeTypeFont:
    """Return the font that comes with Matplotlib, which is not imported for it."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib is not installed", name="matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)
