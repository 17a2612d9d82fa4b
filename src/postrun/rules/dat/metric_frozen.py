"""A metric moved, and then has one exact value to the end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import median, noise_sigma

_FROZEN = ("loss.train", "loss.eval", "loss.policy", "grad_norm", "entropy", "reward", "accuracy.eval",
           "accuracy.train")  # fmt: skip


class MetricFrozen(Rule):
    """A metric moved, and then has one exact value to the end.

    ## What it does
    Reports losses, gradient norms, rewards, entropies and accuracies that stop changing to the last
    digit.

    ## Why it matters
    Real training is never exact: a value that repeats to the last digit means that nothing is
    updated or nothing is measured any more (a learning rate of 0, dead units, a constant policy, a
    cached evaluation).

    ## How it decides
    The last `share` of the values (`min_values` at least) are equal to the last bit, and the values
    before took at least `distinct` different ones. It is said to have collapsed to that value (or
    risen, for a loss) if it got worse by more than `lost_share` of its last level and `sigmas` standard
    deviations of its noise. Perfect values (accuracy or reward 1 or 100, a training loss or gradient of
    0) are left out: there is nothing left to change.

    ## What to do
    Check the learning rate, the gradients and the evaluation's input at that step.

    ## Example
    "train/loss is exactly 0.6931 from step 312 to the end (68% of the run)"
    """

    code = "DAT006"
    name = "metric-frozen"
    needs = _FROZEN
    symptom_of = ("OPT014", "OPT009", "RL008", "RL017", "RL007", "OPT001")
    thresholds = {
        "share": 0.3,
        "min_values": 20,
        "distinct": 10,
        "lost_share": 0.3,
        "sigmas": 8.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all metrics that froze, the first one named."""
        frozen: list[tuple[Series, int]] = []
        for series in view.by_role(*_FROZEN):
            y = series.finite.y
            n = len(y)
            if n < 2 * self.limits["min_values"]:
                continue
            moved = np.flatnonzero(y != y[-1])
            if not len(moved):
                continue  # DAT004
            start = int(moved[-1]) + 1
            if n - start < max(self.limits["min_values"], self.limits["share"] * n):
                continue
            role = str(series.info.role)
            perfect = (
                (0.0,) if role.startswith(("loss.train", "loss.eval", "grad")) else (1.0, 100.0)
            )
            if len(np.unique(y[:start])) >= self.limits["distinct"] and y[-1] not in perfect:
                frozen.append((series.finite, start))
        if not frozen:
            return
        frozen.sort(key=lambda item: float(item[0].x[item[1]]))
        series, start = frozen[0]
        rest = len(frozen) - 1
        freeze = "1 more metric freezes" if rest == 1 else f"{rest} more metrics freeze"
        more = f"; {freeze} too" if rest else ""
        share = 1 - start / len(series)
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{series.key} {self._how(series, start)} {number(float(series.y[-1]))} from "
            f"{view.axis.at(series.x[start])} to the "
            f"end ({100 * share:.0f}% of the run){more}",
            "Nothing is updated or measured any more: check the learning rate, the gradients and the "
            "evaluation's input at that step.",
            [
                evidence(
                    s,
                    float(s.x[i]),
                    before=float(s.y[i - 1]),
                    after=float(s.y[-1]),
                    effect=1 - i / len(s),
                )
                for s, i in frozen[:10]
            ],
        )

    def _how(self, series: Series, start: int) -> str:
        """Return how a metric came to its last value: it collapsed in one step, or stopped there."""
        before = median(series.y[max(0, start - 5) : start])
        lost = (before - float(series.y[-1])) * series.info.sign
        noise = self.limits["sigmas"] * noise_sigma(series.y[:start])
        if lost > max(self.limits["lost_share"] * abs(before), noise):
            verb = "collapsed" if series.info.sign > 0 else "rose"
            return f"{verb} from {number(before)} to exactly"
        return "is exactly"
