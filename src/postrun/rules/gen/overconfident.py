"""The evaluation loss rises while the evaluation accuracy holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.chance import only_guesses
from postrun.stats.robust import median, noise_sigma, of_three


class Overconfident(Rule):
    """The evaluation loss rises while the evaluation accuracy holds.

    ## What it does
    Reports evaluations that disagree: a loss well above its best, an accuracy as good as ever.

    ## Why it matters
    The model's answers stay right and its probabilities become wrong: it is too sure of its errors.
    Whether that is overfitting depends on what is used, the answers or the probabilities.

    ## How it decides
    At least `min_points` evaluations of both. The best loss lies in the first `best_before` of them,
    and the last loss level is above it by more than `sigmas` standard deviations of its noise and by
    `share` of it; the accuracy's last level is within its noise of its best, or better than at the
    loss's best step; and it is better than guessing that would cost the best loss. Not if any evaluation
    accuracy has turned.

    ## What to do
    Calibrate (temperature scaling), smooth labels, or stop at the best loss if probabilities matter.

    ## Example
    "val_loss rises from 0.41 to 0.63 while val_acc goes from 0.86 to 0.87: right answers, wrong
    probabilities"

    ## References
    Guo et al. 2017, "On calibration of modern neural networks" (arXiv 1706.04599).
    """

    code = "GEN007"
    name = "overconfident"
    lasting = True
    needs = ("accuracy.eval",)
    symptom_of = ("GEN001",)
    thresholds = {"min_points": 8, "best_before": 0.8, "sigmas": 3.0, "share": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        loss, score = view.first("loss.eval"), view.first("accuracy.eval")
        if loss is None or score is None:
            return
        if any(view.curve(s.key).turned is not None for s in view.by_role("accuracy.eval")):
            return  # some answers do not hold
        loss, score = loss.finite, score.finite
        if min(len(loss), len(score)) < self.limits["min_points"]:
            return
        smooth = of_three(loss.y)
        k = int(np.argmin(smooth))
        best, end = float(smooth[k]), median(loss.y[-3:])
        least = max(self.limits["sigmas"] * noise_sigma(loss.y), self.limits["share"] * abs(best))
        if k > self.limits["best_before"] * len(loss) or end - best <= least:
            return
        then = median(
            score.between(float(loss.x[max(0, k - 1)]), float(loss.x[min(k + 1, len(loss) - 1)])).y
        )
        now, noise = median(score.y[-3:]), noise_sigma(score.y)
        if not now >= then - noise or only_guesses(best, max(then, now)):
            return
        step = float(loss.x[k])
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{loss.key} rises from {number(best)} ({view.axis.at(step)}) to {number(end)} while "
            f"{score.key} goes "
            f"from {number(then)} to {number(now)}: the answers hold, the probabilities become too sure",
            "Calibrate or smooth labels; stop at the best loss if probabilities matter.",
            [
                evidence(loss, step, before=best, after=end),
                evidence(score, step, before=then, after=now),
            ],
        )
