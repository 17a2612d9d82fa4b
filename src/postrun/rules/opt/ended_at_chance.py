"""Runs whose final values stand at chance, told by the summary where the history is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from postrun.metrics import MetricInfo, RunView, meanings
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence


class EndedAtChance(Rule):
    """The final values in the summary are those of guessing.

    ## What it does
    Reads the summary of a run whose history is incomplete: a loss and an accuracy that both stand where
    guessing between so many classes would leave them.

    ## Why it matters
    W&B writes the summary at the end, also if the log was cut. It is then all that is known of how the
    training ended, and no curve shows that nothing was learned.

    ## How it decides
    The log is incomplete. An accuracy within `close` of 1/k (relative) and a loss within `close` of ln k, of
    the same k between 2 and `classes`. Both must agree: a loss may be 0.69 by accident, and an accuracy 0.5.

    ## What to do
    Try to overfit one batch; then look at the learning rate, the labels and the last layer. Keep the
    log in full next time.

    ## Example
    "The run ended at chance: train_loss_epoch is 0.6932 (ln 2) and test_acc_epoch is 0.5 (1/2)"
    """

    code = "OPT028"
    name = "ended-at-chance"
    since = "0.2.0"
    live = END
    thresholds = {"close": 0.01, "classes": 1000}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not (done.truncated or done.no_history or done.damage):
            return
        values = {
            key: float(value)
            for key, value in view.run.summary.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and key[:1] != "_"
        }
        found = meanings(list(values))
        losses = self._of(found, values, "loss.")
        for score, share in self._of(found, values, "accuracy.").items():
            fraction = share / 100 if share > 1 else share
            classes = round(1 / fraction) if fraction > 0 else 0
            if not 2 <= classes <= self.limits["classes"]:
                continue
            if abs(fraction * classes - 1) > self.limits["close"]:
                continue
            chance = math.log(classes)
            loss = next(
                (k for k, v in losses.items() if abs(v / chance - 1) <= self.limits["close"]), None
            )
            if loss is None:
                continue
            series = [view.series(key).finite for key in (loss, score) if key in view.metrics]
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"The run ended at chance: {loss} is {number(losses[loss])} (ln {classes}) and {score} is "
                f"{number(share)} (1/{classes})",
                "Try to overfit one batch; then look at the learning rate, the labels and the last layer.",
                [evidence(s, after=values[s.key]) for s in series],
            )
            return

    @staticmethod
    def _of(
        found: Mapping[str, MetricInfo], values: dict[str, float], family: str
    ) -> dict[str, float]:
        """Return the values of metrics whose role belongs to a family."""
        return {
            key: values[key] for key, info in found.items() if (info.role or "").startswith(family)
        }
