"""A test result far from what the evaluation promised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, PREVIEW, Rule, evidence
from postrun.rules.gen.evaluation import PERCENT
from postrun.stats.robust import median, noise_sigma


class LowerOnTest(Rule):
    """The test result is far below the evaluation's.

    ## What it does
    Compares the last test result with the evaluations of the same quantity.

    ## Why it matters
    The evaluation chose the checkpoint and the settings; the test did not. A test far below it means that the
    test data differ, that the evaluation set leaks into training, or that the choice was fitted to it.

    ## How it decides
    A score or accuracy between 0 and 1 (or 0 and 100) that is logged both of a test set and of an evaluation
    set under one quantity, with at least `min_points` evaluations and at most one test for every two of them.
    The last test lies more than `told` (of 1) below the median of the last fifth of the evaluations, beyond
    `sigmas` standard deviations of their noise, and below nine tenths of all evaluations of the second half.
    `warning` from `gap` on, else `info`. Of a loss or an error above 0: the last test is at least `times` the
    median of the last fifth of the evaluations, beyond that noise, and above all of the second half; `warning`
    from `far` times on.

    ## What to do
    Compare how both sets were drawn and preprocessed; report the test result, not the evaluation.

    ## Example
    "test/dice is 0.608 while val/dice ends at 0.864: a gap of 26 points"

    ## References
    Recht et al. 2019, "Do ImageNet classifiers generalize to ImageNet?" (arXiv 1902.10811).
    """

    code = "GEN012"
    name = "test-below-evaluation"
    since = "0.2.0"
    status = PREVIEW
    live = END
    needs = ("accuracy.eval", "score.eval", "loss.eval")
    symptom_of = ("GEN001",)
    thresholds = {
        "gap": 0.1,
        "told": 0.04,
        "sigmas": 6.0,
        "min_points": 4,
        "times": 1.5,
        "far": 2.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the widest gap."""
        found: list[tuple[float, Series, Series, float]] = []
        scores = [s for s in view.by_role(*self.needs) if len(s.finite) and s.info.sign > 0]
        for test in scores:
            for held_out in scores:
                if test.info.split == "test" and held_out.info.split == "eval":
                    gap, level = self._gap(test.finite, held_out.finite)
                    if gap:
                        found.append((gap, test.finite, held_out.finite, level))
        if not found:
            yield from self._errors(view)
            return
        gap, test, held_out, level = max(found, key=lambda item: item[0])
        last = float(test.y[-1])
        yield self.finding(
            Severity.WARNING if gap > self.limits["gap"] else Severity.INFO,
            0.8,
            f"{test.key} is {number(last, 3)} while {held_out.key} ends at {number(level, 3)}: a gap of "
            f"{100 * gap:.0f} points",
            "Compare how both sets were drawn and preprocessed, and search for evaluation samples in training. "
            "Report the test result.",
            [
                evidence(test, before=level, after=last, effect=gap),
                evidence(held_out, after=level),
            ],
        )

    def _errors(self, view: RunView) -> Iterator[Finding]:
        """One finding for the loss or error that is most times the evaluation's."""
        errors = [s.finite for s in view.by_role("loss.eval", "score.eval") if s.info.sign < 0]
        found = [
            (times, test, held_out)
            for test in errors
            for held_out in errors
            if test.info.split == "test" and held_out.info.split == "eval"
            if (times := self._times(test, held_out))
        ]
        if not found:
            return
        times, test, held_out = max(found, key=lambda item: item[0])
        last = float(test.y[-1])
        yield self.finding(
            Severity.WARNING if times >= self.limits["far"] else Severity.INFO,
            0.8,
            f"{test.key} is {number(last, 3)} while {held_out.key} ends at {number(last / times, 3)}: "
            f"the test is {number(times, 2)} times as far off",
            "Compare how both sets were drawn, scaled and preprocessed, and search for evaluation samples in "
            "training. Report the test result.",
            [
                evidence(test, before=last / times, after=last, effect=times),
                evidence(held_out, after=last / times),
            ],
        )

    def _times(self, test: Series, held_out: Series) -> float:
        """Return how many times the evaluations' error a test's is, 0 if that is within the usual."""
        a, b, y = test.info, held_out.info, held_out.y
        if (a.quantity, a.stat, a.index) != (b.quantity, b.stat, b.index) or not len(test):
            return 0.0
        if len(y) < self.limits["min_points"] or float(y.min()) <= 0 or 2 * len(test) > len(y):
            return 0.0
        level, last = median(y[-max(3, len(y) // 5) :]), float(test.y[-1])
        beyond = last - level > self.limits["sigmas"] * noise_sigma(y)
        if (
            not beyond
            or last <= float(y[len(y) // 2 :].max())
            or last < self.limits["times"] * level
        ):
            return 0.0
        return last / level

    def _gap(self, test: Series, held_out: Series) -> tuple[float, float]:
        """Return how far a test lies below the evaluations (of 1), 0 if it does not, and their level."""
        a, b, y = test.info, held_out.info, held_out.y
        if (a.quantity, a.stat) != (b.quantity, b.stat) or len(y) < self.limits["min_points"]:
            return 0.0, 0.0
        highest = max(float(y.max()), float(test.y.max()))
        if float(y.min()) < 0 or highest > PERCENT or 2 * len(test) > len(y):
            return 0.0, 0.0
        scale = PERCENT if highest > 1 else 1.0
        level = median(y[-max(3, len(y) // 5) :])
        lost = level - float(test.y[-1])
        low = float(np.quantile(y[len(y) // 2 :], 0.1))
        if (scale == PERCENT) != (float(test.y[-1]) > 1) or float(test.y[-1]) >= low:
            return 0.0, 0.0
        noise = self.limits["sigmas"] * noise_sigma(y)
        enough = lost > max(self.limits["told"] * scale, noise)
        return (lost / scale if enough else 0.0), level
