"""A large part of the policy update is clipped away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE
from postrun.stats.robust import median, smoothed


class ClippedTooMuch(Rule):
    """A large part of the policy update is clipped away.

    ## What it does
    Reports a clip fraction (share of tokens or actions whose importance ratio leaves the clip range)
    that stays high.

    ## Why it matters
    What is clipped has no gradient. Some clipping is the method at work; where a third of the batch
    is clipped, the steps are too large or the samples too old, and much of the compute is thrown
    away.

    ## How it decides
    The median of the second half is at least `share`.

    ## What to do
    Lower the learning rate, take fewer epochs per batch, refresh samples more often.

    ## Example
    "train/clip_fraction has a median of 0.46 in the second half of the run"

    ## References
    Huang et al. 2022, "The 37 implementation details of proximal policy optimization": clip fractions
    of healthy runs are mostly below 0.2.
    """

    code = "RL004"
    name = "clipped-too-much"
    needs = ("fraction.clipped",)
    symptom_of = ("RL014", "RL001", "RL013")
    thresholds = {"share": 0.3, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "fraction.clipped")
        if y is None or y.y.max() > LARGEST_SHARE:
            return
        level = median(y.y[len(y) // 2 :])
        if level < self.limits["share"]:
            return
        smooth = smoothed(y.y)
        at = float(y.x[int(np.argmax(smooth >= self.limits["share"]))])
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{y.key} has a median of {number(level, 2)} in the second half of the run: "
            f"{100 * level:.0f}% of the batch is clipped away",
            "Lower the learning rate, take fewer epochs per batch, or refresh samples more often.",
            [
                evidence(
                    y, at, before=median(y.y[: max(5, len(y) // 10)]), after=level, effect=level
                )
            ],
        )
