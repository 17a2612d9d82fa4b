"""Training loss that went up for good."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.settings import allowed_by
from postrun.stats.levels import begins
from postrun.stats.robust import bin_medians, median, noise_sigma, rolling_median
from postrun.training.checkpoints import go_back

#: Levels of which a spread is known, and standard errors from which a rise is sure.
_LEVELS, _SURE = 3, 20.0


class LossDiverged(Rule):
    """The training loss rose and did not come back.

    ## What it does
    Reports a training loss whose end lies far above its best level.

    ## Why it matters
    The model got worse than it had been; later checkpoints are worth less than earlier ones.

    ## How it decides
    The series is cut into at most 60 groups of equal count; their medians are the levels. Best is the
    lowest level, end the median of the last twentieth. Diverged: the end is above the best by more than
    `lost_share` of the fall so far (start to best) and by more than `noise_sigmas` standard errors, and
    each level of the last tenth is. The rise is at least `swing_factor` times any rise before that the
    loss recovered from, and `least_rise` of the best level; after a fall of at most `flat_sigmas`
    standard errors it is also as many standard deviations of the levels before. `critical` where the
    end is above the start. From `at_once_rows` values on a loss has diverged at once if it was never
    below its first value, and most of it and its last values lie above `at_once` times that. Only
    losses that should fall are looked at: never a policy-gradient loss.

    ## What to do
    Go back to the best checkpoint; lower the peak learning rate, lengthen the warm-up, clip
    gradients.

    ## Example
    "train/loss rose from its best, 2.31 at step 4,000, to 6.9 at the end"

    ## References
    AutoTrainer (Zhang et al., ICSE 2021); Chowdhery et al. 2022 (PaLM, arXiv 2204.02311),
    section 5.1 on loss spikes and restarts.
    """

    code = "OPT002"
    name = "loss-diverged"
    lasting = True
    needs = ("loss.train",)
    symptom_of = ("OPT001",)
    thresholds = {
        "lost_share": 0.5,
        "noise_sigmas": 6.0,
        "flat_sigmas": 4.0,
        "swing_factor": 1.5,
        "least_rise": 0.05,
        "min_rows": 30,
        "at_once": 3.0,
        "at_once_rows": 3,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per training loss."""
        for series in view.by_role("loss.train"):
            finding = self._judge(view, series.finite) or self._at_once(view, series.finite)
            if finding:
                yield finding

    def _at_once(self, view: RunView, series: Series) -> Finding | None:
        """Return a finding on a loss that blew up within its first values and never came back."""
        y = series.y
        few = len(y) < max(2, self.limits["at_once_rows"])
        if few or y[0] <= 0 or float(y[1:].min()) < y[0]:
            return None
        first, end, peak = float(y[0]), float(y[-1]), float(y.max())
        factor = self.limits["at_once"]
        early = int(np.argmax(y > factor * first))
        if median(y[-3:]) < factor * first or early > len(y) / 2:
            return None
        at = float(series.x[early])
        return self.finding(
            Severity.CRITICAL,
            0.9,
            f"{series.key} diverges at once: {number(first)} at first, above {factor:g} times that from "
            f"{series.axis.at(at)} on, {number(peak)} at most, {number(end)} at the end",
            "Lower the learning rate by a factor of 10, warm it up, and clip gradients; check the loss of one "
            f"batch by hand.{allowed_by(view)}",
            [evidence(series, at, before=first, after=end, effect=peak)],
        )

    def _judge(self, view: RunView, series: Series) -> Finding | None:
        y = series.y
        if len(y) < self.limits["min_rows"]:
            return None
        _, levels, first = bin_medians(series.x, y, min(60, len(y) // 5))
        per_bin = len(y) / len(levels)
        noise = max(noise_sigma(y) / per_bin**0.5, noise_sigma(levels))
        k = int(np.argmin(levels))
        best, start = float(levels[k]), float(levels[0])
        tail = levels[-max(2, len(levels) // 10) :]
        end = median(tail)
        rise, fall = end - best, max(start - best, 0.0)
        margin = max(self.limits["noise_sigmas"] * noise * 1.25, 1e-12 * abs(best))
        bar = best + max(margin, self.limits["lost_share"] * fall)
        if k >= len(levels) - len(tail) or end <= bar or (tail <= bar).any():
            return None
        # A flat, noisy loss drifts up and down within its noise: ask for a rise that shows.
        sigmas = self.limits["flat_sigmas"]
        flat = k >= _LEVELS and fall <= sigmas * noise
        spread = float(np.std(levels[: k + 1])) if flat else 0.0
        # A loss that rose as much before, and came back, swings.
        swing = float(np.max(levels[: k + 1] - np.minimum.accumulate(levels[: k + 1])))
        least = max(sigmas * spread, self.limits["swing_factor"] * swing)
        if rise < least or rise < self.limits["least_rise"] * abs(best):
            return None
        start_at = int(first[k])
        window = int(np.clip(len(y) // 100, 3, 31))
        rest = rolling_median(y[start_at:], window)
        at = float(series.x[start_at + begins(rest, best, end, noise_sigma(y))])
        lowest = float(series.x[start_at])
        worse = end > start
        return self.finding(
            Severity.CRITICAL if worse else Severity.WARNING,
            0.9 if rise > _SURE * noise else 0.75,
            f"{series.key} rose from its best, {number(best)} at {series.axis.at(lowest)}, to "
            f"{number(end)} at the end, from {series.axis.at(at)} on"
            + (f", above where it began ({number(start)})" if worse else ""),
            f"{go_back(view, lowest)} Lower the peak learning rate, lengthen the warm-up, or clip "
            f"gradients.{allowed_by(view)}",
            [evidence(series, at, before=best, after=end, effect=rise / noise if noise else None)],
        )
