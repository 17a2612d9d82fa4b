"""Runs that logged too little to be judged."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import END, Rule, evidence
from postrun.training.ending import FINISHED, STOPPED, how_it_ended

_GOALS = (
    "loss.train", "loss.eval", "loss.policy", "loss.value", "reward", "reward.eval", "accuracy.train",
    "accuracy.eval", "score.eval", "score.train", "perplexity.train", "perplexity.eval", "success",
)  # fmt: skip


class TooFewValues(Rule):
    """Too few values to judge the training.

    ## What it does
    Says that a run which ended well logged so few values of its goals that nothing can be said of its
    learning.

    ## Why it matters
    A diagnosis without findings looks like a healthy run. Here it only means that there was nothing to judge.

    ## How it decides
    The run finished, or the user stopped it; of its losses, rewards, accuracies and scores the longest has
    at most `most` values.

    ## What to do
    Log more often (for Hugging Face `logging_steps`), or train longer.

    ## Example
    "Too few values to judge the training: episode/reward has 3, and no other goal has more"
    """

    code = "DAT010"
    name = "too-few-values"
    since = "0.2.0"
    live = END
    needs = _GOALS
    thresholds = {"most": 4}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        goals = [s for role in _GOALS for s in view.by_role(role) if len(s)]
        longest = max(goals, key=len, default=None)
        if longest is None or len(longest) > self.limits["most"]:
            return
        done = view.run.completeness
        if done.truncated or done.no_history or how_it_ended(view).kind not in (FINISHED, STOPPED):
            return
        rest = "" if len(goals) == 1 else ", and no other goal has more"
        yield self.finding(
            Severity.INFO,
            0.9,
            f"Too few values to judge the training: {longest.key} has {len(longest)}{rest}",
            "Log more often, or train longer.",
            [evidence(longest)],
        )
