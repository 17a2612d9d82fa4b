"""Most prompts are solved by every sample, or by none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import change
from postrun.stats.robust import (
    median,
    rolling_median,
)


class SolveAllOrNone(Rule):
    """Most prompts are solved by every sample, or by none.

    ## What it does
    Reports batches in which most prompts give no signal because all their samples succeed or all
    fail.

    ## Why it matters
    Both teach nothing: the batch is as small as the rest of it. None means too hard a task, all
    means too easy a one.

    ## How it decides
    The logged share of prompts that all (none) of the samples solve has a median of at least `share`
    in the last third of the run.

    ## What to do
    Choose prompts by their current success rate; make them harder (all) or easier (none).

    ## Example
    "batch/solve_none has a median of 0.81 in the last third: 81% of the prompts are never solved"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.2 (dynamic sampling).
    """

    code = "RL009"
    name = "solve-all-or-none"
    live = LATE
    needs = ("fraction.solve_all", "fraction.solve_none")
    thresholds = {"share": 0.5, "min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per kind."""
        for role, words, severity in (
            ("fraction.solve_none", "no sample solves", Severity.WARNING),
            ("fraction.solve_all", "every sample solves", Severity.INFO),
        ):
            y = self.usable(view, role)
            if y is None or y.y.max() > 1:
                continue
            end = median(y.y[-max(5, len(y) // 3) :])
            if end < self.limits["share"]:
                continue
            smooth = rolling_median(y.y, 5)
            at = float(y.x[int(np.argmax(smooth >= self.limits["share"]))])
            yield self.finding(
                severity,
                0.85,
                f"{y.key} has a median of {number(end, 2)} in the last third of the run: {words} "
                f"{100 * end:.0f}% of the prompts, and they teach nothing",
                "Choose prompts by their current success rate: easier ones where none succeeds, harder "
                "ones where all do.",
                [evidence(y, at, before=change(y.y).before, after=end, effect=end)],
            )
