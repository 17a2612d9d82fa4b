"""Where the metrics that two runs share part, beyond their noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.metrics import RunView, Series, role_rank
from postrun.metrics.axis import STEP, numbers
from postrun.metrics.roles import JUDGES
from postrun.records.finals import final
from postrun.stats.curve.parting import LEAST, Parting, part
from postrun.stats.robust import Floats

#: Metrics that count something have no curve to compare.
_COUNTS = ("progress.", "time.", "lr")


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of two runs.

    Attributes:
        key: The metric.
        first: Its values in the first run.
        second: Those in the second.
        parting: Where they part; None if they share too few places.
        rank: Its place among the metrics, the one that runs are judged by first.
    """

    key: str
    first: Series
    second: Series
    parting: Parting | None
    rank: tuple[int, ...]

    @property
    def finals(self) -> tuple[float, float]:
        """The final value of each: the median of the last 5%."""
        return float(final(self.first)[2]), float(final(self.second)[2])


@dataclass(frozen=True, slots=True)
class Shared:
    """What two runs have in common to compare.

    Attributes:
        pairs: Their shared metrics, most important first.
        unlike: Metrics of one name that mean something else in each, with why.
        alone: Metrics that only the first run has, and only the second.
        unit: What one step of the axis is called.
        note: Why the axis is not the runs' own; "" if it is.
    """

    pairs: list[Pair]
    unlike: list[str]
    alone: tuple[list[str], list[str]]
    unit: str
    note: str


@np.errstate(all="ignore")
def shared_curves(first: RunView, second: RunView) -> Shared:
    """Return where the metrics of two runs part, on the axis that both count."""
    keys = [k for k in first.metrics if k in second.metrics]
    a, b = first.axis, second.axis
    own = a.unit == b.unit
    note = "" if own else (
        f"The runs count in different units ({a.unit}, {b.unit}), so their curves are compared over W&B's own "
        "steps."
    )  # fmt: skip
    unlike, kept = [], []
    for key in keys:
        why = _unlike(first, second, key)
        if why:
            unlike.append(f"{key} ({why})")
        elif not (first.metrics[key].role or "").startswith(_COUNTS):
            x, y = (v.series(key).finite for v in (first, second))
            if len(x) and len(y):
                kept.append((key, x, y))
    tests = max(1, sum(len(x) >= LEAST and len(y) >= LEAST for _, x, y in kept))
    pairs = [
        Pair(
            key,
            x,
            y,
            part(_points(first, x, own), _points(second, y, own), tests),
            _rank(first, key),
        )
        for key, x, y in kept
    ]
    alone = (
        [k for k in first.metrics if k not in second.metrics],
        [k for k in second.metrics if k not in first.metrics],
    )
    return Shared(
        sorted(pairs, key=lambda p: p.rank), unlike, alone, a.unit if own else "step", note
    )


def _points(view: RunView, series: Series, own: bool) -> tuple[Floats, Floats]:
    if own:
        return series.x, series.y
    x = numbers(view.run.history[STEP])[series.rows]
    known = np.isfinite(x)
    order = np.argsort(x[known], kind="stable")
    return x[known][order], series.y[known][order]


def _unlike(first: RunView, second: RunView, key: str) -> str:
    """Return why a metric of one name is not the same thing in two runs; "" if nothing says so."""
    a, b = first.metrics[key], second.metrics[key]
    if a.role and b.role and a.role != b.role:
        return f"{a.role} in one, {b.role} in the other"
    if a.unit and b.unit and a.unit != b.unit:
        return f"in {a.unit} and in {b.unit}"
    if a.sign * b.sign < 0:
        return "higher is better in one, lower in the other"
    return ""


def _rank(view: RunView, key: str) -> tuple[int, ...]:
    info = view.metrics[key]
    judged = JUDGES.index(info.role) if info.role in JUDGES else len(JUDGES)
    return (not info.central, judged, role_rank(info.role))
