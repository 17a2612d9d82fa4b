"""Training began at the full learning rate, and shook."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.rates import logged_rate
from postrun.rules.opt.settings import allowed_by
from postrun.stats.robust import median, noise_sigma, rolling_median


class WarmUpMissing(Rule):
    """Training began at the full learning rate, and shook.

    ## What it does
    Reports a run that starts at its peak learning rate and whose loss rises well above its first
    value in the first steps.

    ## Why it matters
    Adam's second moments are guesses in the first steps; at full rate they throw the weights far
    off, and some of that is never made good.

    ## How it decides
    The first logged learning rate is at least `peak_share` of the peak, no later than row 3, and within the
    first `early_share` of the run the training loss, smoothed over three values, reaches `factor` times its
    first value (for losses above 0), `sigmas` standard deviations of the noise above it, and `beyond` times the
    99% quantile of what follows (smoothed alike: the first batch may be an easy one). A gradient norm (of at
    least `norm_rows` values) that was `norm_factor` times its later median then is named as evidence.

    ## What to do
    Warm the rate up over the first 1-5% of the steps.

    ## Example
    "train/loss rose from 4.6 to 31 in the first 20 steps, at the full learning rate from the start"

    ## References
    Liu et al. 2020, "On the variance of the adaptive learning rate and beyond" (arXiv 1908.03265).
    """

    code = "OPT012"
    name = "warm-up-missing"
    needs = ("lr",)
    thresholds = {
        "peak_share": 0.9,
        "early_share": 0.05,
        "factor": 2.0,
        "sigmas": 6.0,
        "beyond": 1.5,
        "norm_factor": 30.0,
        "norm_rows": 50,
        "min_rows": 100,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rate, loss = logged_rate(view), view.first("loss.train")
        if rate is None or loss is None or len(loss.finite) < self.limits["min_rows"]:
            return
        if (
            rate.y[: min(3, len(rate))].max() < self.limits["peak_share"] * rate.y.max()
            or rate.x[0] > loss.x[min(5, len(loss) - 1)]
        ):
            return
        loss = loss.finite
        early = loss.y[: max(5, int(self.limits["early_share"] * len(loss)))]
        smooth = rolling_median(early, 3)
        first, worst = float(early[0]), float(smooth.max())
        noise = max(noise_sigma(loss.y[len(early) :]), noise_sigma(early))
        above = first + self.limits["sigmas"] * noise
        if not (first > 0 and worst > max(self.limits["factor"] * first, above)):
            return
        # The first batch may be an easy one: what later batches cost is no rise.
        later = rolling_median(loss.y[len(early) :], 3)
        if worst <= self.limits["beyond"] * float(np.quantile(later, 0.99)):
            return
        at = float(loss.x[int(np.argmax(early))])
        proofs = [
            evidence(loss, float(loss.x[0]), at, before=first, after=worst, effect=worst / first)
        ]
        norm = view.first("grad_norm")
        if norm is not None and len(norm.finite) >= self.limits["norm_rows"]:
            y = norm.finite
            usual, high = median(y.y), float(y.y[: len(early)].max())
            if usual > 0 and high > self.limits["norm_factor"] * usual:
                proofs.append(
                    evidence(y, float(y.x[0]), at, before=usual, after=high, effect=high / usual)
                )
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{loss.key} rose from {number(first)} to {number(worst)} by {view.axis.at(at)}, at the full "
            f"learning rate ({number(float(rate.y[0]))}) from the first step on",
            f"Warm the learning rate up over the first 1-5% of the steps.{allowed_by(view)}",
            proofs,
        )
