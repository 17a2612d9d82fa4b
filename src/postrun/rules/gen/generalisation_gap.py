"""Training accuracy is far above evaluation accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.evaluation import IN_PERCENT, PERCENT
from postrun.rules.gen.turns import steering
from postrun.stats.levels import change


class GeneralisationGap(Rule):
    """Training accuracy is far above evaluation accuracy.

    ## What it does
    Reports the gap between training and evaluation accuracy at the end of the run.

    ## Why it matters
    What the model can do on data that it has seen says little about what it was trained for; the gap
    is what more data or regularisation could win.

    ## How it decides
    Both accuracies in one unit (fraction or percent) with at least `min_points` values; medians of the
    last tenth differ by more than `gap` (of 1), beyond `sigmas` standard errors. `info`; `warning` from twice
    that gap on where the evaluation accuracy never moved: then nothing was learned but the training data.

    ## What to do
    More data or augmentation, weight decay, dropout, a smaller model, earlier stopping.

    ## Example
    "train_acc ends at 0.998, val_acc at 0.71: a gap of 0.29"
    """

    code = "GEN006"
    name = "generalisation-gap"
    needs = ("accuracy.eval",)
    symptom_of = ("GEN001",)
    thresholds = {"gap": 0.15, "sigmas": 3.0, "min_points": 5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train = view.first("accuracy.train")
        held_out = next((s for s in steering(view, "accuracy.eval") if len(s)), None)
        if train is None or held_out is None:
            return
        never = view.curve(held_out.key).never_moved is True
        train, held_out = train.finite, held_out.finite
        if min(len(train), len(held_out)) < self.limits["min_points"]:
            return
        tops = train.y.max(), held_out.y.max()
        scale = PERCENT if max(tops) > IN_PERCENT else 1.0
        if max(tops) > PERCENT or (tops[0] > IN_PERCENT) != (tops[1] > IN_PERCENT):
            return
        a, b = change(train.y, 0.1, 3), change(held_out.y, 0.1, 3)
        gap = (a.after - b.after) / scale
        error = float(np.hypot(a.error, b.error)) / scale
        if gap <= max(self.limits["gap"], self.limits["sigmas"] * error):
            return
        yield self.finding(
            Severity.WARNING if never and gap > 2 * self.limits["gap"] else Severity.INFO,
            0.8,
            f"{train.key} ends at {number(a.after, 3)}, {held_out.key} at {number(b.after, 3)}: a gap of "
            f"{100 * gap:.0f} points",
            "More data or augmentation, weight decay, dropout, a smaller model, or earlier stopping.",
            [
                evidence(held_out, before=a.after, after=b.after, effect=gap),
                evidence(train, after=a.after),
            ],
        )
