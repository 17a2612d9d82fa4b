"""Training and evaluation losses on different scales."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, PREVIEW, Rule, evidence
from postrun.rules.gen.evaluation import around_evaluations


class LossScalesDiffer(Rule):
    """Training and evaluation loss differ by one factor throughout.

    ## What it does
    Reports two losses that move together, one many times the other from the first evaluation on.

    ## Why it matters
    One of them is a sum over the batch (or tokens) and the other a mean, or they are reduced or weighted
    differently. Their gap then says nothing about generalisation.

    ## How it decides
    `min_points` to `max_points` evaluations of positive losses; one loss (for training the median of the values
    around each evaluation) is at least `factor` times the other at each of them; the factor stays within
    `steady` times its median, both ways; and the smaller loss ends at no more than `left_share` of where it
    began, so that it is no gap that memorising left.

    ## What to do
    Use one reduction for both, and compare them per sample or per token.

    ## Example
    "train_loss is 58 times val_loss at all 25 evaluations: one is probably a sum, the other a mean"
    """

    code = "GEN013"
    name = "loss-scales-differ"
    since = "0.2.0"
    status = PREVIEW
    live = LATE
    needs = ("loss.eval",)
    thresholds = {
        "factor": 8.0,
        "steady": 1.6,
        "left_share": 0.8,
        "min_points": 4,
        "max_points": 2000,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train, held_out = view.first("loss.train"), view.first("loss.eval")
        if train is None or held_out is None:
            return
        train, held_out = train.finite, held_out.finite
        n = len(held_out)
        if not self.limits["min_points"] <= n <= self.limits["max_points"] or len(train) < n:
            return
        if train.y.min() <= 0 or held_out.y.min() <= 0:
            return
        ratio = around_evaluations(train, held_out.x) / held_out.y
        usual = float(np.median(ratio))
        above = usual > 1
        least = float(ratio.min() if above else 1 / ratio.max())
        spread = float(max(ratio.max() / usual, usual / ratio.min()))
        small = held_out.y if above else around_evaluations(train, held_out.x)
        if (
            least < self.limits["factor"]
            or spread > self.limits["steady"]
            or small[-1] > self.limits["left_share"] * small[0]
        ):
            return
        large, other = (train, held_out) if above else (held_out, train)
        times = usual if above else 1 / usual
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{large.key} is {number(times, 2)} times {other.key} at all {n} evaluations: one is "
            "probably a sum, the other a mean",
            "Use one reduction for both losses, and compare them per sample or per token.",
            [evidence(large, effect=times), evidence(other)],
        )
