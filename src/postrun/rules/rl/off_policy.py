"""Samples come from a policy that is far from the one that is trained."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE
from postrun.stats.robust import median


class OffPolicy(Rule):
    """Samples come from a policy that is far from the one that is trained.

    ## What it does
    Reports importance ratios, effective sample sizes or policy lags that show samples to be stale.

    ## Why it matters
    Off-policy samples make the gradient biased (if ratios are clipped) or noisy (if they are not):
    most of the batch then has little weight.

    ## How it decides
    Second half of the run: the mean importance ratio's median is off 1 by more than `ratio_gap`, or
    the effective sample size (as a share) is below `ess`, or the lag is at least `lag` updates.

    ## What to do
    Refresh the sampler's weights more often, lower the number of updates per batch or the
    asynchrony, truncate ratios.

    ## Example
    "rollout_corr/rollout_is_eff_sample_size has a median of 0.21: a fifth of the batch carries all
    the weight"

    ## References
    verl, "Rollout correction" (effective sample size, ratio statistics).
    """

    code = "RL013"
    name = "off-policy"
    needs = ("ratio.importance", "ess", "lag.policy")
    symptom_of = ("RL001",)
    thresholds = {"ratio_gap": 0.2, "ess": 0.5, "lag": 8, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        parts: list[str] = []
        proofs: list[Evidence] = []
        for role in ("ess", "ratio.importance", "lag.policy"):
            y = self.usable(view, role)
            if y is None:
                continue
            level = median(y.y[len(y) // 2 :])
            bad = {
                "ess": level < self.limits["ess"] and y.y.max() <= LARGEST_SHARE,
                "ratio.importance": abs(level - 1) > self.limits["ratio_gap"],
                "lag.policy": level >= self.limits["lag"],
            }[role]
            if bad:
                parts.append(f"{y.key} (median {number(level, 3)})")
                early = median(y.y[: max(5, len(y) // 10)])
                proofs.append(
                    evidence(y, float(y.x[len(y) // 2]), before=early, after=level, effect=level)
                )
        if not parts:
            return
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"{' and '.join(parts[:2])} show{'s' * (len(parts) == 1)} in the second half of the run that "
            "samples come from a policy far from the trained one",
            "Refresh the sampler's weights more often, take fewer updates per batch, or truncate ratios.",
            proofs,
        )
