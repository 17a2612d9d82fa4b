"""One metric of every run on common ground: what runs and groups are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from postrun.model import UsageError
from postrun.model.text import duration, number, position
from postrun.records.project import COSTS, END, Curve, Project
from postrun.stats.robust import Floats, Ints
from postrun.studies.align import (
    Ground,
    area,
    common_ground,
    level_at,
    level_error,
    levels_along,
    stability,
)
from postrun.studies.basis import AUTO, choose_basis, is_complete
from postrun.studies.groups import Grouping

#: What one of each axis is called; of steps, what the trainers of the runs call them.
_UNITS = {
    "time": "second", "tokens": "token", "samples": "sample", "epoch": "epoch", "compute": "GPU hour",
    END: "percent of the training",
}  # fmt: skip
#: A run that is this much longer than the common end was given more.
_LONGER = 1.1
#: A run diverged if its level is so many times what half of the runs never exceeded, nor it when it began.
_DIVERGED = 100.0
#: The begin of a run is this part of its values.
_BEGIN = 20
#: What of a run is compared: its value at the common end, or its best one until there.
USES = ("final", "best")


@dataclass(slots=True)
class Scores:
    """One metric of every run. `sign`: +1 where higher is better, -1 where lower is.

    `levels` are what runs are compared by (NaN where a run has none at the common end): medians near the
    common end, or the best until there, as `use` says. `errors` are their standard errors by the curves' own
    noise. All arrays are one value per run. `why` tells why the runs are compared on this axis, "" if their
    steps agree. `diverged` are runs whose level says that they diverged and nothing else: they count as worse
    than all others, and no mean or interval holds them.
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
    use: str = "final"
    why: str = ""
    diverged: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """What is compared in words: "final val_loss", "best val_loss"; a single number by its name alone."""
        return f"{self.use} {self.metric}" if self.ground.end else self.metric

    @property
    def end_words(self) -> str:
        """Where runs are compared: "step 3,361", "the end of each run's training"."""
        return self.at_words(self.ground.end)

    def at_words(self, x: float) -> str:
        """Return a place on the axis in words: "step 3,361", "12 min", "the end of each run's training"."""
        if self.axis == END:
            return (
                "the end of each run's training" if x > 95 else f"{x:.0f}% of each run's training"
            )
        if self.axis == "time":
            return f"{number(x, 3)} s" if x < 10 else duration(x)
        if self.axis in ("tokens", "samples"):
            return f"{number(x)} {self.axis}"
        if self.axis == "compute":
            return f"{number(x, 3)} GPU hours"
        return f"{self.unit} {position(x)}"

    @property
    def unit(self) -> str:
        """What one of the axis is called: "step", "epoch", "second"."""
        return _UNITS.get(self.axis, self.project.step_unit)

    @property
    def units(self) -> str:
        """The same for several: "steps", "epochs", "seconds"."""
        return self.unit if self.axis == END else f"{self.unit}s"

    @property
    def went_on(self) -> str:
        """The warning that runs are compared before the end of some, "" if none went on."""
        if not self.ground.end or self.axis == END:
            return ""
        used = [
            c
            for c, v in zip(self.curves, self.levels, strict=True)
            if c is not None and np.isfinite(v)
        ]
        longer = [float(c.x[-1]) for c in used if c.x[-1] > _LONGER * self.ground.end]
        if not longer:
            return ""
        return (
            f"{len(longer)} of {len(used)} compared runs went on after {self.end_words}, up to "
            f"{self.at_words(max(longer))}: what they reached later does not count."
        )

    @property
    def left_out(self) -> str:
        """The sentences on runs without a value to compare, "" if all have one."""
        missing = int((~np.isfinite(self.levels)).sum())
        if not missing:
            return ""
        place = f" near {self.end_words}" if self.ground.end else ""
        return (
            f"{missing} of {len(self.project)} runs are left out, because they have no value of {self.metric}"
            f"{place}. They ended earlier, failed, or lack the metric."
        )

    @property
    def results(self) -> dict[str, float]:
        """What each run is compared by, by its id; without the runs that are left out."""
        pairs = zip(self.project.records, self.levels.tolist(), strict=True)
        return {record.id: level for record, level in pairs if np.isfinite(level)}

    @property
    def evaluated(self) -> bool:
        """Whether the metric is an evaluation, whose single values count as they are."""
        return any(
            (r.metrics[self.metric].role or "").endswith(".eval")
            for r in self.project.records
            if self.metric in r.metrics
        )


