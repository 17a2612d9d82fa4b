"""Steps that wait for data."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.perf.parts import share_of_step
from postrun.stats.robust import median


class DataStall(Rule):
    """A large part of each step is spent waiting for data.

    ## What it does
    Compares the time spent waiting for the data loader with the step time.

    ## Why it matters
    The accelerator stands still meanwhile; a faster loader is the cheapest speed there is.

    ## How it decides
    Where both are logged: the sum of the waiting time over the sum of the step time is at least
    `share` (`warning` from twice that on).

    ## What to do
    More loader workers, prefetching, data in larger files on a local disk, cheaper transforms.

    ## Example
    "time/data takes 34% of time/step (0.21 of 0.62 s)"

    ## References
    Mohan et al. 2021, "Analyzing and mitigating data stalls in DNN training" (arXiv
    2007.06775); SageMaker Debugger, rule IOBottleneck.
    """

    code = "PERF003"
    name = "data-stall"
    live = LATE
    needs = ("time.data",)
    thresholds = {"share": 0.15}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        found = share_of_step(view, "time.data")
        if found is None or found[2] < self.limits["share"]:
            return
        part, whole, share = found
        yield self.finding(
            Severity.WARNING if share > 2 * self.limits["share"] else Severity.INFO,
            0.85,
            f"{part.key} takes {100 * share:.0f}% of {whole.key} ({number(median(part.y), 2)} of "
            f"{number(median(whole.y), 2)} s): the accelerator waits for data",
            "More loader workers, prefetching, larger files on a local disk, or cheaper transforms.",
            [evidence(part, before=median(whole.y), after=median(part.y), effect=share)],
        )
