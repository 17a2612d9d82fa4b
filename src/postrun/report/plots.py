"""Static plots: figures of panels, chosen by role, with findings marked on the curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from postrun.metrics import RunView, Series, paired, roles
from postrun.model import Finding, Severity
from postrun.report.carrying import shown
from postrun.report.panels import MOST_LINES, PERFORMANCE, TRAINING, Panel, decades, lines_of
from postrun.report.warm_up import steady
from postrun.stats.decimate import min_max
from postrun.stats.robust import Floats, bin_medians, rolling_median
from postrun.store.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito
_SEVERITY = {Severity.CRITICAL: "#b00020", Severity.WARNING: "#b36b00", Severity.INFO: "#5a6b7b"}
_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}
_POINTS = 2000
#: Beyond this, an axis cannot be drawn any more; such values are left out like NaN.
_LARGEST = 1e100


#: What a figure can be written as, and the metadata that would differ from one writing to the next.
FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_DASHBOARD_PANELS = 6


@np.errstate(all="ignore")
def draw(
    view: RunView, findings: list[Finding], folder: Path, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw a run's two figures into `folder`; returns the files, in reading order.

    Figures of an earlier analysis that this run does not have are removed.
    """
    written: list[Path] = []
    for name, (title, _) in FIGURES.items():
        cells = _cells(view, name)
        if name == "training_metrics" and not cells:
            cells = _unknown(view)
        if not cells:
            for kind in FORMATS:
                (folder / f"{name}.{kind}").unlink(missing_ok=True)
            continue
        figure = _figure(f"{title}: {view.run.name}", cells, findings)
        written += _write(figure, folder / name, formats)
    return written


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
        written += _write(_figure("", cells, findings), folder / group, formats, dpi=300)
    return written


