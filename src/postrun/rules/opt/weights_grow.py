"""The norm of the weights grows without end."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, rolling_median
from postrun.stats.trend import trend


class WeightsGrow(Rule):
    """The norm of the weights grows without end.

    ## What it does
    Reports a weight norm that at least multiplied by `factor` and is still rising.

    ## Why it matters
    Without weight decay, weights of normalised layers grow and the effective learning rate falls
    with them; in low precision they overflow in the end.

    ## How it decides
    The last tenth's level is at least `factor` times the first tenth's, and the Theil-Sen trend of
    the last third is up (Mann-Kendall, 1%), by more than `late_share` of the first tenth's level.

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
    thresholds = {"factor": 3.0, "late_share": 0.02, "min_rows": 50}

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
        if not (late.significant and late.change > self.limits["late_share"] * moved.before):
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
