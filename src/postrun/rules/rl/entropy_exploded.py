"""The policy's entropy rose far above where it had been."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, before_and_end, evidence
from postrun.stats.levels import begins, lowest
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed
from postrun.training.checkpoints import go_back


class EntropyExploded(Rule):
    """The policy's entropy rose far above where it had been.

    ## What it does
    Reports entropy that, late in the run, is a multiple of its lower level.

    ## Why it matters
    A policy that becomes random again has unlearned: too large an entropy bonus, gradients of the
    wrong sign for masked tokens, or collapse after a mismatch.

    ## How it decides
    Smoothed by a running median. The last tenth is at least `factor` times the lowest level of a
    tenth of the run before it, and the rise is at least `rise_share` of the first level. `info` where the
    reward has `min_rewards` values and rose meanwhile by more than `gained_share` of its range
    (exploration that pays), else `warning`.

    ## What to do
    Lower the entropy bonus; look at what changed at the onset; go back to a checkpoint before it.

    ## Example
    "entropy/mean rose from 0.4 to 2.9 from step 620 on"
    """

    code = "RL006"
    name = "entropy-exploded"
    lasting = True
    needs = ("entropy",)
    symptom_of = ("RL001", "OPT001", "RL014")
    thresholds = {
        "factor": 2.0,
        "rise_share": 0.1,
        "gained_share": 0.05,
        "min_rows": 50,
        "min_rewards": 20,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "entropy")
        others = view.by_role("reward", "reward.component", "kl.policy", "kl.mismatch", "kl.step")
        if y is None or not others or y.y.min() < 0:
            return  # below 0 it is a loss term, not an entropy
        n = len(y)
        smooth = smoothed(y.y)
        tenth = max(5, n // 10)
        if n < 2 * tenth:
            return
        low, where = lowest(smooth[: n - tenth], tenth)
        end = median(smooth[-tenth:])
        start = max(median(y.y[: max(3, n // 100)]), median(smooth[:tenth]), 1e-9)
        if end < self.limits["factor"] * low or end - low < self.limits["rise_share"] * start:
            return
        rest = smooth[where:]
        at = where + begins(
            rest, low, end, mad_sigma(y.y[where : where + tenth] - smooth[where : where + tenth])
        )
        step = float(y.x[at])
        reward = view.first("reward")
        pays = False
        if reward is not None and len(reward.finite) >= self.limits["min_rewards"]:
            r = reward.finite
            then, now = before_and_end(r, step)
            span = float(np.ptp(rolling_median(r.y, 5)))
            pays = now > then + self.limits["gained_share"] * span
        yield self.finding(
            Severity.INFO if pays else Severity.WARNING,
            0.8,
            f"{y.key} rose from {number(low, 3)} to {number(end, 3)} from {view.axis.at(step)} on"
            + (", while the reward rose with it" if pays else ""),
            f"Lower the entropy bonus; look at what changed where it begins. {go_back(view, step)}",
            [evidence(y, step, before=low, after=end, effect=end / low if low > 0 else None)],
        )
