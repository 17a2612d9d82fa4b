"""The policy's entropy fell to a small part of what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import lasting_fall
from postrun.stats.robust import median


class EntropyFell(Rule):
    """The policy's entropy fell to a small part of what it was.

    ## What it does
    Says how far entropy fell, by when most of the fall was done, and whether the reward still grew
    afterwards.

    ## Why it matters
    A policy without entropy explores nothing: what it has not found by then it will not find. A low
    entropy is no sign of success ("the model is confident"); with a reward that stopped growing it
    means that the run is over.

    ## How it decides
    Levels are medians of at most 60 consecutive groups. Start is the first, end the median of the
    last tenth; the rule speaks where the end is below `kept_share` of the start. The step named is
    the first level by which 80% of the fall was done. `warning` where the end is at most `gone_share` of the
    start, or the fall was done in the first `early_share` of the reward's values; and the reward gained less
    than `gained_share` of its whole gain after it (`gained_early` if it was early), with at least `later_share`
    of its values and `min_rewards` of them to go; else `info`. An entropy between 0 and `none` in every row is
    told as well. An "entropy loss" that is never above 0 is read as the entropy's negative. Only in runs that
    log rewards or a KL divergence: elsewhere entropy means other things.

    ## What to do
    An entropy bonus or a higher clip range for low-probability tokens, a higher sampling
    temperature, fewer steps per batch; or stop there.

    ## Example
    "entropy/mean fell from 0.93 to 0.21 (to 23%), most of it by step 150"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.1 on entropy collapse.
    """

    code = "RL002"
    name = "entropy-fell"
    needs = ("entropy", "reward")
    symptom_of = ("RL001",)
    thresholds = {
        "kept_share": 0.35,
        "later_share": 0.5,
        "gone_share": 0.1,
        "gained_share": 0.1,
        "early_share": 0.1,
        "gained_early": 0.15,
        "none": 0.02,
        "min_rows": 50,
        "min_rewards": 20,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "entropy")
        name = series.key if series is not None else ""
        if series is None and not view.has("entropy"):
            series = self._of_loss(view)
            name = f"The entropy (-{series.key})" if series is not None else ""
        others = view.by_role("reward", "reward.component", "kl.policy", "kl.mismatch")
        if series is None or not others:
            return
        fall = lasting_fall(series, self.limits["kept_share"])
        if float(series.y.min()) >= 0 and float(series.y.max()) < self.limits["none"]:
            yield self._never_any(series, name, view.has("reward"))
            return
        if fall is None:
            return
        start, end, at = fall
        step = float(series.x[at])
        reward = view.first("reward")
        gone = end <= self.limits["gone_share"] * start
        over = reward is not None and self._stopped(reward.finite, step, gone)
        text = (
            f"{name} fell from {number(start, 3)} to {number(end, 3)} "
            f"(to {100 * end / start:.0f}%), most of it by {view.axis.at(step)}"
        )
        if over and reward is not None:
            text += f"; {reward.key} hardly grew after that"
        proofs = [evidence(series, 0.0, step, before=start, after=end, effect=end / start)]
        yield self.finding(
            Severity.WARNING if over else Severity.INFO,
            0.85,
            text,
            "An entropy bonus, a wider clip range upwards, a higher sampling temperature or fewer "
            "steps per batch keep exploration alive; otherwise stop there.",
            proofs,
        )

    def _of_loss(self, view: RunView) -> Series | None:
        """Return the entropy of which an "entropy loss" is the negative, as Stable-Baselines3 logs it."""
        for key, info in view.metrics.items():
            if info.quantity != "entropy loss":
                continue
            series = view.series(key).finite
            if len(series) >= self.limits["min_rows"] and float(series.y.max()) <= 0:
                return replace(series, y=-series.y, _finite=None)
        return None

    def _never_any(self, series: Series, name: str, rewarded: bool) -> Finding:
        return self.finding(
            Severity.WARNING if rewarded else Severity.INFO,
            0.8,
            f"{name} is within {number(float(series.y.max()), 2)} of 0 from the first row on: the policy "
            "always takes the same action and explores nothing",
            "Lower the learning rate and add an entropy bonus; look at the first updates.",
            [evidence(series, before=float(series.y[0]), after=median(series.y[-5:]))],
        )

    def _stopped(self, reward: Series, step: float, gone: bool) -> bool:
        """Return whether little of the reward's gain came after `step`, with much of the run to go."""
        later = reward.between(step, np.inf)
        if len(later) < max(self.limits["later_share"] * len(reward), self.limits["min_rewards"]):
            return False
        part = max(5, len(reward) // 50)
        start, end = median(reward.y[:part]), median(reward.y[-5 * part :])
        gained = end - median(later.y[:part])
        early = len(later) >= (1 - self.limits["early_share"]) * len(reward)
        least = self.limits["gained_early" if early else "gained_share"]
        return (gone or early) and end > start and gained < least * (end - start)
