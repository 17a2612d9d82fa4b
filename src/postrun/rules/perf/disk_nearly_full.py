"""A disk that fills."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule
from postrun.rules.perf.machine import WHOLE_PERCENT, at_steps


class DiskNearlyFull(Rule):
    """The disk is nearly full.

    ## What it does
    Reports a disk whose share in use is near 100% at the end of the run.

    ## Why it matters
    The next checkpoint fails, and often the run with it.

    ## How it decides
    At least `samples` samples. The last one is at least `full` % and the disk filled during the run by at least
    `points` percentage points (a disk that was full before and did not change may be a read-only image).

    ## What to do
    Keep fewer checkpoints; clean caches.

    ## Example
    "The disk is 98.9% full at the end (91% at the start)"
    """

    code = "PERF016"
    name = "disk-nearly-full"
    scope = "process"
    needs = ("system.disk",)
    symptom_of = ("RUN001",)
    thresholds = {"full": 97.0, "points": 1.0, "samples": 5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.system("system.disk"):
            y = series.finite
            if (
                len(y) < self.limits["samples"]
                or y.y[-1] < self.limits["full"]
                or y.y[-1] - y.y[0] < self.limits["points"]
                or y.y.max() > WHOLE_PERCENT
            ):
                continue
            yield self.finding(
                Severity.WARNING,
                0.85,
                f"The disk is {number(float(y.y[-1]), 3)}% full at the end "
                f"({number(float(y.y[0]), 3)}% at the start)",
                "Keep fewer checkpoints, and clean caches.",
                [
                    at_steps(
                        view,
                        y,
                        before=float(y.y[0]),
                        after=float(y.y[-1]),
                        effect=float(y.y[-1]) / 100,
                    )
                ],
            )
            return
