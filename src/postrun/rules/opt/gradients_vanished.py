"""The gradient norm fell to nothing while the loss still is high."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import median, rolling_median


class GradientsVanished(Rule):
    """The gradient norm fell to nothing while the loss still is high.

    ## What it does
    Reports gradients that are, or become, so small that nothing is learned.

    ## Why it matters
    Saturated or dead units, a loss that is masked out, a detached graph: the run goes on and
    changes nothing.

    ## How it decides
    Medians of the first and the last tenth of the run (after the first 2%). Vanished: the end is
    below `kept_share` of the start, or below `floor` throughout, and the training loss (of at least
    `loss_rows` values) is not solved: it ends above `solved_share` of where it began. A model that fits
    its data perfectly has small gradients and is not reported; nor is one that converged: its loss fell
    below `converged_share` of where it began, ends within `at_minimum` of its minimum and varies by
    less than `still_share` of its level, as full-batch training does at an optimum.

    A norm that is 0 in every row, beside a loss that never fell below `never_share` of where it began, is
    `critical`: nothing was trained. Not in a run with a reward, which may be the same for all samples.

    ## What to do
    Look at activations layer by layer; check that the loss depends on the weights and is not masked.

    ## Example
    "grad_norm fell from 0.8 to 3e-07 by step 400, while train/loss stays at 2.3"

    ## References
    SageMaker Debugger, rule VanishingGradient (threshold 1e-7); DeepDiagnosis (Wardat et al., ICSE
    2022).
    """

    code = "OPT009"
    name = "gradients-vanished"
    lasting = True
    needs = ("grad_norm",)
    thresholds = {
        "kept_share": 1e-3,
        "floor": 1e-7,
        "solved_share": 0.1,
        "converged_share": 0.8,
        "at_minimum": 0.01,
        "still_share": 1e-3,
        "loss_rows": 20,
        "min_rows": 50,
        "never_share": 0.95,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, loss = self.usable(view, "grad_norm"), view.first("loss.train")
        if series is None or loss is None:
            return
        loss = loss.finite
        if len(loss) < self.limits["loss_rows"]:
            return
        y = series.y[max(2, len(series) // 50) :]
        tenth = max(5, len(y) // 10)
        start, end = median(y[:tenth]), median(y[-tenth:])
        late, first = loss.y[-max(5, len(loss) // 10) :], median(loss.y[:5])
        level = median(late)
        still = float(np.ptp(late)) < self.limits["still_share"] * abs(level)
        still = still and level <= loss.y.min() * (1 + self.limits["at_minimum"])
        converged = still and level < self.limits["converged_share"] * first
        solved = level < self.limits["solved_share"] * first or converged
        small = end < self.limits["kept_share"] * start or max(start, end) < self.limits["floor"]
        if not float(series.y.max()) > 0:
            yield from self._none(view, series, loss)
            return
        if solved or not small or start <= 0:
            return
        smooth = rolling_median(np.log10(np.maximum(series.y, 1e-30)), 5)
        floor = float(np.log10(max(end, 1e-30)))
        # Where it is first within a factor of ten of its end, or half-way down, whichever is lower.
        bar = max(floor + 1, 0.5 * (floor + float(np.log10(start))))
        k = int(np.argmax(smooth <= bar))
        step = float(series.x[k])
        fell = (
            f"{series.key} fell from {number(start, 3)} to {number(end, 3)} by {view.axis.at(step)}"
        )
        if end >= self.limits["kept_share"] * start:
            fell = f"{series.key} is at {number(end, 2)} from the first row on"
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{fell}, while "
            f"{loss.key} stays at {number(level)}: almost nothing is learned any more",
            "Look for saturated or dead units layer by layer; check that the loss is not masked out "
            "and depends on the weights.",
            [
                evidence(series, step, before=start, after=end, effect=end / start),
                evidence(loss, step, before=float(loss.y[0]), after=level),
            ],
        )

    def _none(self, view: RunView, norm: Series, loss: Series) -> Iterator[Finding]:
        """The norm is 0 in every row, and the loss stands."""
        first, lowest = median(loss.y[:5]), float(rolling_median(loss.y, 5).min())
        if view.has("reward", "loss.policy") or lowest < self.limits["never_share"] * first:
            return
        yield self.finding(
            Severity.CRITICAL,
            0.9,
            f"{norm.key} is 0 in all {len(norm):,} rows while {loss.key} stays at {number(lowest)}: "
            "no gradient reaches the weights, and nothing was trained",
            "Check which parameters require a gradient (a frozen model, adapters that are not attached), and "
            "that the loss is not detached.",
            [evidence(norm, before=0.0, after=0.0), evidence(loss, before=first, after=lowest)],
        )
