"""A part of the reward is at its top and says nothing any more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE
from postrun.stats.robust import (
    median,
    smoothed,
)

#: Terms that a finding names, and terms that it gives evidence of.
_NAMED, _PROVEN = 5, 8


class RewardTermSaturated(Rule):
    """A part of the reward is at its top and says nothing any more.

    ## What it does
    Reports reward terms on a 0-to-1 scale that stay near 1 for most of the run.

    ## Why it matters
    A term that everything satisfies adds a constant: it no longer tells good samples from bad ones,
    and it hides in the total how little the other terms gained.

    ## How it decides
    A part of the reward (not the total) that is never above 1, moved before, and whose median since
    some step in the first half of the run is at least `level` to the end, with little spread.

    ## What to do
    Lower its weight, or replace it by a harder criterion.

    ## Example
    "metrics/format_reward is at 0.98 or more from step 120 on: it separates nothing any more"
    """

    code = "RL010"
    name = "reward-term-saturated"
    needs = ("reward.component",)
    thresholds = {"level": 0.95, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all saturated terms."""
        found = []
        for series in view.by_role("reward.component"):
            y = series.finite
            n = len(y)
            if n < self.limits["min_rows"] or y.y.max() > LARGEST_SHARE or y.y.min() == y.y.max():
                continue
            smooth = smoothed(y.y)
            low = np.flatnonzero(smooth < self.limits["level"])
            start = int(low[-1]) + 1 if len(low) else 0
            if start < n // 2:
                found.append((y, start, median(y.y[start:])))
        if not found:
            return
        y, start, level = found[0]
        names = ", ".join(item[0].key for item in found[:_NAMED])
        names += " ..." if len(found) > _NAMED else ""
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{names}: at {number(level, 3)} from {view.axis.at(y.x[start])} on; such a term separates good "
            "samples from bad ones no more",
            "Lower its weight, or replace it by a harder criterion.",
            [
                evidence(s, float(s.x[k]), before=float(s.y[0]), after=value, effect=1 - k / len(s))
                for s, k, value in found[:_PROVEN]
            ],
        )
