"""Losses that swing."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.changepoint import split
from postrun.stats.oscillation import noise_growth, zigzag
from postrun.stats.robust import bin_medians, median, noise_sigma

#: The lag-1 autocorrelation of noise around its running median.
_OF_NOISE = -0.15


class LossOscillates(Rule):
    """The training loss swings more than it falls.

    ## What it does
    Reports a loss that jumps up and down from value to value, or whose noise grew manyfold during
    the run.

    ## Why it matters
    Steps that overshoot are the mark of a learning rate at the edge of stability: the average may
    still fall, but slower than it could, and the last value is luck.

    ## How it decides
    Zigzag: the lag-1 autocorrelation around the running median is below minus `zigzag` and below
    -0.15 - `sigmas` / sqrt(n) (noise alone gives about -0.15, with a standard deviation of 1 /
    sqrt(n)), and the amplitude is above `share` of the level. Growing: the noise of the last quarter is
    at least `growth` times that of the second quarter and above `noise_share` of the loss's level
    there, and the level is above `kept_share` of that of the second quarter. At least `min_rows`
    values, the first tenth left out.

    ## What to do
    Lower the learning rate or decay it; a larger batch where the noise is the batch's.

    ## Example
    "train/loss jumps up and down from step to step (autocorrelation -0.71, amplitude 18% of its
    level)"

    ## References
    Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of
    stability" (arXiv 2103.00065); AutoTrainer (ICSE 2021) on oscillating loss.
    """

    code = "OPT011"
    name = "loss-oscillates"
    live = LATE
    needs = ("loss.train",)
    symptom_of = ("OPT001", "OPT002", "OPT008")
    thresholds = {
        "zigzag": 0.3,
        "sigmas": 3.0,
        "share": 0.05,
        "growth": 4.0,
        "noise_share": 0.25,
        "kept_share": 0.9,
        "min_rows": 60,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per training loss."""
        for series in view.by_role("loss.train"):
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                continue
            y = y.take(slice(len(y) // 10, None))
            level = abs(median(y.y))
            r, amplitude = zigzag(y.y)
            bar = -max(self.limits["zigzag"], self.limits["sigmas"] / len(y) ** 0.5 - _OF_NOISE)
            if r < bar and amplitude > self.limits["share"] * level > 0:
                yield self.finding(
                    Severity.WARNING,
                    0.8,
                    f"{series.key} jumps up and down from value to value (autocorrelation {r:.2f}, "
                    f"amplitude {100 * amplitude / level:.0f}% of its level)",
                    "Lower the learning rate or decay it: each step overshoots.",
                    [evidence(y, before=level, after=amplitude, effect=r)],
                )
                continue
            early, late, growth = noise_growth(y.y)
            quarter = len(y) // 4
            before, after = median(y.y[quarter : 2 * quarter]), median(y.y[-quarter:])
            if (
                growth >= self.limits["growth"]
                and late > self.limits["noise_share"] * abs(after)
                and after > self.limits["kept_share"] * before
            ):
                _, noise, first = bin_medians(y.x, abs(y.y - median(y.y)), 60)
                found = split(noise)
                at = (
                    float(y.x[first[found.at]])
                    if found and noise_sigma(noise) >= 0
                    else float(y.x[2 * quarter])
                )
                yield self.finding(
                    Severity.WARNING,
                    0.75,
                    f"{series.key} swings {number(growth, 2)} times as much at the end as before (standard "
                    f"deviation {number(early, 2)} to {number(late, 2)}, level {number(after)})",
                    "Lower the learning rate or decay it; look at what changed in the data there.",
                    [evidence(y, at, before=early, after=late, effect=growth)],
                )
