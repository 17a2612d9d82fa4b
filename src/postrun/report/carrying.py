"""Which metrics carry the story of a run: the one that it is judged by, and those that findings rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from postrun.metrics import MetricInfo, RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.report.warm_up import steady

#: Roles of the metric that a run is judged by: what it is trained for, then what it learns on.
_LEADS = (
    "reward", "success", "loss.eval", "perplexity.eval", "accuracy.eval", "score.eval", "reward.eval",
    "loss.train", "perplexity.train", "accuracy.train", "score.train", "accuracy.preference",
)  # fmt: skip
#: Roles that fill the lanes that neither the lead nor a finding takes.
_OTHERS = (
    "loss.train", "loss.eval", "accuracy.eval", "score.eval", "reward.eval", "accuracy.train",
    "loss.generator", "loss.discriminator", "loss.policy", "loss.value", "entropy", "kl.policy",
    "kl.step", "length.completion", "length.episode", "grad_norm", "lr", "throughput.tokens",
    "throughput.samples", "throughput.steps", "time.step",
)  # fmt: skip
#: A lead has so many values, if any candidate has.
_ENOUGH = 5
#: Lanes that the metrics of one finding take at most.
_OF_ONE = 2


def lead(view: RunView) -> Series | None:
    """Return the finite values of the metric that a run is judged by; None if none is understood."""
    found = [series for series in _of_roles(view, _LEADS) if len(series)]
    return next((s for s in found if len(s) >= _ENOUGH), found[0] if found else None)


def carrying(view: RunView, findings: Sequence[Finding], most: int = 4) -> list[Series]:
    """Return the metrics that carry the story of a run, the lead first: finite values that vary.

    Then come those that the findings rest on, the worst finding first, then others in the order of roles,
    one of a role.
    """
    first = lead(view)
    chosen: dict[str, Series] = {}
    roles = set[str]()
    cited = list(_cited(view, findings))
    for series in (*([first] if first is not None else []), *cited, *_of_roles(view, _OTHERS)):
        role = series.info.role or series.key
        if series.key in chosen or role in roles or len(series) < 2:
            continue
        if series.y.min() < series.y.max():
            chosen[series.key] = series
            roles.add(role)
        if len(chosen) == most:
            break
    return list(chosen.values())


def _of_roles(view: RunView, names: Sequence[str]) -> Iterator[Series]:
    return (steady(series) for series in view.by_role(*names))


def _cited(view: RunView, findings: Sequence[Finding]) -> Iterator[Series]:
    """Yield the metrics of the evidence, a few of each finding."""
    for finding in findings:
        if finding.severity is Severity.GOOD:
            continue
        keys = dict.fromkeys(proof.metric for proof in finding.evidence)
        known = [key for key in keys if key in view.metrics and shown(view.metrics[key])]
        yield from (steady(view.series(key)) for key in known[:_OF_ONE])


def shown(info: MetricInfo) -> bool:
    """Return False for counters, which no report plots."""
    return not (info.role or "").startswith("progress.")


def best_value(series: Series) -> tuple[float, float]:
    """Return the best of finite values in the better direction, and its x; needs a direction and a value."""
    at = int(np.argmax(series.info.sign * series.y))
    return float(series.y[at]), float(series.x[at])


def are_levels(proof: Evidence, series: Series) -> bool:
    """Return whether before and after are levels of a metric: some rules give counts or shares."""
    known = [v for v in (proof.before, proof.after) if v is not None and np.isfinite(v)]
    y = series.finite.y
    if not known or not len(y):
        return False
    low, high = float(y.min()), float(y.max())
    reach = 0.05 * (high - low) + 1e-9 * abs(high)
    return all(low - reach <= v <= high + reach for v in known)
