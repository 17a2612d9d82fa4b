"""Gradients are clipped at nearly every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import median


class AlwaysClipped(Rule):
    """Gradients are clipped at nearly every step.

    ## What it does
    Compares the logged gradient norm with the configured clipping threshold.

    ## Why it matters
    Clipping is meant for the odd bad batch. Where it acts at every step it normalises the gradient:
    the step size no longer follows it, and the threshold has become part of the learning rate.

    ## How it decides
    After the first 5% of the run, at least `share` of the values are above the configured threshold
    by more than `near` of it (a norm logged before clipping), or at least that share lies within `near`
    of it (logged after clipping).

    ## What to do
    Raise the threshold to a high quantile of the norm, or lower the learning rate; look for a loss
    that is summed rather than averaged.

    ## Example
    "train/grad_norm is above max_grad_norm (1) in 97% of the rows, median 6.2"

    ## References
    Zhang et al. 2020, "Why gradient clipping accelerates training" (arXiv 1905.11881).
    """

    code = "OPT010"
    name = "always-clipped"
    live = LATE
    needs = ("grad_norm",)
    thresholds = {"share": 0.9, "near": 0.01, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, limit = self.usable(view, "grad_norm"), view.number("max_grad_norm")
        if series is None or limit is None:
            return
        y = series.y[len(series) // 20 :]
        name, bar = limit
        near = self.limits["near"]
        above = float(np.mean(y > (1 + near) * bar))
        equal = float(np.mean(np.abs(y / bar - 1) <= near))
        if max(above, equal) < self.limits["share"]:
            return
        after = equal > above
        how = "equals" if after else "is above"
        yield self.finding(
            Severity.INFO,
            0.85,
            f"{series.key} {how} {name} ({bar:g}) in {100 * max(above, equal):.0f}% of the rows"
            + ("" if after else f", median {number(median(y), 3)}")
            + ": clipping acts at nearly every step",
            "Raise the threshold to a high quantile of the norm, or lower the learning rate; check "
            "that the loss is averaged, not summed.",
            [evidence(series, float(series.x[len(series) // 20]), before=bar, after=median(y),
                      effect=max(above, equal))],
        )  # fmt: skip
