"""Value functions: no fit, or values that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import begins
from postrun.stats.robust import mad_sigma, median, noise_sigma, rolling_median, smoothed


class ValueFitPoor(Rule):
    """The value function explains nothing of the returns.

    ## What it does
    Reports an explained variance near or below 0 in the later part of the run.

    ## Why it matters
    Advantages are returns less values: a value function that explains nothing leaves all the noise
    in the gradient; one below 0 adds some.

    ## How it decides
    The median of the second half is below `poor` (`warning` below 0, else `info`). 1 is a perfect
    fit, 0 that of the mean. `info` as well between -0.1 and 0 if the reward
    ends at its best level.

    ## What to do
    Raise the value learning rate or the number of value epochs, normalise returns, separate the value
    network; check the discount and episode ends (time limits are no failures).

    ## Example
    "losses/explained_variance has a median of -0.31 in the second half of the run"

    ## References
    Huang et al. 2022, "The 37 implementation details of proximal policy optimization".
    """

    code = "RL016"
    name = "value-fit-poor"
    live = LATE
    needs = ("explained_variance",)
    symptom_of = ("OPT001", "RL007")
    thresholds = {"poor": 0.1, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "explained_variance")
        if y is None:
            return
        half = len(y) // 2
        level = median(y.y[half:])
        if level >= self.limits["poor"]:
            return
        smooth = smoothed(y.y)
        good = np.flatnonzero(smooth >= self.limits["poor"])
        at = float(y.x[min(int(good[-1]) + 1, half) if len(good) else 0])
        early = median(y.y[: max(5, len(y) // 10)])
        grave = level < -0.1 or (level < 0 and not _still_rises(view))
        yield self.finding(
            Severity.WARNING if grave else Severity.INFO,
            0.75,
            f"{y.key} has a median of {number(level, 2)} in the second half of the run: the value function "
            + ("is worse than the mean" if level < 0 else "explains almost nothing"),
            "Raise the value learning rate or epochs, normalise returns, separate the value network; "
            "check the discount and the handling of time limits.",
            [evidence(y, at, before=early, after=level, effect=level)],
        )


def _still_rises(view: RunView) -> bool:
    """Return whether the reward gained much and ends at its best level."""
    reward = view.first("reward", "reward.eval")
    if reward is None or len(reward.finite) < 20:
        return False
    y = reward.finite.y * reward.info.sign
    tenth = max(3, len(y) // 10)
    first, last = median(y[:tenth]), median(y[-tenth:])
    best = float(rolling_median(y, tenth).max())
    return last - first > 6 * noise_sigma(y) and best - last < 0.1 * (best - first)


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
    episode return of the run, and above `growth` times its level at a fifth of the run. `critical` from
    ten times that factor on. Nothing is said without episode returns.

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
    thresholds = {"factor": 2.0, "growth": 2.0, "min_rows": 30}

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
        if (
            bound <= 0
            or end <= self.limits["factor"] * bound
            or end <= self.limits["growth"] * early
        ):
            return
        above = int(np.argmax(smooth > bound))
        at = (
            min(above, begins(smooth, early, end, mad_sigma(y.y[: max(5, n // 10)])))
            if above
            else 0
        )
        step = float(y.x[at])
        yield self.finding(
            Severity.CRITICAL if end > 10 * self.limits["factor"] * bound else Severity.WARNING,
            0.85,
            f"{y.key} grew from {number(early, 3)} to {number(end, 3)}, from {view.axis.at(step)} on; "
            "no return "
            f"in the run was above {number(bound, 3)}, so such values cannot be",
            "Update the target network less often, use double Q-learning, a lower learning rate, or clipped "
            "targets.",
            [evidence(y, step, before=early, after=end, effect=end / bound)],
        )
