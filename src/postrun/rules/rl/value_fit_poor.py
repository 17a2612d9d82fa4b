"""The value function explains nothing of the returns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import median, noise_sigma, rolling_median, smoothed


class ValueFitPoor(Rule):
    """The value function explains nothing of the returns.

    ## What it does
    Reports an explained variance near or below 0 in the later part of the run.

    ## Why it matters
    Advantages are returns less values: a value function that explains nothing leaves all the noise
    in the gradient; one below 0 adds some.

    ## How it decides
    The median of the second half is below `poor` (`warning` below 0, else `info`). 1 is a perfect
    fit, 0 that of the mean. `info` as well between `grave` and 0 if the reward (`min_rewards` values) gained
    more than `sigmas` times its noise and lost less than `lost_share` of that since its best level.

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
    thresholds = {
        "poor": 0.1,
        "grave": -0.1,
        "sigmas": 6.0,
        "lost_share": 0.1,
        "min_rows": 30,
        "min_rewards": 20,
    }

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
        grave = level < self.limits["grave"] or (level < 0 and not self._still_rises(view))
        yield self.finding(
            Severity.WARNING if grave else Severity.INFO,
            0.75,
            f"{y.key} has a median of {number(level, 2)} in the second half of the run: the value function "
            + ("is worse than the mean" if level < 0 else "explains almost nothing"),
            "Raise the value learning rate or epochs, normalise returns, separate the value network; "
            "check the discount and the handling of time limits.",
            [evidence(y, at, before=early, after=level, effect=level)],
        )

    def _still_rises(self, view: RunView) -> bool:
        """Return whether the reward gained much and ends at its best level."""
        reward = view.first("reward", "reward.eval")
        if reward is None or len(reward.finite) < self.limits["min_rewards"]:
            return False
        y = reward.finite.y * reward.info.sign
        tenth = max(3, len(y) // 10)
        first, last = median(y[:tenth]), median(y[-tenth:])
        best = float(rolling_median(y, tenth).max())
        gained = last - first > self.limits["sigmas"] * noise_sigma(y)
        return gained and best - last < self.limits["lost_share"] * (best - first)
