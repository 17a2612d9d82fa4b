"""Evaluations: too good, too rare, too noisy, or better before the end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, LATE, Rule, evidence
from postrun.rules.gen.turns import steering
from postrun.stats.levels import change
from postrun.stats.robust import Floats, median, noise_sigma, of_three

#: So many evaluations of thousands show whether it is worth looking at all.
_FEW_SHOW = 500
HELD_OUT = ("loss.eval", "accuracy.eval", "score.eval", "reward.eval")


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
    `gap_share` of the training loss. `warning` where an evaluation accuracy is above 99.5% while the
    training loss is more than twice the evaluation loss; else `info`.

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
    thresholds = {"share": 0.8, "gap_share": 0.15, "min_points": 5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train, held_out = view.first("loss.train"), view.first("loss.eval")
        if train is None or held_out is None:
            return
        train, held_out = train.finite, held_out.finite
        n = len(held_out)
        if n < self.limits["min_points"] or len(train) < n or train.y.min() < 0:
            return
        if n > 4 * _FEW_SHOW:  # a part of them shows that it is not so, as nearly always
            some = held_out.take(np.linspace(1, n - 1, _FEW_SHOW).astype(np.int64))
            lower = some.y < around_evaluations(train, some.x) * (1 - self.limits["gap_share"])
            if lower.mean() < 0.5 * self.limits["share"]:
                return
        around = around_evaluations(train, held_out.x)
        lower = held_out.y < around * (1 - self.limits["gap_share"])
        # The first evaluation stands against losses from before the model knew anything.
        lower, count = lower[1:], n - 1
        if lower.mean() < self.limits["share"]:
            return
        score = view.first("accuracy.eval")
        top = float(score.finite.y.max()) if score is not None and len(score.finite) else 0.0
        leak = (0.995 <= top <= 1 or 99.5 <= top <= 100) and around[-1] > 2 * held_out.y[-1]
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


def around_evaluations(train: Series, x: Floats) -> Floats:
    """Median training value around each evaluation: half-way to its neighbours, 50 values at most.

    Centred, for a loss that falls quickly is higher before an evaluation than at it.
    """
    middle = np.searchsorted(train.x, x, side="right")
    halves = np.diff(middle, prepend=middle[:1], append=middle[-1:]) // 2
    left = np.maximum(middle - np.clip(halves[:-1], 2, 25), 0)
    right = np.minimum(middle + np.clip(halves[1:], 2, 25), len(train))
    start = np.minimum(left, len(train) - 1)
    width = np.maximum(right - start, 1)
    out = np.empty(len(x))
    for size in np.unique(width):  # at most 50 of them: windows of one width are taken together
        at = np.flatnonzero(width == size)
        out[at] = np.median(sliding_window_view(train.y, int(size))[start[at]], axis=1)
    return out


class EvalTooRare(Rule):
    """So few evaluations that nothing can be said about generalisation.

    ## What it does
    Reports a long run with fewer than `few` evaluations.

    ## Why it matters
    Overfitting, the best checkpoint and the noise of the evaluation cannot be seen in two or three
    points.

    ## How it decides
    At least `min_rows` training rows, and an evaluation metric with 1 to `few` - 1 values.

    ## What to do
    Evaluate 20 to 50 times per run, on a subset where it is expensive.

    ## Example
    "2 evaluations in 20,000 training rows: overfitting and the best step cannot be seen"
    """

    code = "GEN003"
    name = "eval-too-rare"
    live = END
    needs = HELD_OUT
    thresholds = {"few": 4, "min_rows": 1000}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train = max(view.by_role("loss.train", "loss.policy", "reward"), key=len, default=None)
        held_out = max(view.by_role(*HELD_OUT), key=len, default=None)
        if train is None or held_out is None or not 0 < len(held_out) < self.limits["few"]:
            return
        if len(train) < self.limits["min_rows"]:
            return
        n = len(held_out)
        yield self.finding(
            Severity.INFO,
            0.9,
            f"{n} evaluation{'s' if n > 1 else ''} ({held_out.key}) in {len(train):,} training rows: "
            "overfitting and the best step cannot be seen",
            "Evaluate 20 to 50 times per run, on a subset where it is expensive.",
            [evidence(held_out, after=float(held_out.y[-1]), effect=n / len(train))],
        )


class EvalNoise(Rule):
    """The evaluation's noise is as large as the gains that it shows.

    ## What it does
    Compares what an evaluation gained in the second half of the run with its noise from one
    evaluation to the next.

    ## Why it matters
    Picking the best of many noisy evaluations is picking luck: the "best" checkpoint is worse than
    its score by about twice the noise, and differences between runs below that say nothing.

    ## How it decides
    At least `min_points` evaluations. The noise (standard deviation from second differences) is above
    `share` of the whole gain and `least` of the metric's level, and the change over the second half is below 2
    standard errors.

    ## What to do
    Evaluate on more samples; average the last evaluations; report the mean of several seeds.

    ## Example
    "eval/accuracy varies by ±0.012 from one evaluation to the next: its gain of 0.004 in the second
    half of the run is within that"

    ## References
    Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks" (arXiv
    2103.03098).
    """

    code = "GEN005"
    name = "eval-noise"
    live = LATE
    needs = HELD_OUT
    symptom_of = ("GEN001", "GEN007", "OPT006", "OPT014", "RL019", "RL020")
    thresholds = {"min_points": 16, "share": 0.2, "least": 0.005}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the noisiest metric."""
        found = []
        for series in view.by_role(*HELD_OUT):
            y, sign = series.finite, series.info.sign
            n = len(y)
            if n < self.limits["min_points"] or not sign:
                continue
            noise = noise_sigma(y.y)
            whole, late = change(y.y, 0.1, 3), change(y.y[n // 2 :], 0.25, 4)
            gain = abs(whole.size)
            if noise <= 0 or gain <= 0 or noise < self.limits["share"] * gain:
                continue
            if noise < self.limits["least"] * abs(median(y.y)):
                continue  # no one picks a checkpoint by so little
            if abs(late.sigmas) < 2:
                found.append((noise / gain, y, noise, late.size, n))
        if not found:
            return
        ratio, y, noise, moved, n = max(found, key=lambda item: item[0])
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{y.key} varies by ±{number(noise, 2)} from one evaluation to the next: its change of "
            f"{number(moved, 2)} in the second half of the run is within that",
            "Evaluate on more samples, average the last evaluations, or report several seeds.",
            [evidence(y, float(y.x[n // 2]), before=noise, after=moved, effect=ratio)],
        )


class GeneralisationGap(Rule):
    """Training accuracy is far above evaluation accuracy.

    ## What it does
    Reports the gap between training and evaluation accuracy at the end of the run.

    ## Why it matters
    What the model can do on data that it has seen says little about what it was trained for; the gap
    is what more data or regularisation could win.

    ## How it decides
    Both accuracies in one unit (fraction or percent) with at least `min_points` values; medians of the
    last tenth differ by more than `gap` (of 1), beyond 3 standard errors. `info`; `warning` from twice
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
    thresholds = {"gap": 0.15, "min_points": 5}

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
        scale = 100.0 if max(train.y.max(), held_out.y.max()) > 1.5 else 1.0
        if (max(train.y.max(), held_out.y.max()) > 100) or (train.y.max() > 1.5) != (
            held_out.y.max() > 1.5
        ):
            return
        a, b = change(train.y, 0.1, 3), change(held_out.y, 0.1, 3)
        gap = (a.after - b.after) / scale
        error = float(np.hypot(a.error, b.error)) / scale
        if gap <= max(self.limits["gap"], 3 * error):
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


class Overconfident(Rule):
    """The evaluation loss rises while the evaluation accuracy holds.

    ## What it does
    Reports evaluations that disagree: a loss well above its best, an accuracy as good as ever.

    ## Why it matters
    The model's answers stay right and its probabilities become wrong: it is too sure of its errors.
    Whether that is overfitting depends on what is used, the answers or the probabilities.

    ## How it decides
    At least `min_points` evaluations of both. The last loss level is above the best by more than 3
    standard deviations of its noise and by `share` of it; the accuracy's last level is within its
    noise of its best, or better than at the loss's best step.

    ## What to do
    Calibrate (temperature scaling), smooth labels, or stop at the best loss if probabilities matter.

    ## Example
    "val_loss rises from 0.41 to 0.63 while val_acc goes from 0.86 to 0.87: right answers, wrong
    probabilities"

    ## References
    Guo et al. 2017, "On calibration of modern neural networks" (arXiv 1706.04599).
    """

    code = "GEN007"
    name = "overconfident"
    lasting = True
    needs = ("accuracy.eval",)
    symptom_of = ("GEN001",)
    thresholds = {"min_points": 8, "share": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        loss, score = view.first("loss.eval"), view.first("accuracy.eval")
        if loss is None or score is None:
            return
        loss, score = loss.finite, score.finite
        if min(len(loss), len(score)) < self.limits["min_points"]:
            return
        smooth = of_three(loss.y)
        k = int(np.argmin(smooth))
        best, end = float(smooth[k]), median(loss.y[-3:])
        if k > 0.8 * len(loss) or end - best <= max(
            3 * noise_sigma(loss.y), self.limits["share"] * abs(best)
        ):
            return
        then = median(
            score.between(float(loss.x[max(0, k - 1)]), float(loss.x[min(k + 1, len(loss) - 1)])).y
        )
        now, noise = median(score.y[-3:]), noise_sigma(score.y)
        if not now >= then - noise:
            return
        step = float(loss.x[k])
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{loss.key} rises from {number(best)} ({view.axis.at(step)}) to {number(end)} while "
            f"{score.key} goes "
            f"from {number(then)} to {number(now)}: the answers hold, the probabilities become too sure",
            "Calibrate or smooth labels; stop at the best loss if probabilities matter.",
            [
                evidence(loss, step, before=best, after=end),
                evidence(score, step, before=then, after=now),
            ],
        )
