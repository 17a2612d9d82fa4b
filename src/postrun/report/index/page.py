"""`index.html`: many runs at a glance, as one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from postrun.metrics import meanings
from postrun.model import Severity
from postrun.model.text import shortened
from postrun.report.files import write_text
from postrun.report.html.buffer import Buffer
from postrun.report.html.page import render_page
from postrun.report.index.folds import Fold
from postrun.report.index.glance import Glance, Levels
from postrun.report.index.workspace import Workspace
from postrun.stats.robust import Floats
from postrun.studies.naming import brief_text

#: Settings that the page offers: beyond them, the runs' own reports show all.
_SETTINGS = 24
#: A curve's levels are whole numbers below this, in two characters each.
_SCALE = 4096
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
#: Letters of a name in the table.
_NAME = 36
#: Digits of the numbers that the page carries.
_SIGNIFICANT = 6


def write_index(
    path: Path,
    space: Workspace,
    studies: Mapping[str, str] | None = None,
    commands: Sequence[str] = (),
) -> None:
    """Write the page of many runs.

    Args:
        path: The file.
        space: The runs.
        studies: Pages beside this one: title to file name.
        commands: Commands that tell more about these runs.
    """
    write_text(path, index_page(space, studies or {}, commands))


def index_page(space: Workspace, studies: Mapping[str, str], commands: Sequence[str] = ()) -> str:
    """Return the page as text; the arguments are those of `write_index`."""
    settings = list(space.varying)[:_SETTINGS]
    bounds = [_bounds(space, metric) for metric in space.metrics]
    known = meanings(space.metrics)
    names = shortened(space.labels, _NAME)
    data = {
        "unit": space.project.step_unit,
        "metrics": [
            {
                "key": key,
                "better": known[key].better,
                "unit": known[key].unit,
                "low": low,
                "high": high,
            }
            for key, (low, high) in zip(space.metrics, bounds, strict=True)
        ],
        "settings": settings,
        "folds": [{"runs": fold.runs} for fold in space.folds],
        "runs": [_run(space, i, settings, bounds, names) for i in range(len(space.entries))],
    }
    hidden = len(space.varying) - len(settings)
    return render_page(
        "index",
        space.name,
        data,
        Buffer(),
        space=space,
        folds=[_fold(fold) for fold in space.folds],
        studies=studies,
        commands=commands,
        rows=[_row(space, i) for i in range(len(space.entries))],
        hidden=f"{hidden:,} more settings differ; the runs' own reports show them."
        if hidden
        else "",
        masked=space.masked,
    )


def _run(
    space: Workspace,
    at: int,
    settings: list[str],
    bounds: list[tuple[float, float]],
    names: list[str],
) -> dict[str, Any]:
    """Return one run as the page's script reads it; short names, for there are many."""
    entry = space.entries[at]
    one, record = entry.glance, entry.glance.record
    return {
        "n": space.labels[at],
        "l": names[at],
        "i": record.id,
        "u": entry.link,
        "s": one.state,
        "w": _worst(one),
        "v": int(max((f.severity for f in one.findings), default=-1)),
        "f": sorted({f.rule for f in one.findings if f.severity > Severity.GOOD}),
        "e": _short(one.steps),
        "t": _short(record.runtime),
        "a": _short(record.started),
        "g": record.group,
        "x": [*record.tags],
        "c": [_setting(space.varying[key][at]) for key in settings],
        "m": [_metric(space, at, key, b) for key, b in zip(space.metrics, bounds, strict=True)],
    }


def _row(space: Workspace, at: int) -> tuple[str, str, str, str]:
    """Return what is read of a run without scripts: label, link, state, worst finding."""
    entry = space.entries[at]
    return space.labels[at], entry.link, entry.glance.state, _worst(entry.glance)


def _worst(one: Glance) -> str:
    return one.worst.name if one.worst else ""


def _setting(value: Any) -> Any:
    """Return a setting as a number, or as text that is not too long."""
    if value is None or isinstance(value, bool):
        return value
    return _short(value) if isinstance(value, int | float) else brief_text(value)


def _short(value: float | None) -> float | None:
    """Return a number with six significant digits; None if it is not finite."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{_SIGNIFICANT}g}") if abs(value) < 1e9 else float(value)


def _metric(space: Workspace, at: int, key: str, bounds: tuple[float, float]) -> list[Any] | None:
    """Return how a metric went: last, best and where, the axis from and to, and the curve."""
    facts, levels = space.facts(at, key), space.glances[at].curves.get(key)
    if facts is None:
        return None
    out: list[Any] = [_short(facts.final), _short(facts.best), _short(facts.best_step)]
    if levels is None or not len(levels.x):
        return out
    first, last = float(levels.x[0]), float(levels.x[-1])
    return [*out, _short(first), _short(last), _packed(levels.y, *bounds), _places(levels)]


def _places(levels: Levels) -> str:
    """Return where on the axis the levels are; "" if they are evenly spaced."""
    even = np.linspace(levels.x[0], levels.x[-1], len(levels.x))
    span = float(levels.x[-1] - levels.x[0])
    if span <= 0 or float(np.abs(levels.x - even).max()) < 0.01 * span:
        return ""
    return _packed(levels.x, float(levels.x[0]), float(levels.x[-1]))


@np.errstate(all="ignore")
def _packed(values: Floats, low: float, high: float) -> str:
    """Return values as two characters each: their place between two bounds, at the bounds if beyond."""
    share = np.clip((values - low) / (high - low) if high > low else values * 0, 0, 1)
    whole = np.rint(np.nan_to_num(share) * (_SCALE - 1)).astype(int)
    return "".join(_DIGITS[v >> 6] + _DIGITS[v & 63] for v in whole.tolist())


@np.errstate(all="ignore")
def _bounds(space: Workspace, metric: str) -> tuple[float, float]:
    """Return the range in which the levels of a metric lie, without the few that are far on the bad side."""
    found = [one.curves[metric].y for one in space.glances if metric in one.curves]
    levels = np.concatenate(found) if found else np.zeros(1)
    levels = levels[np.isfinite(levels)]
    if not len(levels):
        return 0.0, 1.0
    first, third = np.quantile(levels, [0.25, 0.75])
    reach = 3 * (third - first) or abs(third) or 1.0
    low = max(float(levels.min()), float(first - reach))
    high = min(float(levels.max()), float(third + reach))
    sign = space.better(metric)
    if sign < 0:
        low = float(levels.min())
    if sign > 0:
        high = float(levels.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _fold(fold: Fold) -> dict[str, Any]:
    """Return a folded finding for the template."""
    return {
        "severity": fold.finding.severity.label,
        "good": fold.finding.severity is Severity.GOOD,
        "who": fold.who,
        "what": fold.what,
        "shared": fold.shared.words if fold.shared else "",
        "example": fold.example,
        "remedy": fold.finding.remedy if fold.finding.severity > Severity.GOOD else "",
        "rule": fold.finding.rule,
        "name": fold.finding.name,
        "count": len(fold.runs),
    }
