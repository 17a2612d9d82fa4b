"""Trainer and sampler that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.perf.parts import share_of_step
from postrun.stats.robust import median


class WaitsForPeer(Rule):
    """Trainer or sampler waits for the other.

    ## What it does
    Reports the share of the step time that one process of an asynchronous training spends waiting
    for another.

    ## Why it matters
    The slower side sets the pace; hardware on the waiting side is idle.

    ## How it decides
    The sum of the logged waiting time over that of the step time, of the same process, is at least
    `share`.

    ## What to do
    Move hardware to the slower side, allow more asynchrony, or make its work smaller.

    ## Example
    "time/wait_for_batch takes 58% of time/step: the trainer waits for rollouts"
    """

    code = "PERF004"
    name = "waits-for-peer"
    live = LATE
    needs = ("time.wait",)
    thresholds = {"share": 0.3}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        found = share_of_step(view, "time.wait")
        if found is None or found[2] < self.limits["share"]:
            return
        part, whole, share = found
        yield self.finding(
            Severity.INFO,
            0.85,
            f"{part.key} takes {100 * share:.0f}% of {whole.key} (median {number(median(part.y), 2)} of "
            f"{number(median(whole.y), 2)} s): this side waits for the other",
            "Move hardware to the slower side, allow more asynchrony, or make its work smaller.",
            [evidence(part, before=median(whole.y), after=median(part.y), effect=share)],
        )
