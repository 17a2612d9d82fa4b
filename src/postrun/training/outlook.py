"""What a training that runs or stopped would reach: the expected level at a step, and the steps to a target."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from postrun.metrics import RunView
from postrun.metrics.roles import JUDGES
from postrun.model import UsageError
from postrun.model.text import number
from postrun.stats.curve import Curve, Interval
from postrun.training.ending import FINISHED, how_it_ended
from postrun.training.plan import plan_of

#: Intervals were tested up to so many times the steps so far: targets are looked for up to there.
_FAR = 10 / 3
#: Places at which a target is looked for.
_PLACES = 200
#: A plan is done from this share on; before `_BEGUN` of it too little was seen to say anything.
_DONE, _BEGUN = 0.97, 0.3
#: An interval says something if it is narrower than this share of the range of what was seen (its middle 90%),
#: or if the present level lies outside.
_NARROW = 0.2
_DECAYS = re.compile(r"(?i)cos|linear|poly|one_?cycle|decay|inverse|wsd|warmup_?stable|trapez")
#: A learning rate that stayed within this of its peak has not begun to fall.
_AT_PEAK = 0.98


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one metric would reach.

    Attributes:
        metric: Its key.
        step: Last step that was seen, on the run's axis.
        at: Step that the forecast is for.
        unit: What one step is called.
        now: Level at the last step.
        expected: Expected level at `at` with its 90% interval; None if there is no forecast.
        reason: Why there is none, in words; "" if there is one.
        planned: True if `at` is the end of the run's plan.
        note: What limits the forecast; "" if nothing does.
        target: Level to reach; None if none was asked for.
        reach: First steps at which the expected level, the better and the worse bound of the interval reach
            the target; each infinite if it does not by `limit`; None without target or forecast.
        limit: How far the target was looked for.
    """

    metric: str
    step: float
    at: float
    unit: str
    now: float
    expected: Interval | None
    reason: str = ""
    planned: bool = False
    note: str = ""
    target: float | None = None
    reach: tuple[float, float, float] | None = None
    limit: float = math.nan

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; `reach` as three steps, null if the target is not reached."""
        out = asdict(self)
        met = [x if math.isfinite(x) else None for x in self.reach or ()]
        return {
            **out,
            "limit": None if math.isnan(self.limit) else self.limit,
            "reach": met or None,
        }

    def sentence(self) -> str:
        """Return the forecast in one sentence."""
        if math.isnan(self.now):
            of = f" of {self.metric}" if self.metric else ""
            return f"No forecast{of}: {self.reason}."
        place = f"{self.unit} {self.at:,.0f}" + (" (the end of the plan)" if self.planned else "")
        if self.expected is None:
            return f"No forecast of {self.metric} at {place}: {self.reason}."
        e = self.expected
        told = (
            f"{self.metric} is expected to be {number(e.value, 3)} at {place}, 90% interval "
            f"{number(e.low, 3)} to {number(e.high, 3)} (now {number(self.now, 3)})"
        )
        return f"{told}{self._target_words()}{f'; {self.note}' if self.note else ''}."

    def _target_words(self) -> str:
        if self.reach is None or self.target is None:
            return ""
        likely, early, late = self.reach
        goal = number(self.target)
        if math.isinf(early):
            return f"; it will not reach {goal} by {self.unit} {self.limit:,.0f}"
        span = f"{early:,.0f} to {late:,.0f}" if math.isfinite(late) else f"{early:,.0f} or later"
        if math.isinf(likely):
            return (
                f"; it is not expected to reach {goal} by {self.unit} {self.limit:,.0f} (at the "
                f"earliest at {early:,.0f})"
            )
        return (
            f"; it is expected to reach {goal} at {self.unit} {likely:,.0f} (90% interval: {span})"
        )


def judged_by(view: RunView) -> str:
    """Return the metric that a run is judged by: an evaluation before the training's own; "" if it has none."""
    found = (s.key for s in view.by_role(*JUDGES) if len(s.finite) > 1 and s.info.sign)
    return next(found, "")


def planned_end(view: RunView) -> float | None:
    """Return the last step of the plan on the run's axis; None if no plan is known, or it is not begun."""
    progress, last = plan_of(view).progress, view.last_x
    if progress is None or last is None or progress.share <= 0:
        return None
    at = progress.at
    if progress.unit == "step" and at and progress.done == at + 1 and progress.share < 1:
        end = last * (progress.total - 1) / at  # counted from 0
    else:
        end = last / progress.share
    return float(round(end)) if last == round(last) else end


def progress_left(view: RunView) -> bool:
    """Return whether a plan is known of which something is left to do."""
    plan = plan_of(view)
    return plan.progress is not None and plan.progress.share < _DONE and not plan.complete


