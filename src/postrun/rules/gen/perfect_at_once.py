"""An evaluation that is perfect before anything can have been learned."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.gen.evaluation import IN_PERCENT, PERCENT

#: The quantity of R2.
_FIT = "coefficient of determination"


class PerfectAtOnce(Rule):
    """The evaluation is perfect from the first time on.

    ## What it does
    Reports an evaluation accuracy that is practically 1 at the first evaluation and stays there.

    ## Why it matters
    A task that is solved before it was learned is either trivial or leaks: the label is in the input, or
    evaluation samples are in the training set. Results then say nothing about new data.

    ## How it decides
    At least `min_points` evaluations of an accuracy, all at or above `perfect` (of 1 or of 100), or of a
    coefficient of determination (R2), all at or above `perfect_fit`; the first
    within the first `early` of the run. A run that starts from a trained model may be right at once: read
    it as a question.

    ## What to do
    Train on shuffled labels: an evaluation that stays perfect shows the leak. Search the inputs for the
    label, and both sets for the same samples.

    ## Example
    "eval/accuracy is 1 from the first evaluation on (step 30): the label may be in the input, or evaluation
    samples in training"

    ## References
    Kapoor and Narayanan 2022, "Leakage and the reproducibility crisis in ML-based science" (arXiv 2207.07048).
    """

    code = "GEN009"
    name = "perfect-at-once"
    since = "0.2.0"
    live = LATE
    needs = ("accuracy.eval", "score.eval")
    thresholds = {"min_points": 3, "perfect": 0.995, "perfect_fit": 0.999, "early": 0.34}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        end, begin = view.last_x, view.first_x
        for series in view.by_role("accuracy.eval", "score.eval"):
            fit = series.info.quantity == _FIT
            if series.info.role == "score.eval" and not fit:
                continue
            y = series.finite
            if len(y) < self.limits["min_points"] or end is None or begin is None:
                continue
            top = PERCENT if float(y.y.max()) > IN_PERCENT else 1.0
            least = self.limits["perfect_fit" if fit else "perfect"]
            if float(y.y.min()) < least * top or float(y.y.max()) > top:
                continue
            if float(y.x[0]) - begin > self.limits["early"] * (end - begin):
                continue
            yield self.finding(
                Severity.WARNING,
                0.7,
                f"{series.key} is {number(float(y.y[0]))} from the first evaluation on "
                f"({view.axis.at(float(y.x[0]))}): the {'target' if fit else 'label'} may be in the input, or "
                "evaluation samples in training",
                "Train once on shuffled labels: an evaluation that stays perfect shows a leak. Otherwise the "
                "task needs no training.",
                [evidence(y, before=float(y.y[0]), after=float(y.y[-1]))],
            )
            return
