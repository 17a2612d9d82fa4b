"""The loss scale of mixed precision fell to nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.levels import change


class LossScaleCollapsed(Rule):
    """The loss scale of mixed precision fell to nothing.

    ## What it does
    Reports a dynamic loss scale that fell to 1 or less, or to a thousandth of its highest level.

    ## Why it matters
    The scale is halved at each overflow and doubled again after many good steps: one that goes on
    falling means that gradients overflow at every scale, and steps are skipped.

    ## How it decides
    At least `min_rows` values; the last tenth's median is at most 1, or below `share` of the
    highest values (their 95th percentile).

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
        highest = float(series.y.max())
        at = int(np.argmax(series.y <= max(1.0, self.limits["share"] * top)))
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{series.key} fell from {number(highest)} to {number(end)} by {view.axis.at(series.x[at])}: "
            "gradients overflow at every scale, and steps are skipped",
            "Train in bfloat16, clip gradients, or look for the layer that overflows.",
            [
                evidence(
                    series, float(series.x[at]), before=highest, after=end, effect=end / highest
                )
            ],
        )
