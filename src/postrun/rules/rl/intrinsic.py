"""Intrinsic rewards that drown the task's reward."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.robust import median

_OF_THE_TASK = re.compile(
    r"(?:^|[^a-z])(?:extrinsic|ext|external|task|env|environment)(?:[^a-z]|$)", re.I
)


class IntrinsicRewardDrowns(Rule):
    """The intrinsic reward outgrows the task's reward, which does not rise.

    ## What it does
    Compares an intrinsic reward (curiosity, random network distillation, a bonus for novelty) with the
    reward of the task.

    ## Why it matters
    A bonus for novelty should fade as the policy learns. If it grows, it is what the policy learns to
    collect, and the sum of both rewards rises although the task does not get better.

    ## How it decides
    At least `min_rows` values of both. The intrinsic reward's level grows by `grown` or more from the first
    tenth to the last third, where it is at least `times` the task's reward or its spread; the task's reward
    gains at most `rise_share` of its own standard deviation. The task's reward is the one that its name calls
    so (extrinsic, task, env); or, of two rewards, the one that makes the other together with the intrinsic
    reward, to `sum_tolerance` of that, in at least `min_shared` rows that log all three.

    ## What to do
    Normalise the intrinsic reward by its running deviation, lower its weight, let it decay, and
    judge the run by the task's reward alone.

    ## Example
    "Intrinsic reward grew from 25 to 1.06e+05 while Extrinsic reward did not rise (-98 to -104)"

    ## References
    Burda et al. 2018, "Exploration by random network distillation" (arXiv 1810.12894), section 2.4.
    """

    code = "RL022"
    name = "intrinsic-reward-drowns"
    since = "0.2.0"
    live = LATE
    needs = ("reward", "reward.component")
    thresholds = {
        "min_rows": 30,
        "grown": 5.0,
        "times": 5.0,
        "rise_share": 0.5,
        "sum_tolerance": 0.01,
        "min_shared": 10,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rewards = [s for s in view.by_role("reward") if self._long(s)]
        for key, info in view.metrics.items():
            if info.quantity != "intrinsic reward" or not info.central:
                continue
            bonus = view.series(key)
            task = self._task(bonus, rewards) if self._long(bonus) else None
            if task is None or not self._drowns(bonus.finite, task.finite):
                continue
            told, own = bonus.finite, task.finite
            grown, levels = _ends(told), _ends(own)
            sums = [s for s in rewards if s is not task and self._is_sum(s, task, bonus)]
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{bonus.key} grew from {number(grown[0], 3)} to {number(grown[1], 3)} while {task.key} did "
                f"not rise ({number(levels[0], 3)} to {number(levels[1], 3)})",
                "Normalise the intrinsic reward by its running deviation, lower its weight or let it decay, "
                "and judge the run by the task's reward alone.",
                [
                    evidence(told, before=grown[0], after=grown[1], effect=grown[1] / grown[0]),
                    evidence(own, before=levels[0], after=levels[1]),
                    *(evidence(s.finite) for s in sums),
                ],
            )
            return

    def _long(self, series: Series) -> bool:
        return len(series.finite) >= self.limits["min_rows"]

    def _task(self, bonus: Series, rewards: Sequence[Series]) -> Series | None:
        """Return the reward of the task among all rewards, None if that is not certain."""
        named = [s for s in rewards if _OF_THE_TASK.search(s.key)]
        if named:
            return named[0]
        pairs = [
            (t, s) for t in rewards for s in rewards if t is not s and self._is_sum(s, t, bonus)
        ]
        return pairs[0][0] if len(pairs) == 1 else None

    def _drowns(self, bonus: Series, task: Series) -> bool:
        first, last = _ends(bonus)
        before, after = _ends(task)
        spread = float(task.y.std())
        size = max(median(np.abs(task.y)), spread)
        grew = first > 0 and last >= self.limits["grown"] * first
        stayed = after - before <= self.limits["rise_share"] * spread
        return grew and last >= self.limits["times"] * size and stayed

    def _is_sum(self, total: Series, part: Series, bonus: Series) -> bool:
        """Return whether a reward is the sum of a part and the bonus in most rows that have all three."""
        rows = np.intersect1d(np.intersect1d(total.x, part.x), bonus.x)
        if len(rows) < self.limits["min_shared"]:
            return False
        values = (s.y[np.searchsorted(s.x, rows)] for s in (total, part, bonus))
        whole, own, extra = values
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.nanmedian(np.abs(whole - own - extra))
            return bool(off <= self.limits["sum_tolerance"] * np.nanmedian(np.abs(extra)))


def _ends(series: Series) -> tuple[float, float]:
    """Return the levels of the first tenth and of the last third."""
    n = len(series)
    return median(series.y[: max(5, n // 10)]), median(series.y[-max(5, n // 3) :])
