"""The policy moves too far in one update."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LEAST_BEFORE
from postrun.stats.changepoint import onset
from postrun.stats.robust import median, smoothed


class PolicyStepTooLarge(Rule):
    """The policy moves too far in one update.

    ## What it does
    Reports a KL between the policy before and after an update (approx_kl, ppo_kl) that stays high or
    jumps.

    ## Why it matters
    Trust-region methods assume small steps. Large ones make the surrogate objective meaningless: the
    reward often falls right after.

    ## How it decides
    The absolute value's median from some step on (smoothed, at least half of the later values) is
    above `level`, and that step lies in the first `late_share` of the values; or at least `share` of all
    values are above it. Targets in use are 0.01 to 0.03, and implementations stop an update at about 0.02 to
    0.05.

    ## What to do
    Lower the learning rate or the number of epochs per batch; set a target KL.

    ## Example
    "train/approx_kl is at 0.31 from step 240 on (0.012 before)"

    ## References
    Schulman et al. 2017 (arXiv 1707.06347); Spinning Up (target_kl 0.01), Stable-Baselines3
    (target_kl).
    """

    code = "RL014"
    name = "policy-step-too-large"
    lasting = True
    needs = ("kl.step",)
    symptom_of = ("RL001", "OPT001")
    thresholds = {"level": 0.1, "share": 0.25, "late_share": 0.9, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "kl.step")
        if y is None:
            return
        smooth = smoothed(np.abs(y.y))
        at = onset(smooth, 0.0, self.limits["level"])
        high = np.flatnonzero(np.abs(y.y) > self.limits["level"])
        late = self.limits["late_share"] * len(y)
        if (at is None or at > late) and len(high) and len(high) >= self.limits["share"] * len(y):
            step, level = float(y.x[high[0]]), median(np.abs(y.y[high]))
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{y.key} is above {self.limits['level']:g} in {100 * len(high) / len(y):.0f}% of the rows "
                f"(median of those {number(level, 2)}), first at {view.axis.at(step)}: the policy often "
                "moves too "
                "far in one update",
                "Lower the learning rate or the epochs per batch, or set a target KL.",
                [evidence(y, step, after=level, effect=len(high) / len(y))],
            )
            return
        if at is None or at > late:
            return
        before = median(np.abs(y.y[:at])) if at >= LEAST_BEFORE else None
        after = median(np.abs(y.y[at:]))
        step = float(y.x[at])
        earlier = "" if before is None else f" ({number(before, 2)} before)"
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{y.key} is at {number(after, 2)} from {view.axis.at(step)} on{earlier}: the policy moves too far "
            "in one update",
            "Lower the learning rate or the epochs per batch, or set a target KL.",
            [evidence(y, step, before=before, after=after, effect=after)],
        )
