"""The evaluation's noise is as large as the gains that it shows."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.stats.levels import change
from postrun.stats.robust import median, noise_sigma


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
    `share` of the whole gain and `least` of the metric's level, and the change over the second half is below
    `sigmas` standard errors.

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
    thresholds = {"min_points": 16, "share": 0.2, "least": 0.005, "sigmas": 2.0}

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
            if abs(late.sigmas) < self.limits["sigmas"]:
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
