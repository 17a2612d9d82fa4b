"""Evaluation gets worse while training goes on improving."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.turns import damaged, steering, turn
from postrun.rules.opt.chance import only_guesses
from postrun.stats.robust import median, noise_sigma, of_three
from postrun.stats.trend import trend
from postrun.training.checkpoints import go_back

#: An accuracy of so many values that lost at most this share of its gain holds.
_POINTS, _KEPT = 5, 0.02
#: Training losses after the best evaluation that show a trend; below the second, it has no noise to tell.
_AFTER, _FEW = 3, 10
#: Evaluations from which the finding is sure.
_SURE = 8


class Overfitting(Rule):
    """Evaluation loss rises while training loss falls.

    ## What it does
    Reports the step from which the evaluation loss gets worse although the training loss still
    improves.

    ## Why it matters
    From there on the model learns its training data, not the task; the last checkpoint is not the
    best one.

    ## How it decides
    At least `min_points` evaluations whose level turned: the best one is better than the end beyond what
    noise does in one series of a hundred. The end is above the best by more than `rise_share` of the fall
    from the first evaluation or than `of_best` times the best, and by at least `least_rise` of the best; and
    the training loss (of at least `train_rows` values) went on falling (a significant trend; or by more than
    `train_fall` of its level, and of fewer than 10 values or by `train_sigmas` times its noise). Not if it rose
    at one place where the training loss jumps as well (GEN004), nor, up to `large` times the best, if an
    evaluation accuracy ends as good as it ever was (GEN007). `critical` if the end is above the first
    evaluation, unless such an accuracy holds. "Carries over" is said if the best level of that accuracy is at
    most what guessing gives that costs the best loss, or hardly above it.

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
    lasting = True
    needs = ("loss.eval",)
    # train_sigmas: of 10 values, a Theil-Sen change has a standard error of 1.1 times their noise.
    thresholds = {
        "min_points": 5,
        "rise_share": 0.1,
        "of_best": 0.1,
        "least_rise": 0.01,
        "large": 0.25,
        "train_rows": 5,
        "train_fall": 0.02,
        "train_sigmas": 6.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per evaluation loss."""
        rows = self.limits["train_rows"]
        train = next((s.finite for s in view.by_role("loss.train") if len(s.finite) >= rows), None)
        if train is None:
            return
        for series in steering(view, "loss.eval"):
            finding = self._judge(view, series, train)
            if finding:
                yield finding

    def _judge(self, view: RunView, held_out: Series, train: Series) -> Finding | None:
        turned = turn(view, held_out, beside=True)
        if turned is None or len(held_out.finite) < self.limits["min_points"]:
            return None
        rise, fall = turned.end - turned.best, max(turned.first - turned.best, 0.0)
        # The fall from a random start may be so large that no rise after it is a share of it.
        if rise <= min(self.limits["rise_share"] * fall, self.limits["of_best"] * abs(turned.best)):
            return None
        if (
            rise <= self.limits["least_rise"] * abs(turned.best)
            or damaged(view, held_out, turned)
            or (rise <= self.limits["large"] * abs(turned.best) and holds(view))
        ):
            return None
        at = turned.at
        after = train.between(at, np.inf)
        if len(after) < _AFTER or not self._falls(after):
            return None
        ended = median(after.y[-max(1, len(after) // 10) :])
        worse = turned.end > turned.first and not holds(view)
        proofs = [
            evidence(held_out, at, before=turned.best, after=turned.end, effect=turned.certainty),
            evidence(after, at, before=float(after.y[0]), after=ended),
        ]
        said = (
            f"{held_out.key} is best at {held_out.axis.at(at)} ({number(turned.best)}) and rises to "
            f"{number(turned.end)} at the end, while {train.key} goes on falling: overfitting from there on"
        )
        remedy = (
            f"{go_back(view, at)} Train shorter, or regularise (more data, augmentation, dropout, weight "
            "decay)."
        )
        guessed = _guesses(view, turned.best)
        if guessed is not None:
            score, level = guessed
            said = (
                f"{held_out.key} rises from {number(turned.best)} to {number(turned.end)} and {score.key} "
                f"stays at {number(level, 2)}, no better than guessing, while {train.key} falls: nothing that "
                "it learns carries over"
            )
            remedy = (
                "Compare some samples of both sets as the model sees them: inputs, their scale, and labels. "
                "Shuffled training labels look like this, too."
            )
            proofs.append(evidence(score, after=level))
        return self.finding(
            Severity.CRITICAL if worse else Severity.WARNING,
            0.9 if len(held_out) >= _SURE else 0.75,
            said,
            remedy,
            proofs,
        )

    def _falls(self, train: Series) -> bool:
        """Return whether a training loss falls."""
        moved = trend(train.x, train.y)
        if moved.change >= 0 or moved.significant:
            return moved.change < 0
        clear = len(train) < _FEW or -moved.change > self.limits["train_sigmas"] * noise_sigma(
            train.y
        )
        return clear and -moved.change > self.limits["train_fall"] * abs(median(train.y))


def _guesses(view: RunView, loss: float) -> tuple[Series, float] | None:
    """Return an evaluation accuracy that never was better than guessing that costs a loss, with its level."""
    for score in steering(view, "accuracy.eval"):
        y = score.finite.y
        if len(y) >= _POINTS and only_guesses(loss, float(np.max(of_three(y)))):
            return score.finite, median(y)
    return None


def holds(view: RunView) -> bool:
    """Return whether an evaluation accuracy, which moved, ends as good as it ever was."""
    for score in steering(view, "accuracy.eval"):
        finite, curve = score.finite, view.curve(score.key)
        if len(finite) < _POINTS or curve.never_moved is not False or curve.best is None:
            continue
        level = curve.best.level.value
        gained = max(0.0, level - float(finite.y[0]))
        return curve.last.value >= level - max(curve.noise, _KEPT * gained)
    return False
