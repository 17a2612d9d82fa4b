"""Completions grow manyfold without more reward."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, before_and_end, evidence
from postrun.rules.opt.progress import improves
from postrun.stats.levels import begins, change
from postrun.stats.robust import mad_sigma, median, rolling_median, smoothed

_EVALUATED = ("accuracy.eval", "score.eval", "reward.eval")


class LengthExploded(Rule):
    """Completions grow manyfold without more reward.

    ## What it does
    Reports completions that became much longer while the reward stood still or fell.

    ## Why it matters
    Length that pays (reasoning that grows with the reward) is progress. Length that does not is
    padding, repetition or a loss that favours long answers, and generation time grows with it.

    ## How it decides
    The mean length of the last tenth is at least `factor` times that of the first, and since the
    growth began the reward gained at most `gained_share` of its range, and no score of the evaluation got
    better. Nothing is said without a reward of
    `min_rewards` values.

    ## What to do
    Read long completions; average the loss over tokens of the batch, not per answer; penalise
    overlong answers.

    ## Example
    "completions/mean_length grew from 210 to 1,480 from step 300 on, while train/reward went from
    0.61 to 0.6"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), sections 3.3 and 3.4; Liu et al. 2025 (arXiv 2503.20783).
    """

    code = "RL011"
    name = "length-exploded"
    lasting = True
    needs = ("length.completion",)
    symptom_of = ("RL001", "RL006")
    thresholds = {"factor": 2.0, "gained_share": 0.1, "min_rows": 50, "min_rewards": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y, reward = self.usable(view, "length.completion"), view.first("reward")
        if y is None or reward is None:
            return
        reward = reward.finite
        moved = change(y.y)
        if len(reward) < self.limits["min_rewards"]:
            return
        if not moved.before > 0 or moved.ratio < self.limits["factor"]:
            return
        smooth = smoothed(y.y)
        part = y.y[: max(5, len(y) // 10)]
        step = float(y.x[begins(smooth, moved.before, moved.after, mad_sigma(part))])
        span = float(np.ptp(rolling_median(reward.y, 5)))
        then, now = before_and_end(reward, step)
        if np.isnan(then):
            then = median(reward.y[: max(5, len(reward) // 20)])
        if now - then > self.limits["gained_share"] * span:
            return
        if any(improves(view, s) for s in view.by_role(*_EVALUATED)):
            return  # it buys something elsewhere
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"{y.key} grew from {number(moved.before, 3)} to {number(moved.after, 3)} tokens "
            f"from {view.axis.at(step)} on, while {reward.key} went from {number(then, 3)} to "
            f"{number(now, 3)}: length that buys no reward",
            "Read long completions; average the loss over the batch's tokens; penalise overlong answers.",
            [
                evidence(y, step, before=moved.before, after=moved.after, effect=moved.ratio),
                evidence(reward, step, before=then, after=now),
            ],
        )
