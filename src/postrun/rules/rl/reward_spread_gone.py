"""Samples of one prompt all get the same reward: no advantage, no gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import LARGEST_SHARE
from postrun.stats.levels import change
from postrun.stats.robust import (
    median,
    rolling_median,
)


class RewardSpreadGone(Rule):
    """Samples of one prompt all get the same reward: no advantage, no gradient.

    ## What it does
    Reports a spread of rewards within groups (or the batch) that has gone, or groups without any
    spread that have become the rule.

    ## Why it matters
    Group-relative methods learn from differences within a group. Where all samples score alike, the
    advantage is 0 and the step is wasted, whatever the loss says.

    ## How it decides
    The share of groups without spread: its last fifth has a median of at least `zero_share`. Or the
    reward's standard deviation: its last fifth is below `kept_share` of its early level (first tenth).
    `info` where the reward itself (`min_rewards` values) is at its top (above `solved_share` of a 0-to-1
    scale): the task is solved.

    ## What to do
    Filter prompts that are solved always or never (dynamic sampling), raise the temperature, sample
    more per prompt, or use a finer reward.

    ## Example
    "train/frac_reward_zero_std has a median of 0.92 in the last fifth: 9 of 10 groups teach nothing"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.2, on the vanishing advantage.
    """

    code = "RL008"
    name = "reward-spread-gone"
    lasting = True
    needs = ("fraction.zero_std", "reward.std", "reward")
    symptom_of = ("RL001", "RL007")
    thresholds = {
        "zero_share": 0.8,
        "kept_share": 0.1,
        "solved_share": 0.95,
        "min_rows": 30,
        "min_rewards": 11,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        reward = view.first("reward")
        top = (
            reward is not None
            and len(reward.finite) >= self.limits["min_rewards"]
            and reward.finite.y.max() <= LARGEST_SHARE
            and _last_fifth(reward.finite) > self.limits["solved_share"]
        )
        dead = view.first("fraction.zero_std")
        if dead is not None and len(dead.finite) >= self.limits["min_rows"]:
            y = dead.finite
            end = _last_fifth(y)
            if end >= self.limits["zero_share"]:
                smooth = rolling_median(y.y, 5)
                at = float(y.x[int(np.argmax(smooth >= self.limits["zero_share"]))])
                yield self._say(
                    y,
                    at,
                    change(y.y).before,
                    end,
                    bool(top),
                    f"{y.key} has a median of {end:.2f} in the last fifth of the run: "
                    f"{100 * end:.0f}% of the groups teach nothing",
                )
                return
        for spread in self._spreads(view, reward):
            y = spread.finite
            if len(y) < self.limits["min_rows"]:
                continue
            start = median(y.y[: max(5, len(y) // 10)])
            end = _last_fifth(y)
            if start > 0 and end < self.limits["kept_share"] * start:
                smooth = rolling_median(y.y, 5)
                at = float(y.x[int(np.argmax(smooth <= self.limits["kept_share"] * start))])
                yield self._say(
                    y,
                    at,
                    start,
                    end,
                    bool(top),
                    f"{y.key} fell from {number(start, 3)} to {number(end, 3)} by {view.axis.at(at)}: "
                    "all samples score alike, and the advantage is gone",
                )
                return

    def _spreads(self, view: RunView, reward: Series | None) -> list[Series]:
        found = view.by_role("reward.std")
        if reward is not None:
            own = view.companion(reward.key, "std")
            found += [own] if own is not None else []
        return found

    def _say(
        self, y: Series, at: float, before: float, after: float, top: bool, text: str
    ) -> Finding:
        return self.finding(
            Severity.INFO if top else Severity.WARNING,
            0.85,
            text + (" (the task is solved)" if top else ""),
            "Filter prompts that are solved always or never, raise the temperature, sample more per "
            "prompt, or use a finer reward.",
            [evidence(y, at, before=before, after=after, effect=after)],
        )


def _last_fifth(series: Series) -> float:
    """Return the level of a series' last fifth, or of its last 5 values if that is more."""
    return median(series.y[-max(5, len(series) // 5) :])
