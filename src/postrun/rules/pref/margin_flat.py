"""The model does not learn to tell chosen from rejected answers."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import change
from postrun.stats.robust import median


class MarginFlat(Rule):
    """The model does not learn to tell chosen from rejected answers.

    ## What it does
    Reports a preference margin that does not grow, with an accuracy near one half.

    ## Why it matters
    The loss then stays at ln 2: labels are noise or swapped at random, the learning rate is too low,
    or the same log-probabilities are compared with themselves.

    ## How it decides
    The margin's last tenth is no more than `std_errors` standard errors above its first (or not above 0),
    and the preference accuracy's median in the second half is below `accuracy`, if it has `min_scores`
    values. If the margin grew, it must be at most `grown_accuracy`.

    ## What to do
    Check pairs by hand and the order of chosen and rejected; raise the learning rate (DPO on LoRA
    needs about ten times that of full tuning); check that the reference model is frozen and the same.

    ## Example
    "train/rewards/margins stays at 0.002, train/rewards/accuracies at 0.51: nothing is learned from
    the pairs"

    ## References
    Rafailov et al. 2023 (arXiv 2305.18290), section 4 on the gradient and the margin.
    """

    code = "PREF001"
    name = "margin-flat"
    live = LATE
    needs = ("reward.margin", "accuracy.preference")
    thresholds = {
        "accuracy": 0.6, "grown_accuracy": 0.55, "std_errors": 4, "min_scores": 10, "min_rows": 30,
    }  # fmt: skip

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        margin, score = self.usable(view, "reward.margin"), view.first("accuracy.preference")
        if margin is None:
            return
        moved = change(margin.y)
        grown = moved.size > self.limits["std_errors"] * moved.error and moved.after > 0
        level = None
        if score is not None and len(score.finite) >= self.limits["min_scores"]:
            level = median(score.finite.y[len(score.finite) // 2 :])
        if (level is not None and level >= self.limits["accuracy"]) or (grown and level is None):
            return
        if grown and level is not None and level > self.limits["grown_accuracy"]:
            return
        proofs = [evidence(margin, before=moved.before, after=moved.after, effect=moved.sigmas)]
        text = f"{margin.key} goes from {number(moved.before, 2)} to {number(moved.after, 2)}"
        if level is not None and score is not None:
            text += f" and {score.key} stays at {number(level, 2)}"
            proofs.append(evidence(score.finite, after=level))
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{text}: the pairs teach nothing",
            "Check pairs by hand and their order, the learning rate, and that the reference is a frozen copy.",
            proofs,
        )
