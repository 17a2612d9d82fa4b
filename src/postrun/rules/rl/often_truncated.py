"""Many completions are cut off at the length limit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE
from postrun.stats.levels import change
from postrun.stats.robust import median, rolling_median


class OftenTruncated(Rule):
    """Many completions are cut off at the length limit.

    ## What it does
    Reports a share of truncated completions that stays high.

    ## Why it matters
    A cut answer is most often scored as wrong, whatever it was about to say: the reward then teaches
    brevity or noise, and the mean length is a property of the limit.

    ## How it decides
    The median of the last third is at least `share`.

    ## What to do
    Raise the limit, leave truncated answers out of the loss, or use a soft penalty near the limit.

    ## Example
    "train/completions/clipped_ratio has a median of 0.44 in the last third of the run"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.4 (overlong filtering).
    """

    code = "RL012"
    name = "often-truncated"
    needs = ("fraction.truncated",)
    symptom_of = ("RL011",)
    thresholds = {"share": 0.3, "min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "fraction.truncated")
        if y is None or y.y.max() > LARGEST_SHARE:
            return
        level = median(y.y[-max(5, len(y) // 3) :])
        if level < self.limits["share"]:
            return
        smooth = rolling_median(y.y, 5)
        step = float(y.x[int(np.argmax(smooth >= self.limits["share"]))])
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{y.key} has a median of {number(level, 2)} in the last third of the run: "
            f"{100 * level:.0f}% of the completions are cut off",
            "Raise the length limit, leave cut answers out of the loss, or penalise length softly near it.",
            [evidence(y, step, before=change(y.y).before, after=level, effect=level)],
        )
