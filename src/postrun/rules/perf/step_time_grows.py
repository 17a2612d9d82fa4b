"""Steps that take longer and longer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.series import MetricInfo
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import PREVIEW, Rule, evidence
from postrun.rules.perf.leaks import grows_steadily
from postrun.stats.rates import in_bursts
from postrun.stats.robust import bin_medians, median

#: What makes a step hold more work.
_WORK = ("length.completion", "length.sequence", "length.episode")
#: Groups into which the times between rows are put.
_GROUPS = 60


class StepTimeGrows(Rule):
    """Each step takes a little longer than the one before.

    ## What it does
    Reports a time per step that grows steadily through the run, and whether the steps hold more work.

    ## Why it matters
    Something is kept from step to step and gone through again: a list of losses, an autograd graph, a replay
    buffer that is searched, metrics that are computed over all steps. The run becomes slower without end.

    ## How it decides
    The logged step time, else the time between rows over the steps between them (medians of 60 groups; not if
    rows were synced in bursts, or of a resumed run, or one of less than `least_seconds`). The last tenth is
    above the second by more than `grown`, with a significant trend (Mann-Kendall, 1%) over the whole and over
    the last half, and no single jump makes up half of it. If sequences or episodes became longer by at least
    `work_share` of that, the steps hold more work: `info`.

    ## What to do
    Profile an early and a late step. Keep no tensors or lists per step; bound buffers and tables that are
    logged.

    ## Example
    "The time per step grows steadily, from 0.21 to 0.74 s: 3.5 times"
    """

    code = "PERF019"
    name = "step-time-grows"
    since = "0.2.0"
    status = PREVIEW
    symptom_of = ("PERF011", "PERF014")
    thresholds = {"grown": 0.5, "work_share": 0.5, "min_rows": 100, "least_seconds": 60.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = self._times(view)
        found = None if series is None else grows_steadily(series, self.limits["grown"])
        if series is None or found is None:
            return
        before, after = found
        name = series.key if series.info.role == "time.step" else f"The time per {view.axis.unit}"
        longer, proof = self._more_work(view, after / before)
        yield self.finding(
            Severity.INFO if longer else Severity.WARNING,
            0.8,
            f"{name} grows steadily, from {number(before, 3)} to {number(after, 3)} s "
            f"({after / before:.1f} times){longer}",
            "Compare the time per token or per environment step."
            if longer
            else "Profile an early and a late step. Keep no tensors or lists from step to step; bound buffers "
            "and logged tables.",
            [evidence(series, before=before, after=after, effect=after / before), *proof],
        )

    def _times(self, view: RunView) -> Series | None:
        """Return the time per step, logged or read from the times of rows; None if neither can be believed."""
        logged = view.first("time.step")
        if logged is not None and len(logged.finite) >= self.limits["min_rows"]:
            return logged.finite
        steps, seconds = view.clock
        resumed = bool(view.run.completeness.seams)
        if view.parts or resumed or len(steps) < self.limits["min_rows"] or in_bursts(seconds):
            return None
        forward = np.r_[True, np.diff(np.maximum.accumulate(steps)) > 0]
        steps, seconds = steps[forward], seconds[forward]
        if (
            len(steps) < self.limits["min_rows"]
            or seconds[-1] - seconds[0] < self.limits["least_seconds"]
        ):
            return None
        x, y, _ = bin_medians(steps[1:], np.diff(seconds) / np.diff(steps), _GROUPS)
        rows = np.array([view.rows_of(float(at), np.inf)[0] or 0 for at in x], dtype=np.int64)
        return Series(MetricInfo("_runtime", unit="s"), x, y, rows, view.axis)

    def _more_work(self, view: RunView, ratio: float) -> tuple[str, list[Evidence]]:
        """Return what made steps hold more work, in words, and evidence."""
        for series in (s.finite for s in view.by_role(*_WORK)):
            part = max(5, len(series) // 10)
            early, late = median(series.y[part : 2 * part]), median(series.y[-part:])
            apart = 2 * part <= len(series) - part
            least = self.limits["work_share"] * (ratio - 1)
            if apart and early > 0 and late / early - 1 >= least:
                words = f"; {series.key} grew from {number(early)} to {number(late)} with it"
                return f"{words}: more work per step", [
                    evidence(series, before=early, after=late, effect=late / early)
                ]
        return "", []
