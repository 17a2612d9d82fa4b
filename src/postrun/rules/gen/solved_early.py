"""Tasks that are solved before all of the data was seen."""

from __future__ import annotations

import math
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.stats.robust import median


class SolvedEarly(Rule):
    """The training loss is near 0 before the first epoch ends.

    ## What it does
    Reports a task of two answers that is solved within its first epoch, and that no evaluation checks.

    ## Why it matters
    Within the first epoch each sample is new, so this is no memorising: either the task is trivial, or
    something beside the content gives the answer away (length, order, a marker, a leak). Training on brings
    nothing, and the model has learned the shortcut.

    ## How it decides
    A training loss with at least `min_rows` values that starts within `close` of ln 2 (relative), what guessing
    between two answers costs, and whose last level is at most `solved`; an epoch counter that has not reached
    1; no metric of an evaluation.

    ## What to do
    Evaluate on other data; test a baseline that sees only lengths or positions; shuffle the answers.

    ## Example
    "train/loss fell from 0.691 (ln 2, guessing) to 0.02 within 0.41 epochs: unless the task is trivial, a
    shortcut or a leak gives the answers"
    """

    code = "GEN010"
    name = "solved-early"
    since = "0.2.0"
    needs = ("loss.train",)
    thresholds = {"min_rows": 15, "close": 0.05, "solved": 0.05}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, epoch = self.usable(view, "loss.train"), view.first("progress.epoch")
        if series is None or epoch is None or not len(epoch.finite) or view.has(*HELD_OUT):
            return
        seen = float(epoch.finite.y.max())
        first, last = float(series.y[0]), median(series.y[-max(3, len(series) // 20) :])
        if not 0 < seen < 1 or last > self.limits["solved"] or last < 0:
            return
        if abs(first - math.log(2)) > self.limits["close"] * math.log(2):
            return
        yield self.finding(
            Severity.INFO,
            0.7,
            f"{series.key} fell from {number(first, 3)} (ln 2, guessing) to {number(last, 2)} within "
            f"{number(seen, 2)} epochs: unless the task is trivial, a shortcut or a leak gives the "
            "answers",
            "Evaluate on other data; test a baseline that sees only lengths or positions; look for a leak.",
            [evidence(series, before=first, after=last, effect=seen)],
        )
