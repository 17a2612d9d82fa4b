"""The KL to the reference policy grows while the reward does not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, before_and_end, evidence
from postrun.stats.levels import begins
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed


class KlBlowUp(Rule):
    """The KL to the reference policy grows while the reward does not.

    ## What it does
    Reports a KL divergence that multiplied while the reward stood still or fell.

    ## Why it matters
    KL is the price that is paid for reward. A price that rises with the reward is progress; a price
    that rises alone is drift: the run is over, and what the reference could do is being lost. No
    level of KL is healthy or ill by itself.

    ## How it decides
    The last tenth of the KL (smoothed) is at least `factor` times its level at a fifth of the run and
    at least `floor` above it, and over the same stretch the reward gained at most `gained_share` of its
    whole gain. `critical` where the reward fell by more than `lost_share` of its gain. Nothing is said
    where fewer than `min_rewards` values of a reward are logged.

    ## What to do
    Stop at the step where the reward stopped; raise the KL coefficient, or lower the learning rate.

    ## Example
    "objective/kl grew from 4 to 61 after step 300, while objective/scores went from 1.9 to 1.8"

    ## References
    Gao et al. 2022 (arXiv 2210.10760): reward as a function of the square root of KL.
    """

    code = "RL005"
    name = "kl-blow-up"
    lasting = True
    needs = ("kl.policy",)
    symptom_of = ("RL001", "OPT001", "RL014")
    thresholds = {
        "factor": 3.0,
        "floor": 0.05,
        "gained_share": 0.1,
        "lost_share": 0.5,
        "min_rows": 50,
        "min_rewards": 20,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y, reward = self.usable(view, "kl.policy"), view.first("reward")
        if y is None or reward is None:
            return
        reward, n = reward.finite, len(y)
        if len(reward) < self.limits["min_rewards"]:
            return
        smooth = smoothed(y.y)
        end = median(smooth[-max(5, n // 10) :])
        begin = median(smooth[n // 5 - n // 20 : n // 5 + n // 20 + 1])
        if end < self.limits["factor"] * max(begin, 0.0) or end - begin < self.limits["floor"]:
            return
        at = n // 5 + begins(
            smooth[n // 5 :],
            begin,
            end,
            mad_sigma(y.y[n // 5 : 2 * n // 5] - smooth[n // 5 : 2 * n // 5]),
        )
        step = float(y.x[at])
        gained = float(np.max(rolling_median(reward.y, 5))) - median(
            reward.y[: max(5, len(reward) // 20)]
        )
        then, now = before_and_end(reward, step)
        if np.isnan(then) or gained <= 0 or now - then > self.limits["gained_share"] * gained:
            return
        fell = then - now > self.limits["lost_share"] * gained
        yield self.finding(
            Severity.CRITICAL if fell else Severity.WARNING,
            0.85,
            f"{y.key} grew from {number(begin, 3)} to {number(end, 3)} from {view.axis.at(step)} on, while "
            f"{reward.key} went from {number(then, 3)} to {number(now, 3)}: drift that buys no reward",
            "Stop where the reward stopped; raise the KL coefficient or lower the learning rate.",
            [
                evidence(
                    y, step, before=begin, after=end, effect=end / begin if begin > 0 else None
                ),
                evidence(reward, step, before=then, after=now),
            ],
        )
