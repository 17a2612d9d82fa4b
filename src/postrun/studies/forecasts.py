"""What runs would reach if they went on: one forecast per run, as a study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from postrun.metrics import RunView
from postrun.model import UsageError
from postrun.model.study import Chart, Section, Study
from postrun.model.text import no_metric, number
from postrun.records.finals import labels
from postrun.stats.decimate import min_max
from postrun.training.outlook import Forecast, forecast_run, judged_by

#: Runs that are told in sentences.
_TOLD = 3
#: Runs that are drawn, values of a run that are, and places of its fit and its forecast.
_DRAWN, _VALUES, _PLACES = 6, 400, 40
_SCHEMA = {
    "run": pl.String, "id": pl.String, "metric": pl.String, "step": pl.Float64, "now": pl.Float64,
    "at": pl.Float64, "expected": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "reaches": pl.Float64, "earliest": pl.Float64, "latest": pl.Float64, "no_forecast": pl.String,
}  # fmt: skip


def forecast_study(
    views: Sequence[RunView], metric: str = "", at: float | None = None, target: float | None = None
) -> Study:
    """Return the study of what runs would reach.

    Args:
        views: The runs.
        metric: The metric; the one that each run is judged by if empty.
        at: Step of the forecast; the end of each run's plan if None.
        target: Level whose steps are wanted.

    Raises:
        UsageError: No run has such a metric, or nothing tells which one any run is judged by.
    """
    known = {key for view in views for key in view.metrics}
    if metric and metric not in known:
        raise UsageError(no_metric(metric, sorted(known)))
    judged = metric or not any(judged_by(view) for view in views)
    found = [
        forecast_run(view, metric, at, target) if judged or judged_by(view) else _unjudged(view)
        for view in views
    ]
    names = labels(views)
    subject = next(iter({f.metric for f in found})) if len({f.metric for f in found}) == 1 else ""
    study = Study("forecast", f"What {_count(views)} would reach", subject=subject)
    several = len(found) > 1
    for name, made in list(zip(names, found, strict=True))[:_TOLD]:
        study.headline.append(f"{name}: {made.sentence()}" if several else made.sentence())
    if any(f.expected is not None for f in found):
        study.caveats.append(
            "A forecast extends the course so far. It does not foresee that a training breaks, overfits or "
            "changes its data; 90% intervals held for 87% to 93% of others' trainings."
        )
    if at is None and (doubled := sum(f.expected is not None and not f.planned for f in found)):
        who = f"{doubled} of them have" if several else "The run has"
        study.caveats.append(
            f"{who} no planned steps left, as far as is known: the forecast is for twice the steps so far. "
            "--at STEP names another step."
        )
    rows = [_row(name, v, f) for name, v, f in zip(names, views, found, strict=True)]
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    text = (
        "Expected: with its 90% interval. Reaches target: the step at which the expected level meets the "
        "target; earliest and latest: by the interval."
    )
    told = [
        (f"{name}: {made.metric}" if several else made.metric, view, made)
        for name, view, made in zip(names, views, found, strict=True)
        if made.expected is not None or not several
    ]
    charts = [chart for one in told[:_DRAWN] if (chart := _chart(*one))]
    more = len(told) > _DRAWN
    drawn = [f"Drawn are the first {_DRAWN} of {len(told)} runs with a forecast."] if more else []
    study.add(Section("forecasts", "Forecasts", [text, *drawn], table, charts, wide=("id", "step")))
    return study


def _unjudged(view: RunView) -> Forecast:
    """Return that a run has no forecast, because it logged nothing that runs are judged by."""
    why = "it has no metric that runs are judged by"
    return Forecast("", view.last_x or 0.0, math.nan, view.axis.unit, math.nan, None, why)


def _chart(title: str, view: RunView, made: Forecast) -> Chart | None:
    """Return what was logged, the fit, the forecast with its interval, and the target; None without values."""
    if made.metric not in view.metrics:
        return None
    curve = view.curve(made.metric)
    known = np.isfinite(curve.y)
    x, y = curve.x[known], curve.y[known]
    if len(x) < 2:
        return None
    kept = min_max(y, _VALUES)
    lines: list[dict[str, Any]] = [
        {"label": "logged", "x": x[kept].tolist(), "y": y[kept].tolist(), "colour": "c0"}
    ]
    if made.expected is not None:
        at, fit = curve.fitted(_PLACES)
        lines.append({"label": "fit", "x": at.tolist(), "y": fit.tolist(), "colour": "c1 d1"})
        ahead = np.linspace(made.step, made.at, _PLACES).tolist()
        told = [(at, f) for at in ahead if (f := curve.forecast(at)) is not None]
        lines.append(
            {
                "label": "forecast with its 90% interval",
                "x": [at for at, _ in told],
                "y": [f.value for _, f in told],
                "low": [f.low for _, f in told],
                "high": [f.high for _, f in told],
                "colour": "c1",
            }
        )
    if made.target is not None:
        ends = [float(x[0]), max(made.at, float(x[-1]))]
        lines.append(
            {
                "label": f"target {number(made.target)}",
                "x": ends,
                "y": [made.target, made.target],
                "level": True,
                "colour": "c2 d2",
            }
        )
    return Chart("lines", title, {"x": f"{made.unit}s", "y": made.metric, "lines": lines})


def _count(views: Sequence[RunView]) -> str:
    return views[0].run.name if len(views) == 1 else f"{len(views)} runs"


def _row(name: str, view: RunView, made: Forecast) -> list[object]:
    e, reach = made.expected, made.reach or (math.nan,) * 3
    bounds = (None, None, None) if e is None else (e.value, e.low, e.high)
    met = [x if math.isfinite(x) else None for x in reach]
    at = made.at if math.isfinite(made.at) else None
    now = made.now if math.isfinite(made.now) else None
    return [name, view.run.id, made.metric, made.step, now, at, *bounds, *met, made.reason or None]
