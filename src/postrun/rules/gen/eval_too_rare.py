"""So few evaluations that nothing can be said about generalisation."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import END, Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT


class EvalTooRare(Rule):
    """So few evaluations that nothing can be said about generalisation.

    ## What it does
    Reports a long run with fewer than `few` evaluations.

    ## Why it matters
    Overfitting, the best checkpoint and the noise of the evaluation cannot be seen in two or three
    points.

    ## How it decides
    At least `min_rows` training rows, and an evaluation metric with 1 to `few` - 1 values.

    ## What to do
    Evaluate 20 to 50 times per run, on a subset where it is expensive.

    ## Example
    "2 evaluations in 20,000 training rows: overfitting and the best step cannot be seen"
    """

    code = "GEN003"
    name = "eval-too-rare"
    live = END
    needs = HELD_OUT
    thresholds = {"few": 4, "min_rows": 1000}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        train = max(view.by_role("loss.train", "loss.policy", "reward"), key=len, default=None)
        held_out = max(view.by_role(*HELD_OUT), key=len, default=None)
        if train is None or held_out is None or not 0 < len(held_out) < self.limits["few"]:
            return
        if len(train) < self.limits["min_rows"]:
            return
        n = len(held_out)
        yield self.finding(
            Severity.INFO,
            0.9,
            f"{n} evaluation{'s' if n > 1 else ''} ({held_out.key}) in {len(train):,} training rows: "
            "overfitting and the best step cannot be seen",
            "Evaluate 20 to 50 times per run, on a subset where it is expensive.",
            [evidence(held_out, after=float(held_out.y[-1]), effect=n / len(train))],
        )
