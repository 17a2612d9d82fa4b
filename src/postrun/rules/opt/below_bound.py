"""A loss that is lower than it can be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence

_BOUNDED = re.compile(
    r"cross[_ -]?entropy|x?ent_loss|(?:^|[/_])(?:b?ce|ce_loss|bce\w*|logloss|log_loss|mse|mae|rmse)(?:$|[/_])"
)


class BelowBound(Rule):
    """A loss went below 0, which it cannot.

    ## What it does
    Reports a loss of a classifier, or one whose name says cross-entropy or squared error, with values
    below 0.

    ## Why it matters
    Cross-entropies and errors are never negative. Below 0, labels lie outside [0, 1] (classes given as numbers
    to a binary loss, inputs that were scaled with their labels) or outputs are no probabilities; the
    optimizer then finds minus infinity, and what looks like an improvement means nothing.

    ## How it decides
    A training or evaluation loss with a value more than `below` below 0, beside an accuracy, or with such a
    name. Not beside rewards or a KL to a prior, whose losses may have any sign.

    ## What to do
    Check the labels' range and the last activation against the loss: sigmoid with 0 and 1, softmax with
    classes.

    ## Example
    "loss goes to -693, although a classifier's loss cannot be below 0"
    """

    code = "OPT021"
    name = "loss-below-bound"
    since = "0.2.0"
    needs = ("loss.train", "loss.eval", "loss.component")
    thresholds = {"below": 0.001}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the loss that is lowest."""
        if view.has("reward", "loss.policy", "kl.latent", "loss.discriminator", "reward.margin"):
            return
        classifier = view.has("accuracy.train", "accuracy.eval")
        found = [
            series.finite
            for series in view.by_role("loss.train", "loss.eval", "loss.component")
            if (
                (classifier and series.info.role != "loss.component")
                or _BOUNDED.search(series.key.lower())
            )
            and len(series.finite) >= 2
            and float(series.finite.y.min()) < -self.limits["below"]
        ]
        if not found:
            return
        worst = min(found, key=lambda s: float(s.y.min()))
        lowest = float(worst.y.min())
        what = "a classifier's loss" if classifier else "a loss of this kind"
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"{worst.key} goes to {number(lowest)}, although {what} cannot be below 0",
            "Check the labels' range and the last activation against the loss: sigmoid with 0 and 1, "
            "softmax with "
            "classes.",
            [evidence(s, after=float(s.y.min())) for s in found],
        )
