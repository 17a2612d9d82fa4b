"""Static plots: figures of panels, chosen by role, with findings marked on the curves.

What is drawn is decided here, as plain values. `pixels.py` draws it for reports, `drawing.py` for papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from postrun.metrics import RunView, Series, paired, roles
from postrun.model import Finding, Severity
from postrun.report.carrying import shown
from postrun.report.drawing import DPI, FORMATS, Axis, Figure, Line, Mark, drawn, rendered
from postrun.report.panels import MOST_LINES, PERFORMANCE, TRAINING, Panel, decades, lines_of
from postrun.report.warm_up import steady
from postrun.stats.decimate import min_max
from postrun.stats.robust import Floats, bin_medians, rolling_median
from postrun.store.atomic import write_atomically

#: File name (without suffix) and title of each figure, and its panels where the run has them.
FIGURES: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "training_metrics": ("Training", TRAINING),
    "performance_metrics": ("Performance", PERFORMANCE),
}
#: System metrics that make panels of the performance figure where the run logs no such metric.
_SYSTEM = (
    ("GPU utilisation, by minute", ("system.gpu_utilisation",)),
    ("GPU memory, by minute", ("system.gpu_memory",)),
    ("CPU, by minute", ("system.cpu", "system.cpu_process")),
    ("Process memory, by minute", ("system.memory_process",)),
)
_SEVERITY = {Severity.CRITICAL: "#b00020", Severity.WARNING: "#b36b00", Severity.INFO: "#5a6b7b"}
_POINTS = 2000
#: Beyond this, an axis cannot be drawn any more; such values are left out like NaN.
_LARGEST = 1e100


_DASHBOARD_PANELS = 6


def draw(view: RunView, findings: list[Finding], folder: Path) -> list[Path]:
    """Draw a run's two figures as PNG into `folder`, without Matplotlib; returns the files, in reading order.

    Figures of an earlier analysis that this run does not have are removed.
    """
    return [
        _save(folder / f"{name}.png", quick_png(figure))
        for name, figure in figures(view, findings, folder)
    ]


@np.errstate(all="ignore")
def figures(view: RunView, findings: list[Finding], folder: Path) -> list[tuple[str, Figure]]:
    """Return a run's two figures with their names, in reading order.

    Files in `folder` of figures that this run does not have are removed.
    """
    found = []
    for name, (title, _) in FIGURES.items():
        cells = _cells(view, name)
        if name == "training_metrics" and not cells:
            cells = _unknown(view)
        if not cells:
            for kind in FORMATS:
                (folder / f"{name}.{kind}").unlink(missing_ok=True)
            continue
        found.append((name, figure_of(f"{title}: {view.run.name}", cells, findings)))
    return found


def draw_all(
    view: RunView, findings: list[Finding], folder: Path, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw the two figures, one figure per group of roles, and the dashboard (`dashboard.png`); the files."""
    written: list[Path] = []
    for name, figure in figures(view, findings, folder):
        written += _write(figure, folder / name, formats)
    written += draw_groups(view, findings, folder, formats)
    return written + draw_dashboard(view, findings, folder / "dashboard", formats)


