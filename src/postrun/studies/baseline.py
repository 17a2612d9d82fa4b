"""A run held against known good ones: what got worse, and which findings they have as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from postrun.metrics import MetricInfo, RunView, roles
from postrun.model import Evidence, Finding, ranked
from postrun.model.text import number
from postrun.rules.registry import Selection
from postrun.rules.slower_than_baseline import SlowerThanBaseline
from postrun.rules.worse_than_baseline import WorseThanBaseline
from postrun.stats.curve import read_curve
from postrun.stats.robust import Floats, median
from postrun.stats.siblings import margin

#: Panels of roles whose level is a result, and of those whose median is a cost.
_RESULTS = frozenset(("loss", "reward", "score"))
_COSTS = frozenset(("throughput", "mfu", "time", "memory"))
#: Roles whose level depends on the scale of something else.
_NOT_RESULTS = frozenset(("loss.value", "fraction.zero_std", "reward.component"))
#: Fewer values show neither a level nor its noise.
_LEAST = 5
#: The first share of a run is warm-up, for costs.
_WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric of the baseline; one pair of steps and finite values for each of its runs that logged it."""

    info: MetricInfo
    axis: str
    unit: str
    curves: tuple[tuple[Floats, Floats], ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What came of holding a run against a baseline.

    `worse` are findings of BASE001 and BASE002. `known` are positions of the run's findings that a run of the
    baseline has as well, at least as severe. `not_compared` says why metrics were left out, a clause each.
    """

    worse: list[Finding] = field(default_factory=list)
    known: frozenset[int] = frozenset()
    not_compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known good runs, as far as a later run is compared with them. Picklable: no run is in it."""

    names: tuple[str, ...]
    _metrics: tuple[_Metric, ...]
    _findings: frozenset[tuple[str, tuple[str, ...], int]]

    @classmethod
    def of(cls, runs: Sequence[tuple[RunView, list[Finding]]]) -> Baseline:
        """Return the baseline that runs and their findings make."""
        found: dict[str, _Metric] = {}
        for view, _ in runs:
            for key, info in view.metrics.items():
                if _kind(info):
                    metric = found.get(key) or _Metric(info, view.axis.key, view.axis.unit, ())
                    series = view.series(key).finite
                    if len(series) >= _LEAST and series.axis.key == metric.axis:
                        curves = (*metric.curves, (series.x, series.y))
                        found[key] = replace(metric, curves=curves)
        known = {
            (*_what(f), level)
            for _, findings in runs
            for f in findings
            for level in range(f.severity + 1)
        }
        names = tuple(view.run.name for view, _ in runs)
        return cls(names, tuple(found.values()), frozenset(known))

    @np.errstate(all="ignore")  # of curves of equal or huge values
    def hold(self, view: RunView, findings: Sequence[Finding], selection: Selection) -> Held:
        """Compare a run with the baseline."""
        known = frozenset(
            at for at, f in enumerate(findings) if (*_what(f), int(f.severity)) in self._findings
        )
        rules = [
            r for r in selection.active() if isinstance(r, WorseThanBaseline | SlowerThanBaseline)
        ]
        by_kind = {("result" if isinstance(r, WorseThanBaseline) else "cost"): r for r in rules}
        worse: list[Finding] = []
        left_out: list[str] = []
        for metric in self._metrics:
            rule = by_kind.get(_kind(metric.info))
            if rule is None:
                continue
            found = _compare(metric, view, rule)
            if isinstance(found, str):
                left_out.append(f"{metric.info.key} ({found})")
            elif found is not None:
                worse.append(selection.settled(found, type(rule)))
        if not self._metrics:
            why = "the baseline logged no loss, score, reward or speed that is understood"
            left_out.append(f"any metric ({why})")
        return Held(ranked(worse), known, tuple(left_out))


def _what(finding: Finding) -> tuple[str, tuple[str, ...]]:
    """Return what makes two findings the same: rule and metrics, not steps and values."""
    metrics = {m for proof in finding.evidence[:2] for m in proof.metrics}
    return finding.rule, tuple(sorted(metrics))


def _kind(info: MetricInfo) -> str:
    """Return "result", "cost", or "" for a metric that has no better direction or is no mean."""
    role = roles().get(info.role or "")
    if role is None or not info.sign or not info.central or role.name in _NOT_RESULTS:
        return ""
    return "result" if role.panel in _RESULTS else "cost" if role.panel in _COSTS else ""


def _compare(
    metric: _Metric, view: RunView, rule: WorseThanBaseline | SlowerThanBaseline
) -> Finding | str | None:
    """Return the finding that a metric is worse, None if it is not, or why that cannot be told."""
    key = metric.info.key
    if key not in view.metrics:
        return "this run did not log it"
    series = view.series(key).finite
    if len(series) < _LEAST:
        return "this run has too few values" if len(series) else "this run has no finite value"
    if series.axis.key != metric.axis:
        return f"this run counts {series.axis.key}, the baseline {metric.axis}"
    stop = min(float(series.x[-1]), *(float(x[-1]) for x, _ in metric.curves))
    of_result = isinstance(rule, WorseThanBaseline)
    level = _level if of_result else _typical
    taken = [level(x, y, stop, metric.info.sign) for x, y in metric.curves]
    own = level(series.x, series.y, stop, metric.info.sign)
    if own is None or None in taken:
        return "too few values up to the last step that all runs reached"
    levels = [t for t in taken if t is not None]
    known = np.array([value for value, _, _ in levels])
    centre = float(known.mean())
    if of_result:
        scale = float(np.mean([gain for _, _, gain in levels]))
        noise = max(
            float(np.mean([n for _, n, _ in levels])), own[1], rule.limits["spread"] * scale
        )
    else:
        noise, scale = rule.limits["spread"] * abs(centre), abs(centre)
    found = margin(known, noise)
    lost = metric.info.sign * (centre - own[0])
    allowed = max(found.allowed, rule.limits["least_share"] * scale)
    if not lost > allowed or number(own[0]) == number(centre):
        return None
    return rule.about(
        _message(
            metric, own[0], centre, centre - metric.info.sign * allowed, stop, len(known), of_result
        ),
        _REMEDIES[of_result],
        Evidence(
            metric=key,
            role=metric.info.role,
            step_from=float(series.x[0]),
            step_to=stop,
            before=centre,
            after=own[0],
            effect=lost / allowed if allowed else None,
            n=int((series.x <= stop).sum()),
            axis=metric.axis,
            unit=metric.unit,
        ),
        0.9 if len(known) > 2 else 0.7,
    )


_REMEDIES = {
    True: "Look at what changed since the baseline: code, data, settings. If nothing did, repeat the baseline "
    "with two more seeds and pass all three.",
    False: "Check that both runs had the same hardware. Then compare batch size, precision, data loading and "
    "logging.",
}


def _message(
    metric: _Metric, own: float, centre: float, bound: float, stop: float, k: int, of_result: bool
) -> str:
    from postrun.model.text import places

    where = f"at {places(metric.unit, stop, stop)}" if of_result else "in the median"
    whose = "the baseline's" if k == 1 else f"the {k} baselines'"
    side = "above" if metric.info.sign > 0 else "below"
    return (
        f"{metric.info.key} is {number(own)} {where}, worse than {whose} {number(centre)} "
        f"(repeated runs stay {side} {number(bound)})"
    )


def _level(x: Floats, y: Floats, stop: float, sign: int) -> tuple[float, float, float] | None:
    """Return the level at a step, the noise of single values there, and the gain until then."""
    part = x <= stop
    if int(part.sum()) < _LEAST:
        return None
    curve = read_curve(x[part], y[part], sign, log=False)
    last = curve.last
    # Half of a 95% interval is two standard errors and more.
    error = max((last.high - last.low) / 4, curve.noise)
    first = median(y[part][: max(3, int(part.sum()) // 20)])
    return (last.value, error, abs(last.value - first)) if math.isfinite(last.value) else None


def _typical(x: Floats, y: Floats, stop: float, sign: int) -> tuple[float, float, float] | None:
    """Return the median after the warm-up up to a step, in the form of `_level`."""
    del sign
    part = np.flatnonzero(x <= stop)
    part = part[int(_WARM_UP * len(part)) :]
    return (median(y[part]), 0.0, 0.0) if len(part) >= _LEAST else None
