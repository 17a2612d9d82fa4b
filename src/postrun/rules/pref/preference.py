"""Preference tuning (DPO and its kin): margins and log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed


class MarginFlat(Rule):
    """The model does not learn to tell chosen from rejected answers.

    ## What it does
    Reports a preference margin that does not grow, with an accuracy near one half.

    ## Why it matters
    The loss then stays at ln 2: labels are noise or swapped at random, the learning rate is too low,
    or the same log-probabilities are compared with themselves.

    ## How it decides
    The margin's last tenth is no more than 4 standard errors above its first (or not above 0), and the
    preference accuracy's median in the second half is below `accuracy` (where it is logged).

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
    thresholds = {"accuracy": 0.6, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        margin, score = self.usable(view, "reward.margin"), view.first("accuracy.preference")
        if margin is None:
            return
        moved = change(margin.y)
        grown = moved.size > 4 * moved.error and moved.after > 0
        level = None
        if score is not None and len(score.finite) >= 10:
            level = median(score.finite.y[len(score.finite) // 2 :])
        if (level is not None and level >= self.limits["accuracy"]) or (grown and level is None):
            return
        if grown and level is not None and level > 0.55:
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


class ChosenFalls(Rule):
    """The chosen answers become less likely.

    ## What it does
    Reports log-probabilities of chosen answers that fall although the margin grows.

    ## Why it matters
    The margin can grow by making both answers unlikely, the rejected one more so. Probability then
    goes to answers that nobody chose: likelihood displacement, which shows as a worse or unsafe model
    behind a better loss.

    ## How it decides
    The chosen log-probability's last tenth lies below its first by more than `fall_share` of its
    size and 6 standard errors, and the margin grew (or the rejected log-probability fell more).
    `warning` from twice that fall on, else `info`: a small fall is usual.

    ## What to do
    Lower the learning rate, raise beta, add a supervised term on chosen answers (RPO, DPOP), or filter
    pairs that are nearly the same.

    ## Example
    "train/logps/chosen falls from -210 to -310 from step 40 on, while the margin grows to 4.1"

    ## References
    Razin et al. 2024 (arXiv 2410.08847); Pal et al. 2024, Smaug (arXiv 2402.13228).
    """

    code = "PREF002"
    name = "chosen-falls"
    lasting = True
    needs = ("logp.chosen",)
    thresholds = {"fall_share": 0.15, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "logp.chosen")
        margin, rejected = view.first("reward.margin"), view.first("logp.rejected")
        if y is None:
            return
        moved = change(y.y)
        fall = -moved.size
        if fall <= max(self.limits["fall_share"] * abs(moved.before), 6 * moved.error):
            return
        other = None if rejected is None else change(rejected.finite.y)
        grown = None if margin is None else change(margin.finite.y)
        if not (
            (grown is not None and grown.size > 0) or (other is not None and -other.size > fall)
        ):
            return
        smooth = smoothed(y.y)
        first = y.y[: max(5, len(y) // 50)]  # it may fall from the first step on
        step = float(y.x[begins(smooth, median(first), moved.after, mad_sigma(first))])
        proofs = [evidence(y, step, before=moved.before, after=moved.after, effect=fall)]
        text = (
            f"{y.key} falls from {number(moved.before, 3)} to {number(moved.after, 3)} "
            f"from {view.axis.at(step)} on"
        )
        if margin is not None and grown is not None:
            text += f", while {margin.key} grows to {number(grown.after, 3)}"
            proofs.append(evidence(margin.finite, before=grown.before, after=grown.after))
        severe = fall > 2 * self.limits["fall_share"] * abs(moved.before)
        yield self.finding(
            Severity.WARNING if severe else Severity.INFO,
            0.8,
            f"{text}: the chosen answers become less likely too",
            "Lower the learning rate, raise beta, add a supervised term on chosen answers, or drop pairs "
            "that are nearly the same.",
            proofs,
        )


class PreferenceSaturated(Rule):
    """All pairs are told apart early, and the margin goes on growing.

    ## What it does
    Reports a preference accuracy at its top from early on, while the margin still grows.

    ## Why it matters
    Once every pair is ranked right, the loss falls only by making the model surer: it moves away from
    the reference for nothing that the data ask for, and forgets on the way.

    ## How it decides
    The smoothed training preference accuracy is at least `level` from some step in the first
    `early_share` of the run to the end, and the margin at the end is at least twice the margin there.

    ## What to do
    Stop there; raise beta; use harder pairs; IPO bounds the margin.

    ## Example
    "train/rewards/accuracies is at 1 from step 60 on (20% of the run), while
    train/rewards/margins goes on from 2.1 to 14"

    ## References
    Azar et al. 2023, IPO (arXiv 2310.12036), on overfitting of deterministic preferences.
    """

    code = "PREF003"
    name = "preference-saturated"
    needs = ("accuracy.preference",)
    thresholds = {"level": 0.99, "early_share": 0.4, "min_rows": 40}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y, margin = self.usable(view, "accuracy.preference"), view.first("reward.margin")
        if y is None or margin is None:
            return
        m = margin.finite
        smooth = rolling_median(y.y, 5)
        low = np.flatnonzero(smooth < self.limits["level"])
        start = int(low[-1]) + 1 if len(low) else 0
        if start > self.limits["early_share"] * len(y) or y.y.max() > 1.0001 or len(m) < 10:
            return
        step = float(y.x[start])
        later = m.between(step, np.inf)
        if len(later) < 10:
            return
        then, now = (
            median(later.y[: max(3, len(later) // 20)]),
            median(later.y[-max(3, len(later) // 20) :]),
        )
        if not (now > 2 * max(then, 0.0) and now > 0):
            return
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{y.key} is at {number(median(y.y[start:]), 3)} from {view.axis.at(step)} on "
            f"({100 * (1 - start / len(y)):.0f}% of the run), while {m.key} goes on from {number(then, 3)} to "
            f"{number(now, 3)}",
            "Stop near that step, raise beta, or use harder pairs.",
            [
                evidence(y, step, after=median(y.y[start:])),
                evidence(later, step, before=then, after=now),
            ],
        )
