"""Adversarial trainings in which nobody learns, or in which losses run away."""

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


class AdversariesDrift(Rule):
    """An adversarial training's losses grow without bound.

    ## What it does
    Reports generator or discriminator losses that run away late in the training.

    ## Why it matters
    The level of these losses says little, but in a balanced game it stays: losses that grow without bound mean
    that one side left the other behind, and samples get worse. The best state lies before.

    ## How it decides
    At least `min_rows` values in ten parts: the last part's level is more than `factor` times as large (either
    sign) as the largest of the first seven, and the last three grow.

    ## What to do
    Go back to a checkpoint before the drift; regularise the critic (gradient penalty, spectral norm), or
    lower both rates.

    ## Example
    "critic_loss ran away from -1.3 to -13 in the last third of the run: keep an earlier checkpoint"

    ## References
    Mescheder et al. 2018, "Which training methods for GANs do actually converge?" (arXiv 1801.04406).
    """

    code = "OPT023"
    name = "adversaries-drift"
    lasting = True
    needs = ("loss.discriminator", "loss.generator")
    symptom_of = ("OPT018",)
    thresholds = {"factor": 3.0, "min_rows": 100}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the loss that grew most."""
        worst = None
        for series in view.by_role("loss.discriminator", "loss.generator"):
            finite = series.finite
            if len(finite) < self.limits["min_rows"]:
                continue
            _, levels, first = bin_medians(finite.x, finite.y, 10)
            size = np.abs(levels)
            before = float(size[:7].max())
            grows = bool((np.diff(size[-3:]) > 0).all())
            if before > 0 and grows and size[-1] > self.limits["factor"] * max(before, 0.3):
                share = float(size[-1]) / before
                if worst is None or share > worst[0]:
                    k = int(np.argmax(size[:7]))
                    at = float(finite.x[first[7]])
                    worst = (share, finite, at, float(levels[k]), float(levels[-1]))
        if worst is None:
            return
        share, series, at, before, after = worst
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"{series.key} ran away from {number(before, 3)} to {number(after, 3)} in the last third "
            "of the run, from "
            f"{view.axis.at(at)} on: keep a checkpoint from before",
            "Regularise the critic (gradient penalty, spectral norm), or lower both learning rates.",
            [evidence(series, at, before=before, after=after, effect=share)],
        )
