"""A metric jumps where the run was resumed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.stats.robust import median, noise_sigma


class RestartSeam(Rule):
    """A metric jumps where the run was resumed.

    ## What it does
    Compares training loss, gradient norm and learning rate before and after each resume.

    ## Why it matters
    A loss that jumps at the seam means that something was not restored: the optimiser's moments, the
    learning-rate schedule, the data order, or the weights themselves.

    ## How it decides
    Medians of the `values` values before and after the seam (`min_values` at the least). Reported where the
    loss rises by more than `sigmas` standard deviations of the noise and by more than `rise_share` of its
    level, or the learning rate changes by a factor of `rate_factor` or more (schedules move slowly; warm
    restarts do not happen at seams).

    ## What to do
    Restore optimiser, scheduler, data-loader position and random state with the weights.

    ## Example
    "train/loss jumps from 2.1 to 2.9 where the run was resumed after step 4,000"
    """

    code = "OPT013"
    name = "restart-seam"
    symptom_of = ("RUN007",)
    thresholds = {
        "values": 10,
        "min_values": 5,
        "sigmas": 6.0,
        "rise_share": 0.1,
        "rate_factor": 1.5,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per metric and seam."""
        for seam in view.run.completeness.seams:
            if seam.kind == "other":
                continue  # another job's values are no continuation
            for series in view.by_role("loss.train", "lr"):
                y = series.finite
                count = int(self.limits["values"])
                before = y.take(y.rows < seam.row).y[-count:]
                after = y.take(y.rows >= seam.row).y[:count]
                if min(len(before), len(after)) < self.limits["min_values"]:
                    continue
                old, new = median(before), median(after)
                rate = series.info.role == "lr"
                if rate:
                    most = self.limits["rate_factor"]
                    apart = old > 0 and new > 0 and not 1 / most < new / old < most
                else:
                    noise = noise_sigma(np.concatenate([before, after]))
                    least = self.limits["rise_share"] * abs(old)
                    apart = new - old > max(self.limits["sigmas"] * noise, least)
                if not apart:
                    continue
                begin, step = view.x_of(seam.row - 1), view.x_of(seam.row)
                yield self.finding(
                    Severity.WARNING,
                    0.8,
                    f"{series.key} jumps from {number(old)} to {number(new)} where the run was resumed "
                    f"(after {view.axis.at(begin)})",
                    "Restore the optimiser's state, the schedule, the data order and the random state "
                    "with the weights.",
                    [evidence(y, step, step, before=old, after=new)],
                )