def score(
    project: Project,
    metric: str = "",
    goal: str = "",
    axis: str = AUTO,
    threshold: float | None = None,
    use: str = "final",
    parts: Sequence[Sequence[int]] = (),
) -> Scores:
    """Read one metric of all runs and put it on common ground.

    Args:
        project: The runs.
        metric: Its key; by default the main metric of the runs.
        goal: "min", "max", or "" for what is known of the metric.
        axis: What runs are held side by side over: "auto" (see `choose_basis`), step, time, tokens, samples,
            epoch, compute, or end (of each run's training).
        threshold: The level that runs are timed to; by default the median run's level.
        use: "final" (the median near the common end), or "best" (until the common end; of an evaluation the
            best value, else the best running level).
        parts: The runs of each group that will be compared.

    Raises:
        UsageError: No run has the metric over this axis, or nothing tells which way is better.
    """
    metric = metric or project.main_metric()
    sign = project.better(metric, goal)
    basis = choose_basis(project, metric, axis)
    axis = basis.axis
    complete = [is_complete(r) for r in project.records]
    curves = project.curves(metric, axis)
    if axis == END:  # where a run that was cut short would have ended is not known
        curves = [c if whole else None for c, whole in zip(curves, complete, strict=True)]
    ground = common_ground(curves, complete, parts, axis in ("time", "compute"))
    if ground is None:
        have = [r for r in project.records if metric in r.metrics]
        if axis != "step" and have:
            raise UsageError(_no_axis(axis, metric))
        if not have:
            return _single_values(project, metric, sign, axis)
        raise UsageError(f"No run has finite values of {metric}.")
    levels = np.full(len(project), np.nan)
    scores = Scores(
        project,
        metric,
        sign,
        axis,
        curves,
        ground,
        levels,
        levels.copy(),
        np.nan,
        use,
        basis.sentence,
    )
    for i, curve in enumerate(curves):
        if curve is not None and i not in ground.short:
            scores.levels[i] = _level(scores, curve)
            scores.errors[i] = level_error(curve, ground.end)
    scores.diverged = _diverged(scores)
    if threshold is None and np.isfinite(scores.levels).any():
        threshold = float(np.nanmedian(scores.levels))
    scores.threshold = float("nan") if threshold is None else threshold
    return scores


