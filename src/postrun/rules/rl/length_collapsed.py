"""Completions became a small part of their length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import lasting_fall
from postrun.stats.robust import median


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
    start was at least `min_length` tokens. `warning`; `info` where the share of truncated completions
    (`min_values` of them) was above `truncated` and fell below `mended_share` of that at the same time:
    then long, cut-off answers were the fault that was mended.

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
    thresholds = {
        "kept_share": 0.3,
        "min_length": 20.0,
        "truncated": 0.2,
        "mended_share": 0.25,
        "min_rows": 50,
        "min_values": 10,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self.usable(view, "length.completion")
        if series is None:
            return
        fall = lasting_fall(series, self.limits["kept_share"])
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
        if cut is not None and len(cut.finite) >= self.limits["min_values"]:
            before = median(cut.finite.y[: max(3, len(cut.finite) // 50)])
            after = median(cut.finite.between(step, np.inf).y)
            many = before > self.limits["truncated"]
            mended = many and after < self.limits["mended_share"] * before
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
