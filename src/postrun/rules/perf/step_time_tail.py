"""Few steps that take much of the time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.periodic import regular_period
from postrun.stats.robust import median
from postrun.stats.tails import slow_share


class StepTimeTail(Rule):
    """A few very slow steps take much of the time.

    ## What it does
    Reports step times with a heavy tail that is not regular.

    ## Why it matters
    Stragglers, recompilation for new shapes, swapping or a shared disk: the median looks fine, the
    run takes twice as long.

    ## How it decides
    Steps of more than `factor` medians take, beyond a median each, at least `share` of the time; they
    are at least `min_slow`, at most `most_share` of all steps, and not periodic (`regular` of their distances
    are near one period: PERF006). The first 2% of the run are left out (compilation).

    ## What to do
    Look at what differs in those steps: sequence lengths, shapes, other jobs on the machine.

    ## Example
    "3% of the steps take more than 3 times the median: 21% of the time"

    ## References
    SageMaker Debugger, rule StepOutlier.
    """

    code = "PERF007"
    name = "step-time-tail"
    live = LATE
    needs = ("time.step",)
    symptom_of = ("PERF006",)
    thresholds = {
        "factor": 3.0,
        "share": 0.1,
        "min_slow": 5,
        "most_share": 0.1,
        "regular": 0.7,
        "min_rows": 100,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "time.step")
        if y is None:
            return
        y = y.take(slice(max(2, len(y) // 50), None))
        count, cost = slow_share(y.y, self.limits["factor"])
        slow = np.flatnonzero(y.y > self.limits["factor"] * median(y.y))
        if len(slow) < self.limits["min_slow"] or count > self.limits["most_share"]:
            return
        if cost < self.limits["share"]:
            return
        starts = slow[np.diff(slow, prepend=-2) > 1]
        regular = regular_period(y.x[starts])
        if regular is not None and regular[1] >= self.limits["regular"]:
            return  # PERF006
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{100 * count:.1f}% of the steps take more than {self.limits['factor']:g} times the median of "
            f"{y.key} ({number(median(y.y), 2)} s): {100 * cost:.0f}% of the time",
            "Look at what differs in those steps: sequence lengths, new shapes, other jobs on the machine.",
            [
                evidence(
                    y,
                    float(y.x[slow[0]]),
                    float(y.x[slow[-1]]),
                    before=median(y.y),
                    after=median(y.y[slow]),
                    effect=cost,
                )
            ],
        )
