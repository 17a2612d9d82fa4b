"""Gradients that explode, vanish, or are clipped at every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.opt.settings import allowed_by
from postrun.stats.changepoint import onset
from postrun.stats.levels import begins, lowest
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed


class GradientsExploded(Rule):
    """The gradient norm grew manyfold and stayed there.

    ## What it does
    Finds the step from which the gradient norm is a multiple of what it had been.

    ## Why it matters
    Growing gradients come before NaN, divergence and, in policy-gradient training, before collapse;
    where they are clipped the update still goes in a direction that one bad batch decides.

    ## How it decides
    On the logarithm of the norm, smoothed by a running median (1% of the run, 5 to 51 values). The
    baseline is the lowest median of a tenth of the run, but not of the first 2% (warm-up). Reported
    where, from some later step on, at least half of the values lie above `factor` baselines and the
    last tenth does. `info` for policy-gradient losses, whose gradient scale follows the advantages,
    unless the norm grew tenfold more; and where the training loss ends at its best level all the same.

    ## What to do
    Clip gradients, lower the peak learning rate, look at the batch at the onset.

    ## Example
    "grad_norm grew 32-fold, from 0.41 to 13, from step 700 on"

    ## References
    SageMaker Debugger, rule ExplodingTensor; AutoTrainer (Zhang et al., ICSE 2021) on exploding
    gradients.
    """

    code = "OPT008"
    name = "gradients-exploded"
    lasting = True
    needs = ("grad_norm",)
    symptom_of = ("OPT001", "RL001", "OPT002", "RL017")
    thresholds = {"factor": 10.0, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "grad_norm")
        if series is None:
            return
        n = len(series)
        log = np.log10(np.maximum(series.y, 1e-30))
        smooth = smoothed(log, 100)
        skip = max(2, n // 50)
        tenth = max(5, n // 10)
        if n < skip + tenth:
            return
        baseline, low = lowest(smooth[skip:], tenth)
        low += skip
        rise = float(np.log10(self.limits["factor"]))
        at = onset(smooth[low:], baseline, rise)
        end = median(smooth[-tenth:])
        if at is None or end < baseline + rise:
            return
        noise = mad_sigma(smooth[low : low + tenth])
        begin = low + begins(smooth[low:], baseline, end, noise)
        before, after = 10**baseline, 10**end
        policy = view.has("reward", "kl.policy", "kl.mismatch") and not view.has("loss.train")
        mild = policy and after < 10 * self.limits["factor"] * before
        mild = mild or _fine(view)
        yield self.finding(
            Severity.INFO if mild else Severity.WARNING,
            0.85,
            f"{series.key} grew {number(after / before, 2)}-fold, from {number(before, 3)} to "
            f"{number(after, 3)}, from {view.axis.at(series.x[begin])} on",
            "Clip gradients, lower the peak learning rate, and look at the batch where it begins."
            f"{allowed_by(view)}",
            [
                evidence(
                    series,
                    float(series.x[begin]),
                    before=before,
                    after=after,
                    effect=after / before,
                )
            ],
        )


def _fine(view: RunView) -> bool:
    """Return whether a training loss is logged, and ends as low as it ever was."""
    losses = [s for s in view.by_role("loss.train") if len(s.finite) >= 20]
    curves = [view.curve(series.key) for series in losses]
    return bool(curves) and all(c.turned is None and c.never_moved is False for c in curves)


class GradientsVanished(Rule):
    """The gradient norm fell to nothing while the loss still is high.

    ## What it does
    Reports gradients that are, or become, so small that nothing is learned.

    ## Why it matters
    Saturated or dead units, a loss that is masked out, a detached graph: the run goes on and
    changes nothing.

    ## How it decides
    Medians of the first and the last tenth of the run (after the first 2%). Vanished: the end is
    below `kept_share` of the start, or below `floor` throughout, and the training loss is not
    solved: it ends above a tenth of where it began. A model that fits its data perfectly has small
    gradients and is not reported; nor is one that converged: its loss fell, ends at its minimum and no
    longer varies by a thousandth, as full-batch training does at an optimum.

    ## What to do
    Look at activations layer by layer; check that the loss depends on the weights and is not masked.

    ## Example
    "grad_norm fell from 0.8 to 3e-07 by step 400, while train/loss stays at 2.3"

    ## References
    SageMaker Debugger, rule VanishingGradient (threshold 1e-7); DeepDiagnosis (Wardat et al., ICSE
    2022).
    """

    code = "OPT009"
    name = "gradients-vanished"
    lasting = True
    needs = ("grad_norm",)
    thresholds = {"kept_share": 1e-3, "floor": 1e-7, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, loss = self.usable(view, "grad_norm"), view.first("loss.train")
        if series is None or loss is None:
            return
        loss = loss.finite
        if len(loss) < 20:
            return
        y = series.y[max(2, len(series) // 50) :]
        tenth = max(5, len(y) // 10)
        start, end = median(y[:tenth]), median(y[-tenth:])
        late, first = loss.y[-max(5, len(loss) // 10) :], median(loss.y[:5])
        level = median(late)
        still = float(np.ptp(late)) < 1e-3 * abs(level) and level <= loss.y.min() * 1.01
        solved = level < 0.1 * first or (still and level < 0.8 * first)
        small = end < self.limits["kept_share"] * start or max(start, end) < self.limits["floor"]
        if solved or not small or start <= 0:
            return
        smooth = rolling_median(np.log10(np.maximum(series.y, 1e-30)), 5)
        floor = float(np.log10(max(end, 1e-30)))
        # Where it is first within a factor of ten of its end, or half-way down, whichever is lower.
        bar = max(floor + 1, 0.5 * (floor + float(np.log10(start))))
        k = int(np.argmax(smooth <= bar))
        step = float(series.x[k])
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{series.key} fell from {number(start, 3)} to {number(end, 3)} by {view.axis.at(step)}, while "
            f"{loss.key} stays at {number(level)}: almost nothing is learned any more",
            "Look for saturated or dead units layer by layer; check that the loss is not masked out "
            "and depends on the weights.",
            [
                evidence(series, step, before=start, after=end, effect=end / start),
                evidence(loss, step, before=float(loss.y[0]), after=level),
            ],
        )


class AlwaysClipped(Rule):
    """Gradients are clipped at nearly every step.

    ## What it does
    Compares the logged gradient norm with the configured clipping threshold.

    ## Why it matters
    Clipping is meant for the odd bad batch. Where it acts at every step it normalises the gradient:
    the step size no longer follows it, and the threshold has become part of the learning rate.

    ## How it decides
    After the first 5% of the run, at least `share` of the values are above the configured threshold
    (a norm logged before clipping), or at least that share equals it to 1% (logged after clipping).

    ## What to do
    Raise the threshold to a high quantile of the norm, or lower the learning rate; look for a loss
    that is summed rather than averaged.

    ## Example
    "train/grad_norm is above max_grad_norm (1) in 97% of the rows, median 6.2"

    ## References
    Zhang et al. 2020, "Why gradient clipping accelerates training" (arXiv 1905.11881).
    """

    code = "OPT010"
    name = "always-clipped"
    live = LATE
    needs = ("grad_norm",)
    thresholds = {"share": 0.9, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, limit = self.usable(view, "grad_norm"), view.number("max_grad_norm")
        if series is None or limit is None:
            return
        y = series.y[len(series) // 20 :]
        name, bar = limit
        above, equal = float(np.mean(y > 1.01 * bar)), float(np.mean(np.abs(y / bar - 1) <= 0.01))
        if max(above, equal) < self.limits["share"]:
            return
        after = equal > above
        how = "equals" if after else "is above"
        yield self.finding(
            Severity.INFO,
            0.85,
            f"{series.key} {how} {name} ({bar:g}) in {100 * max(above, equal):.0f}% of the rows"
            + ("" if after else f", median {number(median(y), 3)}")
            + ": clipping acts at nearly every step",
            "Raise the threshold to a high quantile of the norm, or lower the learning rate; check "
            "that the loss is averaged, not summed.",
            [evidence(series, float(series.x[len(series) // 20]), before=bar, after=median(y),
                      effect=max(above, equal))],
        )  # fmt: skip
