"""Evaluation gets worse while training goes on improving."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import bin_medians, median, noise_sigma
from postrun.stats.trend import trend
from postrun.training.checkpoints import go_back


class Overfitting(Rule):
    """Evaluation loss rises while training loss falls.

    ## What it does
    Reports the step from which the evaluation loss gets worse although the training loss still
    improves.

    ## Why it matters
    From there on the model learns its training data, not the task; the last checkpoint is not the
    best one.

    ## How it decides
    At least `min_points` evaluations. Best is the lowest evaluation loss smoothed over three
    points; end the median of the last tenth (two points at least). Overfitting: the end is above
    the best by more than `noise_sigmas` times the evaluation's noise and by more than `rise_share` of
    the fall from start to best or by a tenth of the best, and the training loss fell after the best step:
    its Theil-Sen change is negative and significant, or more than `train_fall` of its level and either
    of fewer than 10 values or more than `train_sigmas` times its noise (a smooth curve of few values
    is too correlated for the test). `critical` if the end is above the start.

    ## What to do
    Use the checkpoint at the best step; more data, augmentation, dropout or weight decay, or fewer
    epochs.

    ## Example
    "val_loss is best at step 1,200 (0.41) and rises to 0.63 while train_loss goes on falling"

    ## References
    Prechelt 1998, "Early stopping - but when?" (generalisation loss); SageMaker Debugger, rule
    Overfit.
    """

    code = "GEN001"
    name = "overfitting"
    needs = ("loss.eval",)
    # train_sigmas: of 10 values, a Theil-Sen change has a standard error of 1.1 times their noise.
    thresholds = {
        "min_points": 5,
        "noise_sigmas": 3.0,
        "rise_share": 0.1,
        "train_fall": 0.02,
        "train_sigmas": 6.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per evaluation loss."""
        train = next((s.finite for s in view.by_role("loss.train") if len(s.finite) >= 5), None)
        if train is None:
            return
        for series in view.by_role("loss.eval"):
            finding = self._judge(view, series.finite, train)
            if finding:
                yield finding

    def _judge(self, view: RunView, held_out: Series, train: Series) -> Finding | None:
        n = len(held_out)
        if n < self.limits["min_points"]:
            return None
        _, levels, first = bin_medians(held_out.x, held_out.y, 200)
        smooth = levels.copy()
        if len(levels) >= 7:
            smooth[1:-1] = (levels[:-2] + levels[1:-1] + levels[2:]) / 3
        k = int(np.argmin(smooth))
        best, start = float(smooth[k]), float(levels[0])
        end = median(levels[-max(2, len(levels) // 10) :])
        noise = noise_sigma(levels)
        rise, fall = end - best, max(start - best, 0.0)
        if k > 0.85 * len(levels) or n - int(first[k]) < 3:
            return None
        if rise <= self.limits["noise_sigmas"] * noise:
            return None
        # The fall from a random start may be so large that no rise after it is a share of it.
        if rise <= min(self.limits["rise_share"] * fall, 0.1 * abs(best)):
            return None
        if rise <= 0.01 * abs(best):
            return None
        at = float(held_out.x[first[k]])
        after = train.between(at, np.inf)
        if len(after) < 3:
            return None
        if not self._falls(after):
            return None
        ended = median(after.y[-max(1, len(after) // 10) :])
        return self.finding(
            Severity.CRITICAL if end > start else Severity.WARNING,
            0.9 if rise > 6 * noise and n >= 8 else 0.75,
            f"{held_out.key} is best at {held_out.axis.at(at)} ({number(best)}) and rises to "
            f"{number(end)} at the end, while {train.key} goes on falling: overfitting from there on",
            f"{go_back(view, at)} Train shorter, or regularise (more data, augmentation, dropout, weight "
            "decay).",
            [
                evidence(
                    held_out, at, before=best, after=end, effect=rise / noise if noise else None
                ),
                evidence(after, at, before=float(after.y[0]), after=ended),
            ],
        )

    def _falls(self, train: Series) -> bool:
        """Return whether a training loss falls."""
        moved = trend(train.x, train.y)
        if moved.change >= 0 or moved.significant:
            return moved.change < 0
        clear = len(train) < 10 or -moved.change > self.limits["train_sigmas"] * noise_sigma(
            train.y
        )
        return clear and -moved.change > self.limits["train_fall"] * abs(median(train.y))