def forecast_run(
    view: RunView, metric: str = "", at: float | None = None, target: float | None = None
) -> Forecast:
    """Return what a metric of a run would reach.

    Args:
        view: The run.
        metric: The metric; the one that the run is judged by if empty.
        at: Step on the run's axis; the end of the plan if None, or twice the steps so far without one.
        target: Level for which the steps until it is reached are wanted.

    Raises:
        UsageError: No metric is named, and nothing tells which one the run is judged by.
    """
    key = metric or judged_by(view)
    if not key:
        raise UsageError(
            f"{view.run.name}: no metric is known to be better when lower or higher. "
            "Name one: --metric KEY"
        )
    last = view.last_x
    if key not in view.metrics or last is None or not len(view.series(key).finite):
        unit, why = view.axis.unit, "the run has no values of it"
        return Forecast(key, last or 0.0, at or math.nan, unit, math.nan, None, why, target=target)
    end = planned_end(view)
    ahead = end is not None and progress_left(view)
    place = at if at is not None else end if end is not None and ahead else 2 * last
    told = _of_curve(view.curve(key), key, view.axis.unit, last, place, target)
    planned = at is None and ahead
    reason = told.reason or _schedule_ahead(view)
    note = "" if place <= _FAR * last else "so far ahead, the interval is not tested"
    if reason and reason != told.reason:
        told = replace(told, expected=None, reach=None)
    return replace(told, reason=reason, planned=planned, note=note)


def _of_curve(
    curve: Curve, key: str, unit: str, last: float, place: float, target: float | None
) -> Forecast:
    now = curve.last.value
    expected = curve.forecast(place) if place >= last else None
    if expected is None:
        reason = (
            _WHY.get(curve.no_forecast, "its values do not spread over the steps")
            if place >= last
            else f"it is at {unit} {last:,.0f} already"
        )
        return Forecast(key, last, place, unit, now, None, reason, target=target)
    reach, limit = None, math.nan
    if target is not None:
        limit = max(place, _FAR * last)
        reach = _reach(curve, last, limit, target)
    return Forecast(key, last, place, unit, now, expected, target=target, reach=reach, limit=limit)


#: Why a curve cannot be continued, by what its reading says.
_WHY = {
    "few": "it has fewer than 12 values so far",
    "not-finite": "its last values are NaN or infinite",
    "oscillating": "it oscillates",
    "turned": "it has been getting worse since its best level, and nothing shows where that ends",
    "flat": "it has not moved beyond its noise, and nothing shows when it will",
}


def _reach(curve: Curve, last: float, limit: float, target: float) -> tuple[float, float, float]:
    """Return where the expected level, the better and the worse bound first reach a level; else infinity."""
    sign = curve.sign or (1 if target > curve.last.value else -1)
    places = np.geomspace(last, limit, _PLACES) if last > 0 else np.linspace(0, limit, _PLACES)
    found = [f for x in places.tolist() if (f := curve.forecast(x)) is not None]
    bounds = np.array(
        [[f.value, f.high, f.low] if sign > 0 else [f.value, f.low, f.high] for f in found]
    )
    if not len(bounds):
        return math.inf, math.inf, math.inf
    places = places[-len(bounds) :]
    met = sign * bounds >= sign * target
    first = [float(places[int(np.argmax(m))]) if m.any() else math.inf for m in met.T]
    return first[0], first[1], first[2]


def _schedule_ahead(view: RunView) -> str:
    """Return what of the learning rate's schedule is still to come and will change the course; "" if nothing.

    A rate that still rises is warming up; one that stood still has the decay of its schedule ahead.
    """
    rates = [s.finite for s in view.by_role("lr") if len(s.finite) >= 3]
    rate = next((s for s in rates if s.y.max() > 0), None)
    if rate is None:
        return ""
    tail = rate.y[-max(2, len(rate) // 5) :]
    if rate.y[-1] >= rate.y.max() and tail[-1] > tail[0] * 1.001:
        return "the learning rate is still warming up"
    schedule = view.setting("scheduler")
    decays = schedule is not None and _DECAYS.search(str(schedule[1]))
    half = rate.y[len(rate) // 2 :]
    if decays and half.min() >= _AT_PEAK * rate.y.max():
        assert schedule is not None
        return f"the decay of the learning rate ({schedule[0]} = {schedule[1]}) has not begun"
    return ""


def outlook(view: RunView) -> Forecast | None:
    """Return what a run that stopped before its plan would have reached; None where that says nothing.

    The metric is the one that the run is judged by, and the interval narrow enough to tell something.
    """
    return view.once(_outlook)


def _outlook(view: RunView) -> Forecast | None:
    progress, key = plan_of(view).progress, judged_by(view)
    if progress is None or not key or not _BEGUN <= progress.share < _DONE:
        return None
    if plan_of(view).complete or how_it_ended(view).kind == FINISHED:
        return None
    told = forecast_run(view, key)
    expected = told.expected
    if expected is None or not told.planned or told.note:
        return None
    low, high = np.quantile(view.series(key).finite.y, [0.05, 0.95])
    narrow = expected.high - expected.low < _NARROW * (high - low)
    return told if narrow or not expected.low <= told.now <= expected.high else None
