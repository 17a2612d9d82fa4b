"""A policy's training that does not say what the policy earns."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import LATE, Rule, evidence

_MARKS = ("explained_variance", "kl.step", "loss.value", "loss.policy")
_EARNED = (
    "reward",
    "reward.eval",
    "reward.component",
    "success",
    "length.episode",
    "score.eval",
    "accuracy.eval",
)


class NoReturn(Rule):
    """A policy is trained, and no reward is logged.

    ## What it does
    Reports reinforcement learning whose log holds the optimizer's numbers but no reward, return or success.

    ## Why it matters
    Losses of a policy, its entropy and its clip fraction say how it moves, not whether it gets better.
    Without what it earns, neither learning nor collapse can be seen.

    ## How it decides
    At least two of policy loss, value loss, explained variance and the KL of an update, with `min_rows`
    values, and no metric that is a reward, a success, an episode's length, a score or an accuracy.

    ## What to do
    Log the mean episode return and length of finished episodes (a `Monitor` or `RecordEpisodeStatistics`
    wrapper).

    ## Example
    "No reward or return is logged beside losses/value_loss and losses/policy_loss: whether the policy
    learns cannot be seen"
    """

    code = "RL021"
    name = "no-return-logged"
    since = "0.2.0"
    live = LATE
    needs = _MARKS
    thresholds = {"min_rows": 10}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        if view.has(*_EARNED):
            return
        marks = {role: s for role in _MARKS if (s := view.first(role)) is not None}
        marks = {r: s for r, s in marks.items() if len(s.finite) >= self.limits["min_rows"]}
        if len(marks) < 2:
            return
        first, second = list(marks.values())[:2]
        yield self.finding(
            Severity.INFO,
            0.8,
            f"No reward or return is logged beside {first.key} and {second.key}: whether the policy "
            "learns cannot "
            "be seen",
            "Log the mean return and length of finished episodes.",
            [evidence(first.finite), evidence(second.finite)],
        )
