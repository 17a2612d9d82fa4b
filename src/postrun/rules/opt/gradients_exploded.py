"""The gradient norm grew manyfold and stayed there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.settings import allowed_by
from postrun.stats.changepoint import onset
from postrun.stats.levels import begins, lowest
from postrun.stats.robust import mad_sigma, median, smoothed


class GradientsExploded(Rule):
    """The gradient norm grew manyfold and stayed there.

    ## What it does
    Finds the step from which the gradient norm is a multiple of what it had been.

    ## Why it matters
    Growing gradients come before NaN, divergence and, in policy-gradient training, before collapse;
    where they are clipped the update still goes in a direction that one bad batch decides.

    ## How it decides
    On the logarithm of the norm, smoothed by a running median (1% of the run, 5 to 51 values). The
    baseline is the lowest median of a tenth of the run, but not of the first 2% (warm-up). Reported
    where, from some later step on, at least half of the values lie above `factor` baselines and the
    last tenth does. `info` for policy-gradient losses, whose gradient scale follows the advantages,
    unless the norm grew by `policy_factor` times more; and where the training loss (of at least
    `loss_rows` values) ends at its best level all the same.

    ## What to do
    Clip gradients, lower the peak learning rate, look at the batch at the onset.

    ## Example
    "grad_norm grew 32-fold, from 0.41 to 13, from step 700 on"

    ## References
    SageMaker Debugger, rule ExplodingTensor; AutoTrainer (Zhang et al., ICSE 2021) on exploding
    gradients.
    """

    code = "OPT008"
    name = "gradients-exploded"
    lasting = True
    needs = ("grad_norm",)
    symptom_of = ("OPT001", "RL001", "OPT002", "RL017")
    thresholds = {"factor": 10.0, "policy_factor": 10.0, "loss_rows": 20, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "grad_norm")
        if series is None:
            return
        n = len(series)
        log = np.log10(np.maximum(series.y, 1e-30))
        smooth = smoothed(log, 100)
        skip = max(2, n // 50)
        tenth = max(5, n // 10)
        if n < skip + tenth:
            return
        baseline, low = lowest(smooth[skip:], tenth)
        low += skip
        rise = float(np.log10(self.limits["factor"]))
        at = onset(smooth[low:], baseline, rise)
        end = median(smooth[-tenth:])
        if at is None or end < baseline + rise:
            return
        noise = mad_sigma(smooth[low : low + tenth])
        begin = low + begins(smooth[low:], baseline, end, noise)
        before, after = 10**baseline, 10**end
        policy = view.has("reward", "kl.policy", "kl.mismatch") and not view.has("loss.train")
        most = self.limits["policy_factor"] * self.limits["factor"] * before
        mild = (policy and after < most) or _fine(view, self.limits["loss_rows"])
        yield self.finding(
            Severity.INFO if mild else Severity.WARNING,
            0.85,
            f"{series.key} grew {number(after / before, 2)}-fold, from {number(before, 3)} to "
            f"{number(after, 3)}, from {view.axis.at(series.x[begin])} on",
            "Clip gradients, lower the peak learning rate, and look at the batch where it begins."
            f"{allowed_by(view)}",
            [
                evidence(
                    series,
                    float(series.x[begin]),
                    before=before,
                    after=after,
                    effect=after / before,
                )
            ],
        )


def _fine(view: RunView, rows: float) -> bool:
    """Return whether a training loss of at least `rows` values ends as low as it ever was."""
    losses = [s for s in view.by_role("loss.train") if len(s.finite) >= rows]
    curves = [view.curve(series.key) for series in losses]
    return bool(curves) and all(c.turned is None and c.never_moved is False for c in curves)
