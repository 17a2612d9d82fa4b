"""The run stood still for a while and went on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.metrics.machine import standstills
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration
from postrun.rules.base import Rule
from postrun.rules.perf.evaluations import ends_with_evaluation
from postrun.rules.run.row_times import row_times
from postrun.stats.rates import in_bursts
from postrun.stats.robust import Floats


class RunStalled(Rule):
    """The run stood still for a while and went on.

    ## What it does
    Reports single long pauses between two logged rows, with the time that they cost.

    ## Why it matters
    Pauses come from evaluations, slow storage, a suspended machine or a waiting peer; where they take
    a large part of the time, the run could have been that much shorter.

    ## How it decides
    Gaps between the times of consecutive rows that are longer than `factor` times the 95% quantile of all gaps
    and than `least_seconds`, and that together take more than `share` of the run. Gaps between the parts of a
    resumed run are told by RUN007 instead, those without CPU for `still_share` of their time by RUN011. Rows
    that were synced in bursts say nothing. If all gaps end with a row of an evaluation, they are no stalls,
    and the finding is `info`.

    ## What to do
    Look at the console and the system metrics at that time.

    ## Example
    "The run stood still for 42 min after step 1,200 (9% of its time)"
    """

    code = "RUN006"
    name = "run-stalled"
    scope = "process"
    thresholds = {
        "factor": 20.0,
        "least_seconds": 300.0,
        "share": 0.05,
        "still_share": 0.5,
        "min_rows": 50,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        clock = row_times(view)
        if len(clock) < self.limits["min_rows"] or in_bursts(clock):
            return
        gaps = np.diff(clock)
        bar = max(
            self.limits["factor"] * float(np.quantile(gaps, 0.95)), self.limits["least_seconds"]
        )
        long = [i for i in np.flatnonzero(gaps > bar).tolist() if not self._known(view, clock, i)]
        evaluated = [i for i in long if ends_with_evaluation(view, float(clock[i + 1]))]
        phase = bool(long) and len(evaluated) == len(long)
        if not phase:
            long = [i for i in long if i not in evaluated]
        total = float(clock[-1] - clock[0])
        lost = float(gaps[long].sum())
        if not long or lost <= self.limits["share"] * total:
            return
        worst = max(long, key=lambda i: gaps[i])
        begin = _start(view)
        step = None if begin is None else view.step_at(float(clock[worst]) - begin)
        times = f"{len(long)} times, the longest " if len(long) > 1 else ""
        where = "" if step is None else f" after {view.axis.at(step)}"
        did = "paused for evaluation" if phase else "stood still"
        yield self.finding(
            Severity.INFO if phase else Severity.WARNING,
            0.8,
            f"The run {did} {times}for {duration(float(gaps[worst]))}{where}: "
            f"{100 * lost / total:.0f}% of its time",
            "If that is too much, evaluate less often or on fewer batches."
            if phase
            else "Look at the console and the system metrics at that time: storage, generation, saving, or a "
            "peer that was waited for.",
            [
                Evidence(
                    "_timestamp",
                    None,
                    step,
                    step,
                    float(np.median(gaps)),
                    float(gaps[worst]),
                    lost / total,
                    len(clock),
                )
            ],
        )

    def _known(self, view: RunView, clock: Floats, i: int) -> bool:
        """Return whether a gap lies between parts of a resumed run, or the process stood still in it."""
        gap = float(clock[i + 1] - clock[i])
        seams = [s.gap_seconds for s in view.run.completeness.seams if s.gap_seconds is not None]
        if any(abs(gap - seam) < 1 for seam in seams):
            return True
        begin = _start(view) or 0.0
        a, b = float(clock[i]) - begin, float(clock[i + 1]) - begin
        still = sum(max(0.0, min(b, s.stop) - max(a, s.start)) for s in standstills(view))
        return still >= self.limits["still_share"] * gap


def _start(view: RunView) -> float | None:
    """Unix time of the run's second 0, from the first row that has both clocks."""
    both = view.run.history.select("_timestamp", "_runtime").drop_nulls()
    return float(both["_timestamp"][0]) - float(both["_runtime"][0]) if both.height else None
