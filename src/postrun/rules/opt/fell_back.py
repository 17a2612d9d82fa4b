"""Trainings whose last values are worse than the first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.stats.robust import median

_PAIRS = (
    ("accuracy.eval", "loss.eval"),
    ("accuracy.train", "loss.train"),
    ("score.eval", "loss.eval"),
    ("accuracy.eval", "loss.train"),
)


class FellBack(Rule):
    """The last values are worse than the first ones.

    ## What it does
    Reports a run that had learned and whose last row is worse than where it began, in its loss and in
    its accuracy at once.

    ## Why it matters
    The state at the end is what is saved and used. A curve of few values hides such an end: smoothed or
    summarised by its best value, the run looks well.

    ## How it decides
    A loss and an accuracy (or score) of the same rows with `min_rows` to `max_rows` values. Both had gained
    (the value before the last is better than the first, and no worse than the `quantile` of all before the
    last), the last value of both is worse than the first, and the last change of both is more than `jump` times
    the median change before it. Longer series are judged by OPT002 and GEN004.

    ## What to do
    Use the checkpoint before the fall. Then look at what happened in the last round: the learning rate, a
    batch or a client with odd data, non-finite gradients.

    ## Example
    "At its last value acc fell from 0.668 to 0.276 and loss rose from 0.929 to 3.415: worse than at the start"
    """

    code = "OPT026"
    name = "fell-back"
    since = "0.2.0"
    live = END
    needs = ("accuracy.eval", "accuracy.train", "score.eval")
    symptom_of = ("OPT001", "OPT002")
    thresholds = {"min_rows": 5, "max_rows": 40, "quantile": 0.6, "jump": 2.5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for roles in _PAIRS:
            score, loss = (view.first(role) for role in roles)
            if score is None or loss is None:
                continue
            score, loss = score.finite, loss.finite
            if not (self._fell(score) and self._fell(loss) and score.x[-1] == loss.x[-1]):
                continue
            at = float(score.x[-1])
            a, b = score.y[-2:], loss.y[-2:]
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"At its last value {score.key} fell from {number(float(a[0]), 3)} to "
                f"{number(float(a[1]), 3)} and {loss.key} rose from {number(float(b[0]))} to "
                f"{number(float(b[1]))}: worse than at the start",
                "Use the checkpoint before the fall. Then look at the learning rate, the data and the "
                "gradients of the last part of the run.",
                [
                    evidence(s, at, before=float(s.y[-2]), after=float(s.y[-1]))
                    for s in (score, loss)
                ],
            )
            return

    def _fell(self, series: Series) -> bool:
        y = series.y * series.info.sign
        if not self.limits["min_rows"] <= len(y) <= self.limits["max_rows"]:
            return False
        usual = median(np.abs(np.diff(y[:-1])))
        high = float(np.quantile(y[:-1], self.limits["quantile"]))
        had_gained = float(y[-2]) > float(y[0]) and float(y[-2]) >= high
        return had_gained and y[-1] < y[0] and float(y[-2] - y[-1]) > self.limits["jump"] * usual
