"""Whether a run that goes on will reach the best finished run beside it, by the forecast of its metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postrun.metrics import RunView
from postrun.model import Evidence, Finding
from postrun.model.text import number
from postrun.records.record import MetricFacts, RunRecord
from postrun.rules.beside_siblings import WillNotReachBest
from postrun.stats.curve import Interval
from postrun.studies.basis import is_complete
from postrun.training.outlook import Forecast, forecast_run, judged_by, progress_left
from postrun.training.plan import plan_of

#: Fewer values show no level.
_LEAST = 5
#: A sibling may have run so much longer than the plan of the run that is compared with it.
_LONGER = 1.05


@dataclass(frozen=True, slots=True)
class Sibling:
    """The finished run that is best among those that a run is compared with; `level` is where it ended."""

    name: str
    level: float
    step: float


def best_sibling(view: RunView, records: Iterable[RunRecord], made: Forecast) -> Sibling | None:
    """Return the best of the runs that a run's forecast can be held against; None if there is none.

    Args:
        view: The run.
        records: Other runs; those that have not finished or do not compare are left out.
        made: The forecast for the end of the run's plan.
    """
    sign = view.metrics[made.metric].sign
    known = [
        Sibling(record.name or record.id, facts.final, facts.last_step)
        for record in records
        if (facts := _compared(view, record, made)) is not None
    ]
    return max(known, key=lambda s: s.level * sign, default=None)


def _compared(view: RunView, record: RunRecord, made: Forecast) -> MetricFacts | None:
    """Return how the metric went in another run; None if the runs do not compare."""
    info, facts = view.metrics[made.metric], record.metrics.get(made.metric)
    if facts is None or record.id == view.run.id or not is_complete(record):
        return None
    if (facts.role, facts.better) != (info.role, info.better) or facts.n < _LEAST or facts.bad:
        return None
    if (record.axis, record.step_unit) != (view.axis.key, view.axis.unit):
        return None
    if not 0 < facts.last_step <= _LONGER * made.at:
        return None
    who = view.run.identity
    project = "/".join(p for p in (who.entity, who.project) if p)
    if project and record.project and project != record.project:
        return None
    # Another scale (a sum instead of a mean) shows in levels that the other run never had.
    worst = facts.low if info.sign > 0 else facts.high
    if (worst - made.now) * info.sign > 0:
        return None
    return facts if _same_data(view, record) else None


def _same_data(view: RunView, record: RunRecord) -> bool:
    """Return whether nothing says that two runs were on other data, or began with another model."""
    for name in ("dataset", "base_model"):
        own, key = view.setting(name), record.settings.get(name)
        if own is not None and key is not None and own[1] != record.config.get(key):
            return False
    data = {f"{a.name}@{a.digest}" for a in view.run.artifacts if a.direction == "input"}
    return not data or not record.data or data == set(record.data)


def misses(expected: Interval, level: float, sign: int, margin: float = 1.0) -> bool:
    """Return whether a level lies beyond the better bound of a forecast, taken `margin` times as far."""
    bound = expected.high if sign > 0 else expected.low
    return (expected.value + margin * (bound - expected.value) - level) * sign < 0


class Reach:
    """What is said of one run over many looks: that it will not reach the best, until its forecast allows it.

    It takes a wider interval to say it than to take it back, so that it does not come and go.
    """

    def __init__(self, rule: WillNotReachBest) -> None:
        self._rule = rule
        self._said: Finding | None = None

    def forecast(self, view: RunView) -> Forecast | None:
        """Return the forecast for the end of a run's plan; None if nothing can be said by one."""
        progress, key = plan_of(view).progress, judged_by(view)
        if progress is None or not key or progress.share < self._rule.limits["begun"]:
            return None
        if not progress_left(view) or len(view.series(key).finite) < self._rule.limits["min_rows"]:
            return None
        made = forecast_run(view, key)
        return made if made.expected is not None and made.planned and not made.note else None

    def look(
        self, view: RunView, made: Forecast | None, records: Iterable[RunRecord]
    ) -> Finding | None:
        """Return the finding that a run will not reach the best of others; None if that does not hold.

        What was said stands while no forecast can be made: a run that got worse has not recovered.

        Args:
            view: The run.
            made: Its `forecast`.
            records: The others.
        """
        if made is None or made.expected is None:
            return self._said
        best = best_sibling(view, records, made)
        if best is None:
            return self._said
        sign, expected = view.metrics[made.metric].sign, made.expected
        margin = 1.0 if self._said else self._rule.limits["margin"]
        self._said = None
        if (best.level - made.now) * sign > 0 and misses(expected, best.level, sign, margin):
            self._said = self._finding(view, made, expected, best)
        return self._said

    def _finding(self, view: RunView, made: Forecast, expected: Interval, best: Sibling) -> Finding:
        series = view.series(made.metric).finite
        message = (
            f"{made.metric} will not reach {number(best.level)} of {best.name}, the best finished run: it is "
            f"expected to be {number(expected.value, 3)} at {made.unit} {made.at:,.0f}, 90% interval "
            f"{number(expected.low, 3)} to {number(expected.high, 3)}"
        )
        proof = Evidence(
            metric=made.metric,
            role=series.info.role,
            step_from=float(series.x[0]),
            step_to=float(series.x[-1]),
            before=best.level,
            after=expected.value,
            n=len(series),
            axis=view.axis.key,
            unit=made.unit,
        )
        return self._rule.about(message, proof)
