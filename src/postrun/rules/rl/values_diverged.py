"""Estimated action values exceed every return that was ever seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.levels import begins
from postrun.stats.robust import mad_sigma, median, smoothed


class ValuesDiverged(Rule):
    """Estimated action values exceed every return that was ever seen.

    ## What it does
    Compares Q values with the returns of the same run.

    ## Why it matters
    No policy can be worth more than the best possible return. Values far above every return come from
    bootstrapping on their own maximum (overestimation) and end in divergence; the policy then follows
    the error.

    ## How it decides
    The last tenth of the absolute Q values, smoothed, is above `factor` times the largest absolute
    episode return of the run, and above `growth` times its level in the first fifth of the run. `critical`
    above `critical` times the first of these bounds. Nothing is said without episode returns.

    ## What to do
    Use a target network that is updated less often, double Q-learning, a lower learning rate, clipped
    targets or rewards.

    ## Example
    "losses/q_values grew from 12 to 9,400 from step 3,000 on; no return was above 200"

    ## References
    van Hasselt et al. 2018, "Deep reinforcement learning and the deadly triad" (arXiv 1812.02648):
    soft divergence is a value beyond the attainable bound.
    """

    code = "RL017"
    name = "values-diverged"
    lasting = True
    needs = ("q_value",)
    symptom_of = ("OPT001",)
    thresholds = {"factor": 2.0, "growth": 2.0, "critical": 10.0, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "q_value")
        returns = [s.finite.y for s in view.by_role("reward", "reward.eval") if len(s.finite)]
        if y is None or not returns:
            return
        n = len(y)
        bound = max(float(np.abs(r).max()) for r in returns)
        smooth = smoothed(np.abs(y.y))
        end, early = median(smooth[-max(5, n // 10) :]), median(smooth[: max(5, n // 5)])
        most = self.limits["factor"] * bound
        if bound <= 0 or end <= most or end <= self.limits["growth"] * early:
            return
        above = int(np.argmax(smooth > bound))
        at = (
            min(above, begins(smooth, early, end, mad_sigma(y.y[: max(5, n // 10)])))
            if above
            else 0
        )
        step = float(y.x[at])
        yield self.finding(
            Severity.CRITICAL if end > self.limits["critical"] * most else Severity.WARNING,
            0.85,
            f"{y.key} grew from {number(early, 3)} to {number(end, 3)}, from {view.axis.at(step)} on; "
            "no return "
            f"in the run was above {number(bound, 3)}, so such values cannot be",
            "Update the target network less often, use double Q-learning, a lower learning rate, or clipped "
            "targets.",
            [evidence(y, step, before=early, after=end, effect=end / bound)],
        )
