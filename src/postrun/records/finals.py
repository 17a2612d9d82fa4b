"""Runs side by side: what differs in their configs, and how their metrics ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from postrun.metrics import RunView, Series
from postrun.model import Run
from postrun.model.text import unique_labels
from postrun.stats.robust import median

_TAIL = 0.05


def config_differences(runs: Sequence[Run | RunView]) -> pl.DataFrame:
    """Config keys that differ: `key`, then one column of values (as text) per run."""
    views = [as_view(run) for run in runs]
    rows = [
        [key, *("" if value is None else str(value) for value in values)]
        for key, values in differing(views).items()
    ]
    schema = {"key": pl.String, **dict.fromkeys(labels(views), pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def differing(views: Sequence[RunView]) -> dict[str, list[Any]]:
    """Config keys that differ, by name, to the value in each run (None where it has none)."""
    keys = sorted({key for view in views for key in view.flat_config})
    table = {key: [view.flat_config.get(key) for view in views] for key in keys}
    return {
        key: values
        for key, values in table.items()
        if any(value != values[0] for value in values[1:])
    }


def as_view(run: Run | RunView) -> RunView:
    """A view of the run, or the view itself."""
    return run if isinstance(run, RunView) else RunView(run)


def labels(views: Sequence[RunView]) -> list[str]:
    """One label per run that no other has."""
    return unique_labels((view.run.name, view.run.id) for view in views)


def finals(runs: Sequence[Run | RunView], metrics: Sequence[str] = ()) -> pl.DataFrame:
    """How each metric ended in each run.

    Columns: `run`, `metric`, `last_step`, `n`, `final` (median of the last 5% of the values),
    `best` (by the metric's better direction; null where it has none), `best_step`. Without
    `metrics`: all that have a role and a better direction. Evaluations of a best checkpoint that was loaded
    again after the training are left out.
    """
    rows: list[list[Any]] = []
    views = [as_view(run) for run in runs]
    for label, view in zip(labels(views), views, strict=True):
        for key in metrics or central_metrics(view):
            if key not in view.metrics:
                continue
            series = view.series(key).finite
            if len(series):
                rows.append([label, key, *final(series)])
    schema = {
        "run": pl.String,
        "metric": pl.String,
        "last_step": pl.Float64,
        "n": pl.Int64,
        "final": pl.Float64,
        "best": pl.Float64,
        "best_step": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def central_metrics(view: RunView) -> list[str]:
    """Metrics that have a role and a better direction."""
    return [
        info.key
        for info in view.metrics.values()
        if info.role and info.central and info.better in ("lower", "higher")
    ]


def final(series: Series) -> list[Any]:
    """Last step, count, final value (median of the last 5%), best value and its step."""
    tail = max(1, int(_TAIL * len(series)))
    sign = series.info.sign
    best = best_step = None
    if sign:
        at = int(np.argmax(series.y * sign))
        best, best_step = float(series.y[at]), float(series.x[at])
    return [float(series.x[-1]), len(series), median(series.y[-tail:]), best, best_step]
