"""The discriminators stay at chance: the generator gets no signal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import bin_medians, median


class DiscriminatorAtChance(Rule):
    """The discriminators stay at chance: the generator gets no signal.

    ## What it does
    Reports an adversarial training whose discriminator losses stand at ln 2 throughout.

    ## Why it matters
    A discriminator that cannot tell real from made samples has nothing to teach. At the end of a training that
    means success; from the first step on it means that the discriminator does not learn.

    ## How it decides
    Most discriminator losses (of at least `min_rows` values) lie within `near` of ln 2, or of 2 ln 2 for a sum
    over real and made samples, in each of ten parts of the run.

    ## What to do
    Raise the discriminator's learning rate or size; check that its gradients are not cut off, and that real and
    made samples get different labels.

    ## Example
    "D_loss stays at 0.693 (ln 2, a coin toss) throughout: the discriminator learns nothing, and the
    generator gets no signal"

    ## References
    Goodfellow et al. 2014, "Generative adversarial nets", section 4 (arXiv 1406.2661).
    """

    code = "OPT022"
    name = "discriminator-at-chance"
    since = "0.2.0"
    live = LATE
    needs = ("loss.discriminator",)
    thresholds = {"near": 0.02, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        judges = [s.finite for s in view.by_role("loss.discriminator")]
        judges = [s for s in judges if len(s) >= self.limits["min_rows"]]
        if not judges:
            return
        stuck = [series for series in judges if self._at_chance(series)]
        if len(stuck) <= len(judges) / 2:
            return
        first = stuck[0]
        level = median(first.y)
        more = f"; so do {len(stuck) - 1} more of {len(judges)}" if len(stuck) > 1 else ""
        times = "ln 2" if level < 1 else "2 ln 2"
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{first.key} stays at {number(level, 3)} ({times}, a coin toss) throughout{more}: the "
            "discriminator learns nothing, and the generator gets no signal",
            "Raise the discriminator's learning rate or size; check its gradients and its labels.",
            [evidence(s, before=float(s.y[0]), after=median(s.y)) for s in stuck],
        )

    def _at_chance(self, series: Series) -> bool:
        _, levels, _ = bin_medians(series.x, series.y, 10)
        at = [math.log(2), 2 * math.log(2)]
        return any(bool((np.abs(levels - c) <= self.limits["near"] * c).all()) for c in at)
