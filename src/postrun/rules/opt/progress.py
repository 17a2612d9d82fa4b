"""Did it learn at all?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import bin_medians, noise_sigma, rolling_median
from postrun.stats.trend import trend

_GOALS = ("loss.train", "loss.eval", "reward", "reward.eval", "accuracy.eval", "score.eval")


class LossNotDecreasing(Rule):
    """The training loss never fell.

    ## What it does
    Reports a training loss that is no lower at the end than at the beginning.

    ## Why it matters
    Nothing was learned: the learning rate is far too low or too high, gradients do not reach the
    weights, or labels do not belong to inputs.

    ## How it decides
    At least `min_rows` values; the first `skip` share is left out, for a loss falls from its random
    start to chance level without learning. A loss that fell there by `fell` of its level, and not
    to a chance level, has learned and is not reported. After it, the levels of the first and the
    last tenth differ by less than 4 standard errors or by less than `share` of the level, and a
    Mann-Kendall test (1 %) shows no fall. A loss that still falls slowly is reported all the same
    where it ends within 5 % of ln k and the accuracy within 15 % of 1 / k for one k, and never was
    much better: both are chance. A loss that lies at ln 2 or at the logarithm of another small
    number of classes is said to be at chance level. `info` where the log ends before the run does.
    Never for policy-gradient losses.

    ## What to do
    Overfit one batch first: if that fails, it is the model or the gradients; if it works, it is the
    learning rate or the data.

    ## Example
    "train_loss does not fall: 0.702 after the first steps, 0.696 at the end (ln 2 = 0.693 is the
    chance level of two classes)"

    ## References
    SageMaker Debugger, rule LossNotDecreasing; DeepDiagnosis (Wardat et al., ICSE 2022).
    """

    code = "OPT006"
    name = "loss-not-decreasing"
    needs = ("loss.train",)
    symptom_of = ("OPT001", "OPT011", "OPT002", "OPT005", "OPT009", "PREF001", "OPT014")
    thresholds = {"min_rows": 50, "share": 0.02, "skip": 0.05, "fell": 0.2}

    def check(self, view: RunView, only: Series | None = None) -> Iterator[Finding]:
        """One finding per training loss (or for `only` one of them)."""
        for series in [only] if only else view.by_role("loss.train"):
            finite = series.finite
            if len(finite) >= self.limits["min_rows"] and finite.y.min() < finite.y.max():
                yield from self._judge(finite, view)

    def _judge(self, series: Series, view: RunView) -> Iterator[Finding]:
        partial = view.run.completeness.truncated
        skip = int(self.limits["skip"] * len(series))
        first = float(np.median(series.y[: max(3, skip // 4)]))
        series = series.between(float(series.x[skip]), np.inf)
        y = series.y
        tenth = max(5, len(y) // 10)
        start, end = float(np.mean(y[:tenth])), float(np.mean(y[-tenth:]))
        error = noise_sigma(y) * (2 / tenth) ** 0.5
        moved = trend(series.x, y)
        by_chance = _by_chance(view, end)
        if by_chance:
            yield self._say(series, start, end, error, f" ({by_chance})", partial)
            return
        if first - end > max(self.limits["fell"] * abs(first), 8 * error) and not _chance(end):
            return
        if start - end > max(4 * error, self.limits["share"] * abs(start)):
            return
        if moved.significant and moved.change < -self.limits["share"] * abs(start):
            return
        _, levels, _ = bin_medians(series.x, y, 30)
        if float(levels.min()) < min(start, end) - max(8 * error, 0.2 * abs(start)):
            return  # it fell and came back: OPT002
        yield self._say(series, start, end, error, _chance(end), partial)

    def _say(
        self, series: Series, start: float, end: float, error: float, chance: str, partial: bool
    ) -> Finding:
        part = " in the part of the run that was read" if partial else ""
        return self.finding(
            Severity.INFO if partial else Severity.WARNING,
            0.8,
            f"{series.key} does not fall{part}: {number(start)} after the first steps, {number(end)} at the "
            f"end{chance}",
            "Try to overfit one batch: if that fails, look at the model and its gradients; if it "
            "works, at the learning rate and the data.",
            [
                evidence(
                    series, before=start, after=end, effect=(start - end) / error if error else None
                )
            ],
        )


def _by_chance(view: RunView, level: float) -> str:
    """Words for loss and accuracy that are both at chance for one number of classes, or ""."""
    score = view.first("accuracy.eval", "accuracy.train")
    if score is None or len(score.finite) < 10:
        return ""
    y = score.finite.y
    end = float(np.median(y[-max(3, len(y) // 5) :]))
    best = float(np.max(rolling_median(y, 5)))
    classes = round(float(np.exp(min(level, 8.0))))
    if classes < 2 or abs(end * classes - 1) > 0.15 or best > 1.35 * end:
        return ""
    chance = float(np.log(classes))
    if abs(level - chance) > 0.05 * chance:
        return ""
    return (
        f"ln {classes} = {chance:.3f}, and {score.key} is at {number(end, 2)}: both are chance for "
        f"{classes:,} classes"
    )


def _chance(level: float) -> str:
    for classes in (2, 3, 4, 5, 10, 20, 100, 1000):
        chance = float(np.log(classes))
        if abs(level - chance) < 0.02 * chance:
            words = "two" if classes == 2 else f"{classes:,}"
            return f" (ln {classes} = {chance:.3f} is the chance level of {words} classes)"
    return ""


class Improved(Rule):
    """A metric improved, with its size.

    ## What it does
    Says (`good`) which of the run's goals improved, from what to what, and whether they still do.

    ## Why it matters
    A diagnosis that only names faults hides that a run worked; and "loss decreased" needs its
    evidence as much as a fault does.

    ## How it decides
    Training and evaluation losses that should fall, rewards and scores that should rise; a gain
    beyond 4 standard errors of its levels and at least `share` of the larger level, of which at
    least four fifths are kept at the end. A loss must also end at its best level, within 4 standard
    errors or 5%: one that fell from a random start and then rose is not told as improved. Not if
    nothing was gained after the first twentieth of the run, nor if a loss stays at chance level.

    ## Example
    "val/loss improved from 10.8 to 3.21 and still improves at the end"
    """

    code = "OPT007"
    name = "improved"
    thresholds = {"share": 0.02}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all metrics that improved."""
        parts = []
        proofs = []
        stuck = LossNotDecreasing()
        for role in _GOALS:
            for series in view.by_role(role):
                finite, sign = series.finite, series.info.sign
                gain = view.gains(series.key)
                if gain is None:
                    continue
                if gain.flat_from is not None and (
                    gain.flat_from < 0.05 * len(finite) or (sign < 0 and _chance(gain.end))
                ):
                    continue
                if role == "loss.train" and next(stuck.check(view, series), None):
                    continue
                kept = (gain.end - gain.start) * sign
                if kept < 0.8 * gain.total or (role.startswith("loss") and not gain.kept):
                    continue
                if kept < self.limits["share"] * max(abs(gain.start), abs(gain.end)):
                    continue
                still = " (still improving)" if gain.flat_from is None else ""
                parts.append(f"{series.key} from {number(gain.start)} to {number(gain.end)}{still}")
                proofs.append(
                    evidence(
                        finite,
                        before=gain.start,
                        after=gain.end,
                        effect=gain.total / gain.noise if gain.noise else None,
                    )
                )
        if parts:
            shown = "; ".join(parts[:4]) + (
                f"; and {len(parts) - 4} more" if len(parts) > 4 else ""
            )
            yield self.finding(Severity.GOOD, 0.9, f"Improved: {shown}", evidence=proofs)
