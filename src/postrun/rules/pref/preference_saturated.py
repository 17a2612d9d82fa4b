"""All pairs are told apart early, and the margin goes on growing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import median, rolling_median

#: A share may be above 1 by rounding; percent are no shares.
_LARGEST_SHARE = 1.0001


class PreferenceSaturated(Rule):
    """All pairs are told apart early, and the margin goes on growing.

    ## What it does
    Reports a preference accuracy at its top from early on, while the margin still grows.

    ## Why it matters
    Once every pair is ranked right, the loss falls only by making the model surer: it moves away from
    the reference for nothing that the data ask for, and forgets on the way.

    ## How it decides
    The smoothed training preference accuracy is at least `level` from some step in the first
    `early_share` of the run to the end, and the margin at the end is at least twice the margin there.
    Both margins are of at least `min_margins` values.

    ## What to do
    Stop there; raise beta; use harder pairs; IPO bounds the margin.

    ## Example
    "train/rewards/accuracies is at 1 from step 60 on (20% of the run), while
    train/rewards/margins goes on from 2.1 to 14"

    ## References
    Azar et al. 2023, IPO (arXiv 2310.12036), on overfitting of deterministic preferences.
    """

    code = "PREF003"
    name = "preference-saturated"
    needs = ("accuracy.preference",)
    thresholds = {"level": 0.99, "early_share": 0.4, "min_margins": 10, "min_rows": 40}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y, margin = self.usable(view, "accuracy.preference"), view.first("reward.margin")
        if y is None or margin is None:
            return
        m = margin.finite
        smooth = rolling_median(y.y, 5)
        low = np.flatnonzero(smooth < self.limits["level"])
        start = int(low[-1]) + 1 if len(low) else 0
        early = start <= self.limits["early_share"] * len(y) and start < len(y)
        if not early or y.y.max() > _LARGEST_SHARE:
            return
        step = float(y.x[start])
        later = m.between(step, np.inf)
        if len(later) < self.limits["min_margins"]:
            return
        then, now = (
            median(later.y[: max(3, len(later) // 20)]),
            median(later.y[-max(3, len(later) // 20) :]),
        )
        if not (now > 2 * max(then, 0.0) and now > 0):
            return
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{y.key} is at {number(median(y.y[start:]), 3)} from {view.axis.at(step)} on "
            f"({100 * (1 - start / len(y)):.0f}% of the run), while {m.key} goes on from {number(then, 3)} to "
            f"{number(now, 3)}",
            "Stop near that step, raise beta, or use harder pairs.",
            [
                evidence(y, step, after=median(y.y[start:])),
                evidence(later, step, before=then, after=now),
            ],
        )
