"""Many runs: their records, and any metric's curves when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from postrun.metrics import meanings, role_rank
from postrun.metrics.axis import STEP, filled
from postrun.metrics.roles import JUDGES
from postrun.model import TargetError, UsageError
from postrun.model.display import notebook
from postrun.model.kept import Kept
from postrun.model.text import no_metric, unique_labels
from postrun.records.batch import samples_per_step
from postrun.records.cache import Cache
from postrun.records.record import RunRecord
from postrun.stats.robust import Floats, Ints

#: The axis on which each run goes from 0 to 100% of its own training.
END = "end"
#: What curves can be drawn over.
AXES = ("step", "time", "tokens", "samples", "epoch", "compute", END)

#: What runs cost, which can be asked for like a metric.
COSTS = ("hours", "gpu_hours")

#: A run of fewer rows may not tell how it counts its steps.
_LONG = 10


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one run, finite values in order of x.

    `x` is in the axis' own unit (steps, seconds since the first row, tokens, samples, epochs, GPU hours, or
    percent), `steps` the step of each value on the trainer's axis, `y` values; all of one length.
    """

    metric: str
    x: Floats
    steps: Floats
    seconds: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.y)


@dataclass
class Project:
    """Runs by their records. `keys` are their entries in the cache, which holds their columns.

    `targets` is the target that each run was found behind. `kept`, where there is one, is what a store holds of
    a run: its columns are there then. `problems` are the messages of what could not be read.
    """

    records: list[RunRecord]
    keys: list[str]
    cache: Cache
    targets: list[str] = field(default_factory=list)
    kept: list[Kept | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    def _repr_html_(self) -> str:
        return notebook(self)

    @property
    def labels(self) -> list[str]:
        """One label per run that no other has."""
        return unique_labels((r.name, r.id) for r in self.records)

    def take(self, which: Sequence[int]) -> Project:
        """Some of the runs, in the order given."""
        return Project(
            [self.records[i] for i in which],
            [self.keys[i] for i in which],
            self.cache,
            [self.targets[i] for i in which] if self.targets else [],
            [self.kept[i] for i in which] if self.kept else [],
            self.problems,
        )

    def metrics(self) -> list[str]:
        """All metrics: those that most runs have first, then by role, then by name."""
        counts = Counter(key for record in self.records for key in record.metrics)
        first = {key: r.metrics.plain[key] for r in reversed(self.records) for key in r.metrics}
        ranks = {
            key: role_rank(facts["role"]) + (0 if facts["central"] else 1000)
            for key, facts in first.items()
        }
        return sorted(counts, key=lambda k: (-counts[k], ranks[k], k))

    @cached_property
    def step_unit(self) -> str:
        """What one step of these runs is called: "epoch" if all count epochs; "step" if they differ."""
        return next(iter(self._units), "step") if len(self._units) < 2 else "step"

    @cached_property
    def _units(self) -> set[str]:
        """What steps are called in the runs that are long enough to be compared."""
        return {r.step_unit for r in self.records if r.rows >= _LONG}

    def mixed(self) -> list[str]:
        """Return a caveat if the runs are of several projects, whose results need not compare."""
        counts = Counter(r.project for r in self.records)
        if len(counts) < 2:
            return []
        told = [f"{n} of {name or 'no named project'}" for name, n in counts.most_common(4)]
        more = [f"{len(counts) - 4} more projects"] if len(counts) > 4 else []
        return [
            f"The runs are of several projects ({', '.join([*told, *more])}): their results may not compare."
        ]

    def main_metric(self) -> str:
        """What runs are judged by where nobody says: an evaluation before the training's own.

        Of the metrics that at least half of the runs with any history have; UsageError where none has a
        better direction.
        """
        judged = [r for r in self.records if r.metrics]
        found: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for record in judged:
            for key, facts in record.metrics.plain.items():
                if facts["role"] in JUDGES and facts["central"] and facts["n"] > 1:
                    counts[key] += 1
                    found[key] = facts["role"]
        if not judged:  # runs without histories, as a runs table has them
            judged = self.records
            meant = meanings(sorted({name for r in judged for name in r.summary}))
            found = {k: str(i.role) for k, i in meant.items() if i.role in JUDGES and i.central}
            counts = Counter(k for r in judged for k in r.summary if k in found)
        common = [k for k, n in counts.items() if 2 * n >= len(judged)]
        if not common:
            raise UsageError(
                "no metric that most of these runs have is known to be better when lower or higher: name one "
                "with --metric KEY and --goal min or max"
            )
        return min(common, key=lambda k: (JUDGES.index(found[k]), k))

    def better(self, metric: str, goal: str = "") -> int:
        """+1 where higher is better, -1 where lower is; by `goal` ("min", "max"), else by the metric.

        Raises:
            UsageError: No run has the metric, or nothing tells which way is better.
        """
        if metric in COSTS:
            return 1 if goal == "max" else -1
        known = [r.metrics[metric].better for r in self.records if metric in r.metrics]
        if not known and any(metric in r.summary for r in self.records):
            known = [meanings([metric])[metric].better]
        if not known:
            raise UsageError(no_metric(metric, self.metrics()))
        if goal:
            return {"min": -1, "max": 1}[goal]
        for word, sign in (("lower", -1), ("higher", 1)):
            if word in known:
                return sign
        raise UsageError(f"{metric}: not known which way is better; say --goal min or --goal max")

    def _columns(self, number: int, names: list[str]) -> dict[str, tuple[Ints, Floats]]:
        """Row numbers and values of columns of a run; none where they cannot be read, which is noted."""
        kept = self.kept[number] if self.kept else None
        if kept is None:
            return self.cache.columns(self.keys[number], self.records[number].columns, names)
        try:
            return kept.columns(names)
        except TargetError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return {}

    def curve(self, number: int, metric: str, axis: str = "step") -> Curve | None:
        """Return a run's metric over an axis; None if it has no finite value or no such axis.

        Samples that a run does not log follow from its steps and its batch size, if its config settles that.
        """
        record = self.records[number]
        if metric not in record.metrics:
            return None
        counted = record.axes.get(axis)
        batch = None
        if axis == "samples" and counted is None and record.step_unit == "step":
            batch = samples_per_step(record.config)
        # Runs that count in different units have only W&B's own steps in common.
        own = record.axis if len(self._units) < 2 else STEP
        names = [STEP, own, "_runtime", metric, *([counted] if counted else [])]
        found = self._columns(number, names)
        if metric not in found:
            return None
        at, y = found[metric]

        def dense(name: str) -> Floats:
            out = np.full(record.rows, np.nan)
            if name in found:
                rows, values = found[name]
                out[rows] = values
            return out

        steps, seconds = dense(STEP), dense("_runtime")
        if own != STEP and own in found:
            steps = filled(dense(own))
        if np.isnan(steps).all():
            steps = np.arange(record.rows, dtype=np.float64)
        if axis == "step":
            x = steps[at]
        elif axis == "time":  # what comes before the first row is no training
            x = seconds[at] - (np.nanmin(seconds) if np.isfinite(seconds).any() else 0.0)
        elif axis == "compute":
            x = seconds[at] / 3600 * (record.gpus or np.nan)
        elif axis == END:
            x = steps[at] * (100 / (float(np.nanmax(steps)) or np.nan))
        elif batch is not None:
            x = steps[at] * batch
        elif counted:
            x = _counted(steps, dense(counted))[at]
        else:
            return None
        kept = np.isfinite(y) & np.isfinite(x) & np.isfinite(steps[at])
        if not kept.any():
            return None
        at, x, y = at[kept], x[kept], y[kept]
        if len(x) > 1 and (x[1:] < x[:-1]).any():
            order = np.argsort(x, kind="stable")
            at, x, y = at[order], x[order], y[order]
        return Curve(metric, x, steps[at], seconds[at], y)

    def curves(self, metric: str, axis: str = "step") -> list[Curve | None]:
        """Every run's curve of a metric."""
        if axis not in AXES:
            raise UsageError(f"Unknown axis {axis!r}: use auto or one of {', '.join(AXES)}.")
        return [self.curve(i, metric, axis) for i in range(len(self))]


def _counted(steps: Floats, counts: Floats) -> Floats:
    """A count at every row: between two rows that log it, in proportion to the steps."""
    known = np.isfinite(counts) & np.isfinite(steps)
    if not known.any():
        return counts
    order = np.argsort(steps[known], kind="stable")
    at, values = steps[known][order], counts[known][order]
    return np.asarray(np.interp(steps, at, values, left=np.nan, right=np.nan))
