"""A reward that rises while the task gets worse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.levels import change
from postrun.stats.robust import median, noise_sigma, of_three, rolling_median
from postrun.stats.trend import trend

#: As good as the best is what lies within this share of the whole fall below it.
_HELD = 0.1


class RewardHacked(Rule):
    """The training reward rises while an evaluation metric falls.

    ## What it does
    Compares the reward that is optimised with a reward, score or accuracy of evaluations.

    ## Why it matters
    The policy has found what the reward pays for instead of what it was meant to pay for. The rising
    curve is then the fault, not the success.

    ## How it decides
    At least `min_points` evaluations, the best in the first `late_share` of them, and `min_rewards` values of
    the reward, `min_later` of them since then. The evaluation metric's last level lies below its best by more
    than `sigmas` standard deviations of its noise and by `lost_share` of its range, and from its best step on
    the training reward rose (by `std_errors` standard errors, or with a Theil-Sen trend that is significant at
    1%) by more than `gained_share` of its whole gain. The step named is the last at which it was as good as its
    best.

    ## What to do
    Read samples from after that step; stop at the best evaluation; strengthen the reward (further
    checks inside it, a KL penalty, an ensemble of reward models).

    ## Example
    "reward/mean rises from 0.6 to 0.9 while eval/accuracy falls from 0.52 (step 300) to 0.31"

    ## References
    Gao et al. 2022, "Scaling laws for reward model overoptimization" (arXiv 2210.10760).
    """

    code = "RL015"
    name = "reward-hacked"
    lasting = True
    needs = ("reward",)
    thresholds = {
        "min_points": 6,
        "min_rewards": 20,
        "min_later": 10,
        "late_share": 0.8,
        "lost_share": 0.2,
        "sigmas": 3.0,
        "gained_share": 0.1,
        "std_errors": 6.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        reward = view.first("reward")
        if reward is None or len(reward.finite) < self.limits["min_rewards"]:
            return
        reward = reward.finite
        total = change(reward.y)
        for series in view.by_role("reward.eval", "score.eval", "accuracy.eval"):
            y, sign = series.finite, series.info.sign
            n = len(y)
            if n < self.limits["min_points"] or not sign:
                continue
            v = y.y * sign
            smooth = of_three(v)
            k = int(np.argmax(smooth))
            best, end = float(smooth[k]), median(v[-max(2, n // 10) :])
            noise = self.limits["sigmas"] * noise_sigma(v)
            bar = max(noise, self.limits["lost_share"] * float(np.ptp(v)))
            if k > self.limits["late_share"] * n or best - end <= bar:
                continue
            later = reward.between(float(y.x[k]), np.inf)
            held = np.flatnonzero(smooth >= best - max(noise, _HELD * (best - end)))
            # The last that is as good as the best: there the fall begins.
            step = float(y.x[held[-1]])
            if len(later) < self.limits["min_later"]:
                continue
            moved, ends = trend(later.x, later.y), change(later.y)
            gain = max(total.size, float(np.ptp(rolling_median(reward.y, 5))) / 2)
            rises = ends.sigmas > self.limits["std_errors"] or (
                moved.significant and moved.change > 0
            )
            if not (rises and ends.size > self.limits["gained_share"] * gain):
                continue
            yield self.finding(
                Severity.WARNING,
                0.85,
                f"{reward.key} rises from {number(ends.before)} to {number(ends.after)} while {y.key} falls "
                f"from {number(best * sign)} ({view.axis.at(step)}) to {number(end * sign)}: the policy "
                "exploits the reward",
                "Read samples from after that step. Stop at the best evaluation. Strengthen the reward.",
                [
                    evidence(y, step, before=best * sign, after=end * sign),
                    evidence(later, step, before=ends.before, after=ends.after),
                ],
            )
            return
