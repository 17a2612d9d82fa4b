"""A policy that loses its variety: entropy and length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import bin_medians, median


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
    the first level by which 80% of the fall was done. `warning` where a reward is logged and gained
    less than a tenth of its whole gain after that step, with at least half of the run to go; else
    `info`. Only in runs that log rewards or a KL divergence: elsewhere entropy means other things.

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
    needs = ("entropy",)
    symptom_of = ("RL001",)
    thresholds = {"kept_share": 0.35, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "entropy")
        others = view.by_role("reward", "reward.component", "kl.policy", "kl.mismatch")
        if series is None or not others:
            return
        fall = _fall(series, self.limits["kept_share"])
        if fall is None:
            return
        start, end, at = fall
        step = float(series.x[at])
        reward = view.first("reward")
        over = reward is not None and _stopped(reward.finite, step)
        text = (
            f"{series.key} fell from {number(start, 3)} to {number(end, 3)} "
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


class LengthCollapsed(Rule):
    """Completions became a small part of their length.

    ## What it does
    Reports completions (or episodes' answers) that shrank to a small part of their first length, by
    when, and what the reward and truncation did meanwhile.

    ## Why it matters
    Length often collapses because the reward punishes length or never asks for reasoning. Tokens per
    second fall with it although nothing is slower, and what the model can still learn shrinks.

    ## How it decides
    As RL002, for the mean completion length: the end is below `kept_share` of the start, and the
    start was at least `min_length` tokens. `warning`; `info` where truncated completions fell from
    above 20% at the same time: then long, cut-off answers were the fault that was mended.

    ## What to do
    Read completions from before and after that step; look at length penalties in the reward and at
    how losses are averaged over tokens.

    ## Example
    "completion_len/mean fell from 445 to 17 tokens (to 4%), most of it by step 105"

    ## References
    Liu et al. 2025, "Understanding R1-Zero-like training" (arXiv 2503.20783) on length bias.
    """

    code = "RL003"
    name = "length-collapsed"
    lasting = True
    needs = ("length.completion",)
    thresholds = {"kept_share": 0.3, "min_length": 20.0, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "length.completion")
        if series is None:
            return
        fall = _fall(series, self.limits["kept_share"])
        if fall is None or fall[0] < self.limits["min_length"]:
            return
        start, end, at = fall
        step = float(series.x[at])
        proofs = [evidence(series, 0.0, step, before=start, after=end, effect=end / start)]
        text = (
            f"{series.key} fell from {number(start, 3)} to {number(end, 3)} tokens "
            f"(to {100 * end / start:.0f}%), most of it by {view.axis.at(step)}"
        )
        cut = view.first("fraction.truncated")
        mended = False
        if cut is not None and len(cut.finite) >= 10:
            before = median(cut.finite.y[: max(3, len(cut.finite) // 50)])
            after = median(cut.finite.between(step, np.inf).y)
            mended = before > 0.2 and after < 0.25 * before
            if mended:
                text += f"; truncated completions fell from {before:.0%} to {after:.0%} with it"
                proofs.append(evidence(cut.finite, before=before, after=after))
        yield self.finding(
            Severity.INFO if mended else Severity.WARNING,
            0.85,
            text,
            "Read completions from before and after that step; look at length penalties in the "
            "reward and at how the loss is averaged over tokens.",
            proofs,
        )


def _fall(series: Series, kept_share: float) -> tuple[float, float, int] | None:
    """Start level, end level, and the index by which 80% of the fall was done."""
    _, levels, first = bin_medians(series.x, series.y, min(60, len(series) // 5))
    start, end = float(levels[0]), median(levels[-max(1, len(levels) // 10) :])
    if not start > 0 or end > kept_share * start:
        return None
    k = int(np.argmax(levels <= start - 0.8 * (start - end)))
    return start, end, int(first[k])


def _stopped(reward: Series, step: float) -> bool:
    """True where less than a tenth of the reward's gain came after `step`, in half of the run."""
    later = reward.between(step, np.inf)
    if len(later) < 0.5 * len(reward) or len(later) < 20:
        return False
    part = max(5, len(reward) // 50)
    start, end = median(reward.y[:part]), median(reward.y[-5 * part :])
    return end > start and end - median(later.y[:part]) < 0.1 * (end - start)
