"""The policy does not move."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import median


class PolicyStill(Rule):
    """The policy does not move.

    ## What it does
    Reports updates that leave the policy where it is.

    ## Why it matters
    Sampling goes on and costs what it costs, but nothing is learned: the learning rate is 0 or far too low,
    advantages are 0, or gradients do not reach the policy.

    ## How it decides
    The KL between the policy before and after an update (`approx_kl`) has a median below `kl` over at least
    `min_rows` updates and a largest value below `high_factor` times `kl`, while the reward does not rise: it
    has fewer than `min_rewards` values, or did not move, or gained at most `sigmas` times its noise.

    ## What to do
    Look at the learning rate that the optimizer has (the scheduler's first value), at the advantages'
    spread, and at the gradient norm.

    ## Example
    "train/approx_kl has a median of 1.2e-09: an update does not move the policy"

    ## References
    Schulman 2020, "Approximating KL divergence"; Schulman et al. 2017, "Proximal policy optimization"
    (arXiv 1707.06347).
    """

    code = "RL020"
    name = "policy-still"
    since = "0.2.0"
    live = LATE
    needs = ("kl.step",)
    symptom_of = ("OPT005", "RL008")
    thresholds = {
        "kl": 1e-5,
        "high_factor": 10.0,
        "sigmas": 4.0,
        "min_rows": 8,
        "min_rewards": 8,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.by_role("kl.step"):
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                continue
            size = abs(y.y)
            usual, high = median(size), float(size.max())
            kl = self.limits["kl"]
            if usual >= kl or high >= self.limits["high_factor"] * kl:
                continue
            reward = view.first("reward", "reward.eval")
            if reward is not None and len(reward.finite) >= self.limits["min_rewards"]:
                curve = view.curve(reward.key)
                gain = curve.last.value - float(reward.finite.y[0])
                if curve.never_moved is False and gain > self.limits["sigmas"] * curve.noise:
                    return
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{series.key} has a median of {number(usual, 2)}: an update does not move the policy",
                "Look at the learning rate that the optimizer has, at the advantages' spread, and at "
                "the gradient norm.",
                [evidence(y, after=usual, effect=high)],
            )
            return
