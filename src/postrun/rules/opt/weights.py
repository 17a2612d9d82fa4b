"""Mixed precision's loss scale, and the size of the weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, rolling_median
from postrun.stats.trend import trend


class LossScaleCollapsed(Rule):
    """The loss scale of mixed precision fell to nothing.

    ## What it does
    Reports a dynamic loss scale that fell to 1 or less, or to a thousandth of its highest level.

    ## Why it matters
    The scale is halved at each overflow and doubled again after many good steps: one that goes on
    falling means that gradients overflow at every scale, and steps are skipped.

    ## How it decides
    At least `min_rows` values; the last tenth's median is at most 1, or below `share` of the highest
    median of a tenth.

    ## What to do
    Train in bfloat16, clip gradients, or look for the layer that overflows.

    ## Example
    "loss_scale fell from 65,536 to 1 by step 900: most steps overflow"

    ## References
    Micikevicius et al. 2018, "Mixed precision training" (arXiv 1710.03740), section 3.2.
    """

    code = "OPT016"
    name = "loss-scale-collapsed"
    lasting = True
    needs = ("loss_scale",)
    symptom_of = ("OPT001",)
    thresholds = {"share": 1e-3, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "loss_scale")
        if series is None:
            return
        top, end = float(np.quantile(series.y, 0.95)), change(series.y).after
        if top <= 1 or (end > 1 and end > self.limits["share"] * top):
            return
        at = int(np.argmax(series.y <= max(1.0, self.limits["share"] * top)))
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{series.key} fell from {number(top)} to {number(end)} by {view.axis.at(series.x[at])}: gradients "
            "overflow at every scale, and steps are skipped",
            "Train in bfloat16, clip gradients, or look for the layer that overflows.",
            [evidence(series, float(series.x[at]), before=top, after=end, effect=end / top)],
        )


class WeightsGrow(Rule):
    """The norm of the weights grows without end.

    ## What it does
    Reports a weight norm that at least multiplied by `factor` and is still rising.

    ## Why it matters
    Without weight decay, weights of normalised layers grow and the effective learning rate falls
    with them; in low precision they overflow in the end.

    ## How it decides
    The last tenth's level is at least `factor` times the first tenth's, and the Theil-Sen trend of
    the last third is up (Mann-Kendall, 1%).

    ## What to do
    Add weight decay, or lower the learning rate.

    ## Example
    "params-norm grew 5-fold, from 210 to 1,060, and still grows"

    ## References
    van Laarhoven 2017, "L2 regularization versus batch and weight normalization" (arXiv
    1706.05350).
    """

    code = "OPT017"
    name = "weights-grow"
    live = LATE
    needs = ("weight_norm",)
    symptom_of = ("OPT001", "OPT002")
    thresholds = {"factor": 3.0, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "weight_norm")
        if series is None:
            return
        moved = change(series.y)
        third = 2 * len(series) // 3
        late = trend(series.x[third:], series.y[third:])
        if not (moved.before > 0 and moved.ratio >= self.limits["factor"]):
            return
        if not (late.significant and late.change > 0.02 * moved.before):
            return
        smooth = rolling_median(series.y, 5)
        at = begins(
            smooth, moved.before, moved.after, mad_sigma(series.y[: max(5, len(series) // 10)])
        )
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{series.key} grew {moved.ratio:.1f}-fold, from {number(moved.before)} to "
            f"{number(moved.after)}, and still grows at the end",
            "Add weight decay, or lower the learning rate.",
            [
                evidence(
                    series,
                    float(series.x[at]),
                    before=moved.before,
                    after=moved.after,
                    effect=moved.ratio,
                )
            ],
        )
