"""The learning rate is practically 0 long before the end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.rates import logged_rate


class RateExhausted(Rule):
    """The learning rate is practically 0 long before the end.

    ## What it does
    Reports the part of a run that trained at less than `floor` of the peak learning rate.

    ## Why it matters
    Those steps cost what all others cost and change nothing: the schedule was made for fewer steps
    than were run.

    ## How it decides
    The last `share` of the logged rates or more lie below `floor` times the peak (a schedule that
    ends at 0 spends about 1% of its steps below 1e-3 of the peak).

    ## What to do
    Make the schedule as long as the run, or give it a lower bound.

    ## Example
    "train/lr is below 0.1% of its peak from step 6,000 on: 40% of the run trained nothing"
    """

    code = "OPT014"
    name = "rate-exhausted"
    needs = ("lr",)
    thresholds = {"floor": 1e-3, "share": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rate = logged_rate(view)
        if rate is None:
            return
        peak = float(rate.y.max())
        alive = np.flatnonzero(rate.y >= self.limits["floor"] * peak)
        start = int(alive[-1]) + 1
        share = 1 - start / len(rate)
        if share < self.limits["share"]:
            return
        step = float(rate.x[start])
        yield self.finding(
            Severity.WARNING,
            0.9,
            f"{rate.key} is below {100 * self.limits['floor']:g}% of its peak ({number(peak)}) "
            f"from {view.axis.at(step)} on: the last {100 * share:.0f}% of the run changed almost nothing",
            "Make the schedule as long as the run, or give it a lower bound.",
            [evidence(rate, step, before=peak, after=float(rate.y[-1]), effect=share)],
        )
