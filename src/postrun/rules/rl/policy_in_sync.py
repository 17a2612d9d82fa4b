"""What rules trainer-inference mismatch out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.stats.levels import change


class PolicyInSync(Rule):
    """Trainer and inference agree throughout.

    ## What it does
    Says (`good`) that the logged measures of trainer-inference mismatch stayed small.

    ## Why it matters
    It is the first thing to rule out when a policy-gradient run goes wrong.

    ## How it decides
    At least `min_rows` rows; the 95% quantile of the mismatch KL is below `kl`, and that of the
    probability gap below `gap`, of those that are logged.

    ## Example
    "Trainer and inference agree: mismatch_kl/mean below 0.002 in 95% of the rows"
    """

    code = "RL018"
    name = "policy-in-sync"
    live = END
    needs = ("kl.mismatch", "prob.gap")
    thresholds = {"kl": 0.01, "gap": 0.01, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        parts, proofs = [], []
        for role, limit in (("kl.mismatch", "kl"), ("prob.gap", "gap")):
            series: Series | None = view.first(role)
            if series is None:
                continue
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                return
            high = float(np.quantile(np.abs(y.y), 0.95))
            if high >= self.limits[limit]:
                return
            parts.append(f"{y.key} below {number(high, 2)} in 95% of the rows")
            proofs.append(
                evidence(y, before=change(y.y).before, after=change(y.y).after, effect=high)
            )
        if parts:
            yield self.finding(
                Severity.GOOD,
                0.85,
                f"Trainer and inference agree: {'; '.join(parts)}",
                evidence=proofs,
            )