@np.errstate(all="ignore")
def draw_groups(
    view: RunView, findings: list[Finding], folder: Path, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw one figure per group of roles (`loss.png`, `reward.png`, ...), for print; the files."""
    groups: dict[str, list[_Cell]] = {}
    for name in FIGURES:
        for cell in _cells(view, name):
            role = roles().get(cell.lines[0][0].info.role or "")
            groups.setdefault(role.panel if role else "other", []).append(cell)
    written: list[Path] = []
    for group, cells in groups.items():
        written += _write(figure_of("", cells, findings), folder / group, formats, dpi=300)
    return written


@np.errstate(all="ignore")
def draw_dashboard(
    view: RunView, findings: list[Finding], path: Path, formats: Sequence[str] = ()
) -> list[Path]:
    """Draw the six panels that tell most, for a model card: those with findings first; the files.

    `path` is without suffix. Without formats, a PNG is drawn without Matplotlib. Nothing is drawn for a run
    without any metric to show.
    """
    cells = [cell for name in FIGURES for cell in _cells(view, name)] or _unknown(view)
    if not cells:
        return []
    grave = {
        key
        for finding in findings
        if finding.severity >= Severity.WARNING
        for part in finding.with_symptoms()
        for proof in part.evidence
        for key in proof.metrics
    }
    telling = [c for c in cells if grave.intersection(s.key for s, _ in c.lines)]
    chosen = (telling + [c for c in cells if c not in telling])[:_DASHBOARD_PANELS]
    chosen.sort(key=cells.index)
    figure = figure_of(view.run.name, chosen, findings)
    if not formats:
        return [_save(path.with_name(f"{path.name}.png"), quick_png(figure, dpi=150))]
    return _write(figure, path, formats, dpi=150)


@np.errstate(all="ignore")
def draw_finding(
    view: RunView, finding: Finding, path: Path, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw the metrics that a finding names, one panel each, with the finding marked; the files.

    `path` is without suffix. Nothing is drawn if none of the metrics has two finite values.
    """
    keys = dict.fromkeys(key for proof in finding.evidence for key in proof.metrics)
    cells = []
    for key in keys:
        if key not in view.metrics or not shown(view.metrics[key]):
            continue
        series = view.series(key).finite
        if len(series) > 1:
            cells.append(_Cell(_label(key, 40), [(series, _spread(view, series))]))
    if not cells:
        return []
    title = f"{finding.rule}: {view.run.name}"
    return _write(figure_of(title, cells[:_DASHBOARD_PANELS], [finding]), path, formats)


def _write(figure: Figure, path: Path, formats: Sequence[str], dpi: int = DPI) -> list[Path]:
    picture = drawn(figure)
    written = []
    for kind in formats:
        out = path.with_name(f"{path.name}.{kind}")
        written.append(_save(out, rendered(picture, kind, dpi)))
    return written


def quick_png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return a figure as PNG, without Matplotlib if aggdraw is installed (some systems have no wheel)."""
    try:
        from postrun.report.pixels import png
    except ImportError:
        return rendered(drawn(figure), "png", dpi)
    return png(figure, dpi)


def _save(path: Path, data: bytes) -> Path:
    write_atomically(path, lambda aside: aside.write_bytes(data))
    return path


@dataclass(slots=True)
class _Cell:
    title: str
    lines: list[tuple[Series, Series | None]]
    log: bool = False


def _cells(view: RunView, name: str) -> list[_Cell]:
    cells = []
    for panel in FIGURES[name][1]:
        lines = lines_of(view, panel)
        if lines:
            cells.append(_Cell(panel.title, [(s, _spread(view, s)) for s in lines], panel.log))
    if name == "performance_metrics" and len(cells) < 2:
        cells += _system(view)
    return cells


def _spread(view: RunView, series: Series) -> Series | None:
    return view.companion(series.key, "std") if series.info.central else None


def _unknown(view: RunView) -> list[_Cell]:
    """Metrics without a role, one panel each: the first that vary."""
    cells: list[_Cell] = []
    for info in view.metrics.values():
        series = view.series(info.key).finite if shown(info) else None
        if series is not None and len(series) > 1 and series.y.min() < series.y.max():
            cells.append(_Cell(_label(info.key, 40), [(series, None)]))
        if len(cells) == 9:
            break
    return cells


def _system(view: RunView) -> list[_Cell]:
    cells = []
    for title, names in _SYSTEM:
        found = [s for name in names for s in view.system(name) if len(s) > 1]
        minutes = [Series(s.info, s.x / 60, s.y, s.rows) for s in found[:MOST_LINES]]
        if minutes:
            cells.append(_Cell(title, [(s, None) for s in minutes]))
    return cells


def figure_of(title: str, cells: Sequence[_Cell], findings: list[Finding]) -> Figure:
    """Return a figure as plain values, ready to be drawn here or elsewhere."""
    return Figure(_label(title, 90), [_axis(cell, findings) for cell in cells])


def _axis(cell: _Cell, findings: list[Finding]) -> Axis:
    log = cell.log and decades([series for series, _ in cell.lines]) > 1.5
    lines, values = [], []
    for series, spread in cell.lines[:MOST_LINES]:
        clean = steady(series)
        line = _line(clean, log)
        values.append(np.asarray(line.y[np.isfinite(line.y)], dtype=np.float64))
        if spread is not None and len(cell.lines) <= 2 and not log:
            line.band = _band(clean, spread.finite)
        bad = series.x[~(np.abs(series.y) < _LARGEST)]
        if len(bad):
            line.bad, line.bad_label = bad[:200], f"{len(bad):,} NaN or ∞"
        lines.append(line)
    limits, outside = (None, 0) if log else _limits(np.concatenate(values))
    first = cell.lines[0][0]
    return Axis(
        cell.title + (f" ({first.info.unit})" if first.info.unit else ""),
        lines,
        log,
        limits,
        outside,
        _marks(cell, findings),
        "" if cell.title.endswith("by minute") else first.axis.label,
        len(cell.lines) > 1 or _label(first.key, 40) != cell.title,
    )


def _line(series: Series, log: bool) -> Line:
    """The raw curve; where it is noisy, what is pale under its running median."""
    y = np.where(np.abs(series.y) < _LARGEST, series.y, np.nan)
    y = np.where(y > 0, y, np.nan) if log else y
    keep = min_max(y, _POINTS)
    line = Line(_label(series.key, 40), series.x[keep], y[keep])
    if len(series) >= 100:
        # Long series are smoothed over group medians: the window would hold thousands of values.
        centres, levels, _ = bin_medians(series.x, y, min(1000, len(series)))
        line.smooth = centres, rolling_median(levels, max(5, len(levels) // 50) | 1)
    else:
        line.marker = "o" if len(series) <= 30 else ""
    return line


def _band(mean: Series, std: Series) -> tuple[Floats, Floats, Floats] | None:
    mean, std = paired(mean, std)
    if len(mean) < 2:
        return None
    few = np.unique(np.linspace(0, len(mean) - 1, _POINTS).astype(int))
    x, y, s = mean.x[few], mean.y[few], std.y[few]
    if not (np.abs(y) + np.abs(s) < _LARGEST).all():
        return None
    low, high = y - s, y + s
    if (mean.info.role or "").startswith(("prob.", "fraction.")):
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    return x, low, high


def _limits(y: Floats) -> tuple[tuple[float, float] | None, int]:
    """A scale for the bulk of the values, and how many single outliers, such as a first step, leave it."""
    level = float(np.median(y)) if len(y) else 0.0
    bulk = float(np.subtract(*np.quantile(y, [0.99, 0.01]))) if len(y) else 0.0
    if len(y) and bulk < 0.02 * abs(level) and float(np.ptp(y)) < 0.2 * abs(level):
        # All but constant: no false drama.
        return (level - 0.1 * abs(level), level + 0.1 * abs(level)), 0
    if len(y) < 20:
        return None, 0
    low, high = np.quantile(y, [0.01, 0.99])
    span = high - low
    whole = float(y.max() - y.min())
    if span <= 0 or whole < 2.5 * span:
        return None, 0
    bottom, top = float(low - 0.25 * span), float(high + 0.25 * span)
    outside = int(np.count_nonzero((y < bottom) | (y > top)))
    if outside > 0.05 * len(y):
        return None, 0
    bottom = max(bottom, float(y.min()) - 0.05 * span)
    return (bottom, min(top, float(y.max()) + 0.05 * span)), outside


def _marks(cell: _Cell, findings: list[Finding]) -> list[Mark]:
    """Where each finding on one of these metrics begins, with the rule's code.

    Not over system metrics: their x are minutes, those of findings are steps.
    """
    keys = {s.key for s, _ in cell.lines if s.info.x_axis != "_runtime"}
    marks = []
    for finding in (part for f in findings for part in f.with_symptoms()):
        colour = _SEVERITY.get(finding.severity)
        proof = next((e for e in finding.evidence if keys.intersection(e.metrics)), None)
        if colour is None or proof is None or proof.step_from is None:
            continue
        starts = min(float(s.x[0]) for s, _ in cell.lines)
        marks.append(Mark(proof.step_from, finding.rule, colour, proof.step_from > starts))
    return marks


def _label(text: str, length: int) -> str:
    """A name that a plot can show: one line, not too long."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    text = text.removeprefix("_") or "?"  # a leading underscore hides a legend entry
    return text if len(text) <= length else f"{text[: length - 1]}…"
