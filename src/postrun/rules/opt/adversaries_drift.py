"""An adversarial training's losses grow without bound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import bin_medians


class AdversariesDrift(Rule):
    """An adversarial training's losses grow without bound.

    ## What it does
    Reports generator or discriminator losses that run away late in the training.

    ## Why it matters
    The level of these losses says little, but in a balanced game it stays: losses that grow without bound mean
    that one side left the other behind, and samples get worse. The best state lies before.

    ## How it decides
    At least `min_rows` values in ten parts: the last part's level is more than `factor` times as large (either
    sign) as the largest of the first seven (which counts as `floor` if it is smaller), and the last three grow.

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
    since = "0.2.0"
    lasting = True
    needs = ("loss.discriminator", "loss.generator")
    symptom_of = ("OPT018",)
    thresholds = {"factor": 3.0, "floor": 0.3, "min_rows": 100}

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
            bar = self.limits["factor"] * max(before, self.limits["floor"])
            if before > 0 and grows and size[-1] > bar:
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
