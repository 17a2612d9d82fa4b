"""Two networks against each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, rolling_median

#: The quantity of half a loss, and how many of them a discriminator has.
_HALF, _BOTH = "discriminator loss on one half", 2


class DiscriminatorWins(Rule):
    """The discriminator always wins: the generator gets no signal.

    ## What it does
    Reports an adversarial training whose discriminator loss goes to 0 while the generator's loss
    grows.

    ## Why it matters
    A discriminator that is always right and always sure has no gradient to give; the generator
    stays where it is. Balanced losses, on the other hand, say nothing about the quality of samples.

    ## How it decides
    Discriminator losses that are never negative (a Wasserstein critic's are, and are left out) whose
    last tenth lies below the first values divided by `fall_factor`, and a generator loss that rose above
    `factor` times its first values; and either the discriminator's loss is below `loss_floor`, or the
    generator's above `sure` nats (the discriminator gives its samples a chance of 1 in 3,000). Losses of 0.3
    and 3 to 5 are those of many good trainings and are not reported. Where the discriminator's loss is logged
    in halves only, on real and on generated samples, the half that ends higher is judged.

    ## What to do
    Slow the discriminator (lower learning rate, fewer steps), smooth its labels, add noise or a
    gradient penalty.

    ## Example
    "d_loss falls to 0.004 while g_loss rises from 0.7 to 8.1, from step 600 on"

    ## References
    Arjovsky and Bottou 2017, "Towards principled methods for training GANs" (arXiv 1701.04862).
    """

    code = "OPT018"
    name = "discriminator-wins"
    needs = ("loss.discriminator", "loss.generator")
    thresholds = {"loss_floor": 0.1, "factor": 2.0, "fall_factor": 3.0, "sure": 8.0, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        judge = self.usable(view, "loss.discriminator") or self._halves(view)
        maker = self.usable(view, "loss.generator")
        if judge is None or maker is None or (judge.y < 0).any():
            return
        d, g = change(judge.y), change(maker.y)
        # It may win within the first tenth already: the very first values count.
        sure = d.after <= self.limits["loss_floor"] or g.after >= self.limits["sure"]
        if not sure or d.after > float(np.median(judge.y[:5])) / self.limits["fall_factor"]:
            return
        if not g.after > self.limits["factor"] * max(abs(float(np.median(maker.y[:5]))), 1e-6):
            return
        smooth = rolling_median(judge.y, int(np.clip(len(judge) // 50, 3, 51)))
        start = float(np.max(smooth[: max(5, len(smooth) // 10)]))
        at = float(judge.x[begins(smooth, start, d.after, mad_sigma(judge.y[:20]))])
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{judge.key} falls from {number(start, 3)} to {number(d.after, 3)} while {maker.key} rises to "
            f"{number(g.after, 3)}, from {view.axis.at(at)} on: the generator gets no useful signal",
            "Slow the discriminator (learning rate, steps), smooth its labels, or add noise or a "
            "gradient penalty.",
            [
                evidence(judge, at, before=start, after=d.after),
                evidence(maker, at, before=g.before, after=g.after),
            ],
        )

    def _halves(self, view: RunView) -> Series | None:
        """Return the half of a discriminator's loss that ends higher; None unless both are logged."""
        halves = [
            view.series(key).finite
            for key, info in view.metrics.items()
            if info.quantity == _HALF and not info.stat
        ]
        long = [half for half in halves if len(half) >= self.limits["min_rows"]]
        if len(long) < _BOTH:
            return None
        return max(long, key=lambda half: change(half.y).after)
