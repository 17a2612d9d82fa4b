"""One metric of every run on common ground: what runs and groups are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from postrun.model import UsageError
from postrun.model.text import number
from postrun.records.project import COSTS, Curve, Project
from postrun.stats.robust import Floats
from postrun.studies.align import (
    Ground,
    area,
    common_ground,
    level_at,
    level_error,
    levels_along,
    stability,
)
from postrun.studies.groups import Grouping

#: What one of each axis is called; of steps, what the trainers of the runs call them.
_UNITS = {
    "time": "second", "tokens": "token", "samples": "sample", "epoch": "epoch", "compute": "GPU hour",
}  # fmt: skip


@dataclass(slots=True)
class Scores:
    """One metric of every run. `sign`: +1 where higher is better, -1 where lower is.

    `levels` are medians near the common end (NaN where a run did not get there), `errors` their standard
    errors by the curves' own noise. All arrays are one value per run.
    """

    project: Project
    metric: str
    sign: int
    axis: str
    curves: list[Curve | None]
    ground: Ground
    levels: Floats
    errors: Floats
    threshold: float

    @property
    def end_words(self) -> str:
        """Where runs are compared: "step 3,361"."""
        end = self.ground.end
        return f"{self.unit} {f'{end:,.6g}' if end < 1e6 else number(end)}"

    @property
    def unit(self) -> str:
        """What one of the axis is called: "step", "epoch", "second"."""
        return _UNITS.get(self.axis, self.project.step_unit)

    @property
    def units(self) -> str:
        """The same for several: "steps", "epochs", "seconds"."""
        return f"{self.unit}s"


def score(
    project: Project,
    metric: str = "",
    goal: str = "",
    axis: str = "step",
    threshold: float | None = None,
) -> Scores:
    """Read one metric of all runs and put it on common ground.

    Args:
        project: The runs.
        metric: Its key; by default the main metric of the runs.
        goal: "min", "max", or "" for what is known of the metric.
        axis: What curves are drawn over: step, time, tokens, samples, epoch, compute.
        threshold: The level that runs are timed to; by default the median run's level.

    Raises:
        UsageError: No run has the metric over this axis, or nothing tells which way is better.
    """
    metric = metric or project.main_metric()
    sign = project.better(metric, goal)
    curves = project.curves(metric, axis)
    ground = common_ground(curves)
    if ground is None:
        have = [r for r in project.records if metric in r.metrics]
        if axis != "step" and have:
            raise UsageError(
                f"no run counts {_UNITS[axis]}s beside {metric}: use --align step or time"
            )
        if not have:
            return _single_values(project, metric, sign, axis)
        raise UsageError(f"no run has finite values of {metric}")
    levels = np.full(len(project), np.nan)
    errors = np.full(len(project), np.nan)
    for i, curve in enumerate(curves):
        if curve is not None and i not in ground.short:
            levels[i] = level_at(curve, ground.end)
            errors[i] = level_error(curve, ground.end)
    if threshold is None:
        threshold = float(np.nanmedian(levels)) if np.isfinite(levels).any() else float("nan")
    return Scores(project, metric, sign, axis, curves, ground, levels, errors, threshold)


def _single_values(project: Project, metric: str, sign: int, axis: str) -> Scores:
    """What has one value per run and no curve: a number of the summaries, or what runs cost."""
    if metric in COSTS:
        found = [getattr(r, metric) for r in project.records]
    else:
        found = [r.summary.get(metric) for r in project.records]
    levels = np.array([np.nan if v is None else v for v in found], dtype=np.float64)
    if not np.isfinite(levels).any():
        raise UsageError(f"no run tells its {metric}")
    none: list[Curve | None] = [None] * len(project)
    errors = np.full(len(levels), np.nan)
    middle = float(np.nanmedian(levels))
    return Scores(project, metric, sign, axis, none, Ground(0.0, 0.0), levels, errors, middle)


def run_table(scores: Scores, grouping: Grouping) -> pl.DataFrame:
    """One row per run: its group, level, final, best, area, when it reached the threshold, what it cost."""
    group_of = {i: g.label for g in grouping.groups for i in g.members}
    labels, rows = scores.project.labels, []
    for i, record in enumerate(scores.project.records):
        curve, facts = scores.curves[i], record.metrics.get(scores.metric)
        best, reached = milestones(curve, scores)
        rows.append(
            {
                "run": labels[i],
                "id": record.id,
                "group": group_of.get(i, ""),
                "state": record.ending.words,
                "level": finite_or_none(scores.levels[i]),
                "level_error": finite_or_none(scores.errors[i]),
                "final": facts.final if facts else record.summary.get(scores.metric),
                "best": None if best is None else best[0],
                "best_at": None if best is None else best[1],
                "mean": finite_or_none(_area(scores, curve)),
                "reached_at": None if curve is None or reached is None else float(curve.x[reached]),
                "reached_seconds": None
                if curve is None or reached is None
                else finite_or_none(float(curve.seconds[reached])),
                "stability": finite_or_none(stability(curve, scores.ground.end))
                if curve is not None
                else None,
                "last": None if curve is None else float(curve.x[-1]),
                "hours": record.hours,
                "gpu_hours": record.gpu_hours,
                "note": _note(scores, i),
            }
        )
    return pl.DataFrame(rows, schema=_RUN_SCHEMA, orient="row")


_RUN_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("run", "id", "group", "state"), pl.String),
    **dict.fromkeys(
        (
            "level", "level_error", "final", "best", "best_at", "mean", "reached_at", "reached_seconds",
            "stability", "last", "hours", "gpu_hours",
        ),
        pl.Float64,
    ),
    "note": pl.String,
}  # fmt: skip


def milestones(
    curve: Curve | None, scores: Scores
) -> tuple[tuple[float, float] | None, int | None]:
    """Best level and its place, and the index at which the level first reaches the threshold.

    Levels, not single values: the best of many noisy values says nothing of a run.
    """
    if curve is None:
        return None, None
    places, levels = levels_along(curve)
    best = int(np.argmax(levels * scores.sign))
    reached = np.flatnonzero(levels * scores.sign >= scores.threshold * scores.sign)
    first = int(places[reached[0]]) if len(reached) else None
    return (float(levels[best]), float(curve.x[places[best]])), first


def _area(scores: Scores, curve: Curve | None) -> float:
    if curve is None:
        return float("nan")
    return area(curve, scores.ground.start, scores.ground.end)


def _note(scores: Scores, i: int) -> str:
    curve = scores.curves[i]
    if i in scores.ground.short and curve is not None:
        return f"set aside: ended at {number(float(curve.x[-1]))} of {number(scores.ground.end)}"
    if curve is None and not np.isfinite(scores.levels[i]):
        bad = scores.project.records[i].metrics.get(scores.metric)
        return "no values" if bad is None else "no finite value"
    return "" if np.isfinite(scores.levels[i]) else "no value near the common end"


def finite_or_none(value: float) -> float | None:
    """A table's cell: null for what is not finite."""
    return float(value) if np.isfinite(value) else None


def matrix(scores: Scores, members: Sequence[int], tasks: Sequence[Sequence[int]]) -> Floats:
    """Levels of a group as (runs, tasks), higher is better; as many runs as its scarcest task has.

    `tasks` are the runs of each task; with several, each is scaled to its own range over all runs.
    """
    columns, inside = [], set(members)
    for task in tasks:
        every = scores.levels[list(task)] * scores.sign
        every = every[np.isfinite(every)]
        low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
        own = scores.levels[[i for i in task if i in inside]] * scores.sign
        own = own[np.isfinite(own)]
        columns.append(own if len(tasks) == 1 else (own - low) / ((high - low) or 1.0))
    n = min((len(c) for c in columns), default=0)
    return np.stack([c[:n] for c in columns], axis=1) if columns else np.zeros((0, 0))
