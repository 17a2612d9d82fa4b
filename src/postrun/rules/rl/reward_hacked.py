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


class RewardHacked(Rule):
    """The training reward rises while an evaluation metric falls.

    ## What it does
    Compares the reward that is optimised with a reward, score or accuracy of evaluations.

    ## Why it matters
    The policy has found what the reward pays for instead of what it was meant to pay for. The rising
    curve is then the fault, not the success.

    ## How it decides
    At least `min_points` evaluations. The evaluation metric's last level lies below its best by more
    than 3 standard deviations of its noise and by `lost_share` of its range, and from its best step on the
    training reward rose (by 6 standard errors, or with a Theil-Sen trend that is significant at
    1%) by at least a tenth of its whole gain. The step named is the last at which it was as good as its
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
    thresholds = {"min_points": 6, "lost_share": 0.2}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        reward = view.first("reward")
        if reward is None or len(reward.finite) < 20:
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
            bar = max(3 * noise_sigma(v), self.limits["lost_share"] * float(np.ptp(v)))
            if k > 0.8 * n or best - end <= bar:
                continue
            later = reward.between(float(y.x[k]), np.inf)
            held = np.flatnonzero(smooth >= best - max(3 * noise_sigma(v), 0.1 * (best - end)))
            # The last that is as good as the best: there the fall begins.
            step = float(y.x[held[-1]])
            if len(later) < 10:
                continue
            moved, ends = trend(later.x, later.y), change(later.y)
            gain = max(total.size, float(np.ptp(rolling_median(reward.y, 5))) * 0.5)
            rises = ends.sigmas > 6 or (moved.significant and moved.change > 0)
            if not (rises and ends.size > 0.1 * gain):
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
