"""The evaluation is better than training, throughout."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.gen.evaluation import PERCENT, around_evaluations

#: Of more evaluations than the second, so many show whether it is worth looking at all.
_FEW_SHOW, _MANY = 500, 2000


class EvalBetterThanTrain(Rule):
    """The evaluation is better than training, throughout.

    ## What it does
    Reports an evaluation loss below the training loss at nearly every evaluation.

    ## Why it matters
    Dropout, augmentation, label smoothing, noisy training labels and an average over a whole epoch
    make the training loss look worse, and that is harmless. So does training data in the evaluation
    set, and that makes every result worthless.

    ## How it decides
    At each evaluation, the training loss is the median of the values around it, half-way to the next
    evaluations. Reported where, at
    `share` of at least `min_points` evaluations, the evaluation loss is lower by more than
    `gap_share` of the training loss. `warning` where an evaluation accuracy reaches `perfect` (of 1 or
    of 100) while the training loss is more than `leak_factor` times the evaluation loss; else `info`.

    ## What to do
    Evaluate once on the training set with the evaluation's settings: the same value means dropout or
    augmentation; otherwise search the two sets for the same samples.

    ## Example
    "val/loss is below train/loss at 19 of 20 evaluations (0.31 against 0.52 at the end)"

    ## References
    Kapoor and Narayanan 2022, "Leakage and the reproducibility crisis in ML-based science"
    (arXiv 2207.07048).
    """

    code = "GEN002"
    name = "eval-better-than-train"
    live = LATE
    needs = ("loss.eval",)
    symptom_of = ("GEN013",)
    thresholds = {
        "share": 0.8,
        "gap_share": 0.15,
        "perfect": 0.995,
        "leak_factor": 2.0,
        "min_points": 5,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train, held_out = view.first("loss.train"), view.first("loss.eval")
        if train is None or held_out is None:
            return
        train, held_out = train.finite, held_out.finite
        n = len(held_out)
        if n < self.limits["min_points"] or len(train) < n or train.y.min() < 0:
            return
        if n > _MANY:  # a part of them shows that it is not so, as nearly always
            some = held_out.take(np.linspace(1, n - 1, _FEW_SHOW).astype(np.int64))
            lower = some.y < around_evaluations(train, some.x) * (1 - self.limits["gap_share"])
            if lower.mean() < self.limits["share"] / 2:
                return
        around = around_evaluations(train, held_out.x)
        lower = held_out.y < around * (1 - self.limits["gap_share"])
        # The first evaluation stands against losses from before the model knew anything.
        lower, count = lower[1:], n - 1
        if lower.mean() < self.limits["share"]:
            return
        score = view.first("accuracy.eval")
        top = float(score.finite.y.max()) if score is not None and len(score.finite) else 0.0
        perfect = self.limits["perfect"]
        solved = perfect <= top <= 1 or PERCENT * perfect <= top <= PERCENT
        leak = solved and around[-1] > self.limits["leak_factor"] * held_out.y[-1]
        yield self.finding(
            Severity.WARNING if leak else Severity.INFO,
            0.6,
            f"{held_out.key} is below {train.key} at {int(lower.sum())} of {count} evaluations "
            f"({number(float(held_out.y[-1]), 3)} against {number(float(around[-1]), 3)} at the end): dropout "
            "or augmentation in training, or sets that overlap",
            "Evaluate once on the training set with the evaluation's settings; if the gap stays, search "
            "both sets for the same samples.",
            [
                evidence(
                    held_out,
                    before=float(around[-1]),
                    after=float(held_out.y[-1]),
                    effect=float(lower.mean()),
                ),
                evidence(train),
            ],
        )