def _diverged(scores: Scores) -> frozenset[int]:
    """Return the runs whose level is bad beyond all that half of the runs, and they at first, ever logged."""
    sizes = {i: np.abs(c.y) for i, c in enumerate(scores.curves) if c is not None and len(c)}
    usual = np.quantile([float(y.max()) for y in sizes.values()], 0.5, method="lower")
    bad = np.where(scores.levels * scores.sign < 0, np.abs(scores.levels), 0.0)
    return frozenset(
        i
        for i, y in sizes.items()
        if bad[i] > _DIVERGED * max(float(usual), float(y[: 1 + len(y) // _BEGIN].max()))
    )


def _no_axis(axis: str, metric: str) -> str:
    if axis == END:
        return f"No run that has {metric} ended by itself: use --align step or --align time."
    return f"No run counts {_UNITS[axis]}s beside {metric}: use --align step or --align time."


def _level(scores: Scores, curve: Curve) -> float:
    """Return what a run is compared by; NaN if it has no value near the common end."""
    final = level_at(curve, scores.ground.end)
    if scores.use == "final" or not np.isfinite(final):
        return final
    _, values = _candidates(curve, scores, scores.ground.end)
    return float(values[np.argmax(values * scores.sign)])


def _candidates(curve: Curve, scores: Scores, end: float = np.inf) -> tuple[Ints, Floats]:
    """Return the values of which the best counts, until `end`: indices, and values."""
    if scores.evaluated:
        places, values = np.arange(len(curve)), curve.y
    else:
        places, values = levels_along(curve)
    inside = curve.x[places] <= end
    return (places[inside], values[inside]) if inside.any() else (places[:1], values[:1])


def _single_values(project: Project, metric: str, sign: int, axis: str) -> Scores:
    """What has one value per run and no curve: a number of the summaries, or what runs cost."""
    if metric in COSTS:
        found = [getattr(r, metric) for r in project.records]
    else:
        found = [r.summary.get(metric) for r in project.records]
    levels = np.array([np.nan if v is None else v for v in found], dtype=np.float64)
    if not np.isfinite(levels).any():
        raise UsageError(f"No run has a value of {metric}.")
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
                "kwh": record.kwh,
                "note": _note(scores, i),
            }
        )
    return pl.DataFrame(rows, schema=_RUN_SCHEMA, orient="row")


_RUN_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("run", "id", "group", "state"), pl.String),
    **dict.fromkeys(
        (
            "level", "level_error", "final", "best", "best_at", "mean", "reached_at", "reached_seconds",
            "stability", "last", "hours", "gpu_hours", "kwh",
        ),
        pl.Float64,
    ),
    "note": pl.String,
}  # fmt: skip


def milestones(
    curve: Curve | None, scores: Scores
) -> tuple[tuple[float, float] | None, int | None]:
    """Return the best value and its place, and the index at which the threshold is first reached.

    Of a training metric these are running levels: the best of many noisy values says nothing of a run. An
    evaluation counts as it is.
    """
    if curve is None:
        return None, None
    places, levels = _candidates(curve, scores)
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
    record = scores.project.records[i]
    if i in scores.diverged:
        return "diverged: in no mean"
    if i in scores.ground.short and curve is not None:
        return f"set aside: ended at {number(float(curve.x[-1]))} of {number(scores.ground.end)}"
    if scores.axis == END and scores.metric in record.metrics and not is_complete(record):
        return f"set aside: {record.ending.words}"
    if curve is None and not np.isfinite(scores.levels[i]):
        bad = record.metrics.get(scores.metric)
        return "no values" if bad is None else "no finite value"
    return "" if np.isfinite(scores.levels[i]) else "no value near the common end"


def finite_or_none(value: float) -> float | None:
    """A table's cell: null for what is not finite."""
    return float(value) if np.isfinite(value) else None


def matrix(
    scores: Scores,
    members: Sequence[int],
    tasks: Sequence[Sequence[int]],
    ranked: bool = False,
) -> Floats:
    """Levels of a group as (runs, tasks), higher is better; as many runs as its scarcest task has.

    `tasks` are the runs of each task; with several, each is scaled to its own range over all runs that did not
    diverge. `ranked`: only the order of the levels is asked for, so that runs that diverged are in it.
    """
    columns, inside = [], set(members) - (frozenset() if ranked else scores.diverged)
    for task in tasks:
        every = scores.levels[[i for i in task if i not in scores.diverged]] * scores.sign
        every = every[np.isfinite(every)]
        low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
        own = scores.levels[[i for i in task if i in inside]] * scores.sign
        own = own[np.isfinite(own)]
        columns.append(own if len(tasks) == 1 else (own - low) / ((high - low) or 1.0))
    n = min((len(c) for c in columns), default=0)
    return np.stack([c[:n] for c in columns], axis=1) if columns else np.zeros((0, 0))