@np.errstate(all="ignore")
def draw_dashboard(
    view: RunView, findings: list[Finding], path: Path, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw the six panels that tell most, for a model card: those with findings first; the files.

    `path` is without suffix. Nothing is drawn for a run without any metric to show.
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
    return _write(_figure(view.run.name, chosen, findings), path, formats, dpi=150)


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
    return _write(_figure(title, cells[:_DASHBOARD_PANELS], [finding]), path, formats)


def _write(figure: Figure, path: Path, formats: Sequence[str], dpi: int = 110) -> list[Path]:
    written = []
    for kind in formats:
        out = path.with_name(f"{path.name}.{kind}")
        write_atomically(out, partial(_save, figure, kind=kind, dpi=dpi))
        written.append(out)
    return written


def _save(figure: Figure, path: Path, kind: str, dpi: int) -> None:
    import matplotlib as mpl

    # Without date and version, and with fixed ids: the same run gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "postrun", "pdf.fonttype": 42}):
        figure.savefig(path, format=kind, dpi=dpi, metadata=FORMATS[kind])


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


def _figure(title: str, cells: Sequence[_Cell], findings: list[Finding]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = _COLUMNS.get(len(cells), 4)
    rows = math.ceil(len(cells) / columns)
    head = 0.5 if title else 0.0
    width, height = 4.9 * columns, 3.0 * rows + head
    figure = Figure(figsize=(width, height))
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
        _label(title, 90),
        fontsize=14,
        fontweight="bold",
        ha="left",
        va="top",
    )
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    axes = list(grid.flat)
    for axis, cell in zip(axes, cells, strict=False):
        _draw(axis, cell, findings)
    for axis in axes[len(cells) :]:
        axis.set_axis_off()
    return figure


def _draw(axis: Axes, cell: _Cell, findings: list[Finding]) -> None:
    values: list[Floats] = []
    log = cell.log and decades([series for series, _ in cell.lines]) > 1.5
    for (series, spread), colour in zip(cell.lines, _COLOURS, strict=False):
        clean = steady(series)
        values.append(_line(axis, clean, colour, log))
        if spread is not None and len(cell.lines) <= 2 and not log:
            _band(axis, clean, spread.finite, colour)
        bad = series.x[~(np.abs(series.y) < _LARGEST)]
        if len(bad):
            axis.plot(
                bad[:200],
                [0.02] * len(bad[:200]),
                "x",
                color=colour,
                markersize=5,
                transform=axis.get_xaxis_transform(),
                label=f"{len(bad):,} NaN or ∞",
            )
    if log:
        axis.set_yscale("log")
    else:
        _limit(axis, np.concatenate(values))
    _mark(axis, cell, findings)
    unit = cell.lines[0][0].info.unit
    axis.set_title(cell.title + (f" ({unit})" if unit else ""), fontsize=11, loc="left")
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.tick_params(labelsize=8)
    if not log:
        axis.ticklabel_format(axis="y", useOffset=False)
        axis.yaxis.get_offset_text().set_fontsize(8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if not cell.title.endswith("by minute"):
        axis.set_xlabel(cell.lines[0][0].axis.label, fontsize=8)
    if len(cell.lines) > 1 or _label(cell.lines[0][0].key, 40) != cell.title:
        axis.legend(fontsize=7.5, frameon=False, loc="best", ncols=1)


def _line(axis: Axes, series: Series, colour: str, log: bool) -> Floats:
    """The raw curve; where it is noisy, pale under its running median."""
    y = np.where(np.abs(series.y) < _LARGEST, series.y, np.nan)
    y = np.where(y > 0, y, np.nan) if log else y
    keep = min_max(y, _POINTS)
    x, raw = series.x[keep], y[keep]
    label = _label(series.key, 40)
    if len(series) >= 100:
        axis.plot(x, raw, color=colour, alpha=0.3, linewidth=0.8)
        # Long series are smoothed over group medians: the window would hold thousands of values.
        centres, levels, _ = bin_medians(series.x, y, min(1000, len(series)))
        smooth = rolling_median(levels, max(5, len(levels) // 50) | 1)
        axis.plot(centres, smooth, color=colour, linewidth=1.8, label=label)
    else:
        marker = "o" if len(series) <= 30 else ""
        axis.plot(x, raw, color=colour, linewidth=1.6, marker=marker, markersize=3, label=label)
    return np.asarray(raw[np.isfinite(raw)], dtype=np.float64)


def _band(axis: Axes, mean: Series, std: Series, colour: str) -> None:
    mean, std = paired(mean, std)
    if len(mean) < 2:
        return
    few = np.unique(np.linspace(0, len(mean) - 1, _POINTS).astype(int))
    x, y, s = mean.x[few], mean.y[few], std.y[few]
    if not (np.abs(y) + np.abs(s) < _LARGEST).all():
        return
    low, high = y - s, y + s
    if (mean.info.role or "").startswith(("prob.", "fraction.")):
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    axis.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0, label="± 1 std")


def _limit(axis: Axes, y: Floats) -> None:
    """A scale for the bulk of the values: single outliers, such as a first step, leave it."""
    level = float(np.median(y)) if len(y) else 0.0
    bulk = float(np.subtract(*np.quantile(y, [0.99, 0.01]))) if len(y) else 0.0
    if len(y) and bulk < 0.02 * abs(level) and float(np.ptp(y)) < 0.2 * abs(level):
        # All but constant: no false drama.
        axis.set_ylim(level - 0.1 * abs(level), level + 0.1 * abs(level))
        return
    if len(y) < 20:
        return
    low, high = np.quantile(y, [0.01, 0.99])
    span = high - low
    whole = float(y.max() - y.min())
    if span <= 0 or whole < 2.5 * span:
        return
    bottom, top = float(low - 0.25 * span), float(high + 0.25 * span)
    outside = int(np.count_nonzero((y < bottom) | (y > top)))
    if outside > 0.05 * len(y):
        return
    axis.set_ylim(max(bottom, float(y.min()) - 0.05 * span), min(top, float(y.max()) + 0.05 * span))
    if outside:
        axis.text(
            0.995,
            0.01,
            f"{outside} outlying points not shown",
            transform=axis.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            color="#5a6b7b",
        )


def _mark(axis: Axes, cell: _Cell, findings: list[Finding]) -> None:
    """A line where each finding on one of these metrics begins, with the rule's code.

    Not over system metrics: their x are minutes, those of findings are steps.
    """
    keys = {s.key for s, _ in cell.lines if s.info.x_axis != "_runtime"}
    level = 0
    for finding in (part for f in findings for part in f.with_symptoms()):
        colour = _SEVERITY.get(finding.severity)
        proof = next((e for e in finding.evidence if keys.intersection(e.metrics)), None)
        if colour is None or proof is None or proof.step_from is None:
            continue
        starts = min(float(s.x[0]) for s, _ in cell.lines)
        if proof.step_from > starts:
            axis.axvline(proof.step_from, color=colour, linewidth=1.1, linestyle="--")
        axis.text(
            proof.step_from,
            0.98 - 0.09 * level,
            f" {finding.rule}",
            color=colour,
            fontsize=8,
            fontweight="bold",
            va="top",
            transform=axis.get_xaxis_transform(),
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )
        level = (level + 1) % 5


def _label(text: str, length: int) -> str:
    """A name that a plot can show: one line, no mathematics, not too long."""
    text = "".join(c if c.isprintable() else "?" for c in text).replace("$", r"\$")
    text = text.removeprefix("_") or "?"  # a leading underscore hides a legend entry
    return text if len(text) <= length else f"{text[: length - 1]}…"
