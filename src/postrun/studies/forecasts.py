"""What runs would reach if they went on: one forecast per run, as a study."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from postrun.metrics import RunView
from postrun.model import UsageError
from postrun.model.study import Section, Study
from postrun.model.text import no_metric
from postrun.records.finals import labels
from postrun.training.outlook import Forecast, forecast_run

#: Runs that are told in sentences.
_TOLD = 3
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
        UsageError: No run has such a metric.
    """
    known = {key for view in views for key in view.metrics}
    if metric and metric not in known:
        raise UsageError(no_metric(metric, sorted(known)))
    found = [forecast_run(view, metric, at, target) for view in views]
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
        "expected: with a 90% interval from low to high. reaches: the step at which the expected level meets "
        "the target, earliest and latest by the interval."
    )
    study.add(Section("forecasts", "Forecasts", [text], table, wide=("id", "step")))
    return study


def _count(views: Sequence[RunView]) -> str:
    return views[0].run.name if len(views) == 1 else f"{len(views)} runs"


def _row(name: str, view: RunView, made: Forecast) -> list[object]:
    e, reach = made.expected, made.reach or (math.nan,) * 3
    bounds = (None, None, None) if e is None else (e.value, e.low, e.high)
    met = [x if math.isfinite(x) else None for x in reach]
    at = made.at if math.isfinite(made.at) else None
    now = made.now if math.isfinite(made.now) else None
    return [name, view.run.id, made.metric, made.step, now, at, *bounds, *met, made.reason or None]
