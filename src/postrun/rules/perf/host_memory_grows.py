"""Host memory that grows."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.metrics.machine import while_training
from postrun.model import Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule, evidence
from postrun.rules.perf.leaks import grows_steadily
from postrun.rules.perf.machine import at_steps, long_enough
from postrun.stats.trend import trend


class HostMemoryGrows(Rule):
    """Host memory in use grows steadily.

    ## What it does
    Reports the process's (or the machine's) memory rising through the whole run, and when it would
    be full.

    ## Why it matters
    The kernel kills the process when memory is gone (exit code 137, "Killed"), most often hours
    later and without a message.

    ## How it decides
    As PERF013, for host memory that the run logs itself (`min_rows` rows), the process's resident memory
    (`proc.memory.rssMB`) and, if neither is known, the machine's share in use, each while the run trains, with
    a growth of more than `grown`. The time until it is full is the rest over the slope of the last half.

    ## What to do
    Keep no batches or Python objects per step; look at data-loader workers (copy-on-write of Python
    lists) and at metric buffers.

    ## Example
    "proc.memory.rssMB grows steadily, from 4,100 to 19,300 MB"
    """

    code = "PERF014"
    name = "host-memory-grows"
    scope = "process"
    needs = ("system.memory_process", "system.memory", "memory.host")
    thresholds = {"grown": 0.3, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in self._memory(view):
            found = grows_steadily(series, self.limits["grown"])
            if found is None:
                continue
            before, after = found
            unit = series.info.unit if series.info.unit == "%" else f" {series.info.unit}".rstrip()
            if series.info.role == "memory.host":
                proof = evidence(series, before=before, after=after, effect=after / before)
            else:
                proof = at_steps(view, series, before=before, after=after, effect=after / before)
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} grows steadily, from {number(before, 3)} to {number(after, 3)}{unit}"
                f"{_until_full(view, series)}",
                "Keep no batches or objects from step to step; look at data-loader workers and metric buffers.",
                [proof],
            )
            return

    def _memory(self, view: RunView) -> list[Series]:
        """Return what may grow: of the process, else of the machine."""
        logged = [s.finite for s in view.by_role("memory.host")]
        own = [s for s in logged if len(s) >= self.limits["min_rows"]]
        own += long_enough(while_training(view, "system.memory_process"))
        return own or long_enough(while_training(view, "system.memory"))


def _until_full(view: RunView, series: Series) -> str:
    """Return how long the machine's memory would last at the pace of the last half, in words, or ""."""
    left = next((s.finite for s in view.system("system.memory_available") if len(s.finite)), None)
    if left is None or series.info.role != "system.memory_process":
        return ""
    half = len(series) // 2
    slope = trend(series.x[half:], series.y[half:]).slope
    if slope <= 0:
        return ""
    return (
        f"; at that pace the machine's memory would last {duration(float(left.y[-1]) / slope)} more"
    )
