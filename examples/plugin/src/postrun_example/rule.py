"""A rule that compares the training loss with a target in the config."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun import Evidence, Finding, Rule, RunView, Severity


class LossAboveTarget(Rule):
    """The training loss ends above the target that the config names.

    ## What it does
    Compares the last level of the training loss with `target_loss` of the config.

    ## Why it matters
    A run that misses its target needs more steps or other settings before it is released.

    ## How it decides
    The median of the last tenth of the training loss lies above `target_loss` by more than `slack`.

    ## What to do
    Train longer, or look at the other findings of the run.

    ## Example
    "loss ends at 0.5, above the target of 0.1"
    """

    code = "ACME001"
    name = "loss-above-target"
    needs = ("loss.train",)
    thresholds = {"slack": 0.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series, target = view.first("loss.train"), view.flat_config.get("target_loss")
        if series is None or not isinstance(target, int | float):
            return
        y = series.finite.y
        end = float(np.median(y[-max(1, len(y) // 10) :]))
        if end > target + self.limits["slack"]:
            yield self.finding(
                Severity.WARNING,
                0.9,
                f"{series.key} ends at {end:.4g}, above the target of {target:.4g}",
                "Train longer, or look at the other findings of the run.",
                [Evidence(series.key, "loss.train", before=float(target), after=end, n=len(y))],
            )
