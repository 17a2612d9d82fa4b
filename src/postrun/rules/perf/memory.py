"""Memory that grows, is nearly full, or is hardly used; and the disk."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule, evidence
from postrun.rules.perf.machine import at_steps, in_use, long_enough, owned
from postrun.stats.levels import change
from postrun.stats.robust import bin_medians, median
from postrun.stats.trend import trend
from postrun.training.ending import how_it_ended

#: The kind of an end for lack of GPU memory.
_FULL = "gpu-out-of-memory"


def _leak(series: Series, grown: float) -> tuple[float, float] | None:
    """Level of the second and of the last tenth where memory grows steadily, or None.

    Steadily: by more than `grown` of the second tenth's level, with a significant trend in the whole
    and in the last half, and no single jump that explains half of it.
    """
    n = len(series)
    y = series.y[n // 10 :]
    x = series.x[n // 10 :]
    moved = change(y)
    if not moved.before > 0 or moved.ratio < 1 + grown or moved.sigmas < 4:
        return None
    half = len(y) // 2
    whole, late = trend(x, y), trend(x[half:], y[half:])
    if not (whole.significant and late.significant and late.change > 0.2 * moved.size):
        return None
    _, levels, _ = bin_medians(x, y, 20)
    if len(levels) > 4 and float(np.diff(levels).max()) > 0.5 * moved.size:
        return None
    return moved.before, moved.after


class GpuMemoryGrows(Rule):
    """GPU memory in use grows steadily.

    ## What it does
    Reports allocated GPU memory that rises through the whole run.

    ## Why it matters
    Tensors that are kept by mistake (a loss added up with its graph, a growing cache) end in an
    out-of-memory error hours later.

    ## How it decides
    The logged peak memory, else the sampled share of memory. The last tenth is above the second by
    more than `grown`, with a significant trend (Mann-Kendall, 1 %) over the whole and over the last
    half, and no single jump makes up half of the growth (longer sequences and first evaluations
    raise memory in jumps). Caching allocators hide small leaks.

    ## What to do
    Detach what is kept between steps (`loss.item()`); compare memory snapshots of two steps.

    ## Example
    "perf/peak_memory grows steadily, from 11.2 to 19.8 GiB: something is kept from step to step"

    ## References
    SageMaker Debugger, rule GPUMemoryIncrease.
    """

    code = "PERF013"
    name = "gpu-memory-grows"
    needs = ("memory.gpu", "system.gpu_memory")
    thresholds = {"grown": 0.15, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        logged = [
            s.finite for s in view.by_role("memory.gpu") if len(s.finite) >= self.limits["min_rows"]
        ]
        sampled = long_enough(view.system("system.gpu_memory"))
        for series in [*logged, *sampled]:
            found = _leak(series, self.limits["grown"])
            if found is None:
                continue
            before, after = found
            seen = series.info.x_axis == "_runtime"
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} grows steadily, from {number(before, 3)} to {number(after, 3)} "
                f"{series.info.unit}".rstrip()
                + ": something is kept from step to step",
                "Detach what is kept between steps; compare memory snapshots of two steps.",
                [
                    at_steps(view, series, before=before, after=after, effect=after / before)
                    if seen
                    else evidence(series, before=before, after=after, effect=after / before)
                ],
            )
            return


class HostMemoryGrows(Rule):
    """Host memory in use grows steadily.

    ## What it does
    Reports the process's (or the machine's) memory rising through the whole run, and when it would
    be full.

    ## Why it matters
    The kernel kills the process when memory is gone (exit code 137, "Killed"), most often hours
    later and without a message.

    ## How it decides
    As PERF013, for the process's resident memory (`proc.memory.rssMB`), else host memory that the run logs
    itself (`min_rows` rows), else the machine's share in use, with a growth of more than `grown`. The time
    until it is full is the rest over the slope of the last half.

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
        usable = long_enough(view.system("system.memory_process"))
        logged = [s.finite for s in view.by_role("memory.host")]
        usable = usable or [s for s in logged if len(s) >= self.limits["min_rows"]]
        usable = usable or long_enough(view.system("system.memory"))
        if not usable:
            return
        series = usable[0]
        found = _leak(series, self.limits["grown"])
        if found is None:
            return
        before, after = found
        half = len(series) // 2
        slope = trend(series.x[half:], series.y[half:]).slope
        full = ""
        left = next(
            (s.finite for s in view.system("system.memory_available") if len(s.finite)), None
        )
        if left is not None and slope > 0 and series.info.role == "system.memory_process":
            hours = float(left.y[-1]) / slope / 3600
            full = f"; at that pace the machine's memory would last {number(hours, 2)} h more"
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"{series.key} grows steadily, from {number(before, 3)} to {number(after, 3)} "
            f"{series.info.unit}{full}",
            "Keep no batches or objects from step to step; look at data-loader workers and metric buffers.",
            [
                evidence(series, before=before, after=after, effect=after / before)
                if series.info.role == "memory.host"
                else at_steps(view, series, before=before, after=after, effect=after / before)
            ],
        )


class MemoryHeadroom(Rule):
    """GPU memory is nearly full, or mostly free.

    ## What it does
    Says how much GPU memory was never used, where that is very little or very much.

    ## Why it matters
    Within a few percent of the limit, one longer batch ends the run. With most of it free, a larger
    batch (or less sharding and recomputation) would use the hardware better.

    ## How it decides
    The sampled share of memory of any GPU in use: at least `full` % in `samples` samples, or never above
    `free` % in the whole run while the GPU is used (median utilisation above 30 %) and has room (below
    `busy` %). A run that failed for lack of memory is told by RUN001. Frameworks that reserve all memory in
    advance (JAX, TensorFlow) look full from the first samples on: if the share hardly changes, "full" is not
    reported. Samples count all processes on a GPU: if more than `shared` % were in use within the first
    `early` seconds (a third of that on a GPU that is known to be the process's own), that is said.

    ## What to do
    Full: shorten the longest batches or checkpoint activations. Free: raise the batch size.

    ## Example
    "GPU memory peaks at 98.2 %: one longer batch and the run would have ended"
    """

    code = "PERF015"
    name = "memory-headroom"
    scope = "process"
    needs = ("system.gpu_memory",)
    thresholds = {
        "full": 97.0,
        "samples": 3,
        "free": 35.0,
        "busy": 80.0,
        "shared": 50.0,
        "early": 15.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        used = [s for s in in_use(view, "system.gpu_memory") if median(s.y) >= 2.0]
        cause = how_it_ended(view).cause
        if not used or (cause is not None and cause.kind and cause.kind.name == _FULL):
            return  # RUN001 tells of memory that ran out
        top = max(used, key=lambda s: float(s.y.max()))
        whole = next(s for s in view.system("system.gpu_memory") if s.key == top.key).finite
        first, high = float(whole.y[0]), float(whole.y.max())
        at_top = int((top.y >= self.limits["full"]).sum())
        early = whole.x[0] <= self.limits["early"] / (3 if top.info.index in owned(view) else 1)
        busy = [median(s.y) for s in in_use(view, "system.gpu_utilisation")]
        if at_top >= self.limits["samples"] and float(np.ptp(top.y)) > 1.0:
            text = f"GPU memory peaks at {number(high, 3)} %: one longer batch and the run would have ended"
            remedy = "Shorten the longest batches, or checkpoint activations."
            if first > self.limits["shared"] and early:
                text = (
                    f"GPU memory peaks at {number(high, 3)} %; {number(first, 2)} % were in use at the "
                    f"first sample already ({duration(float(whole.x[0]))} after the start): little is left, "
                    "and other processes may hold much of it"
                )
                remedy = "See who holds it (nvidia-smi); choose a free GPU, or shorten the longest batches."
        elif high < self.limits["free"] and 30 < max(busy, default=0.0) < self.limits["busy"]:
            text = f"GPU memory never exceeds {number(high, 2)} %: a larger batch would fit"
            remedy = "Raise the batch size, or lower sharding and recomputation."
        else:
            return
        at = float(top.x[int(np.argmax(top.y))])
        yield self.finding(
            Severity.INFO,
            0.75,
            text,
            remedy,
            [at_steps(view, top, at, before=median(top.y), after=high, effect=high / 100)],
        )


class DiskNearlyFull(Rule):
    """The disk is nearly full.

    ## What it does
    Reports a disk whose share in use is near 100 % at the end of the run.

    ## Why it matters
    The next checkpoint fails, and often the run with it.

    ## How it decides
    The last sample is at least `full` % and the disk filled during the run by at least 1 point (a disk
    that was full before and did not change may be a read-only image).

    ## What to do
    Keep fewer checkpoints; clean caches.

    ## Example
    "disk./.usagePercent is at 98.9 % at the end (91 % at the start)"
    """

    code = "PERF016"
    name = "disk-nearly-full"
    scope = "process"
    needs = ("system.disk",)
    symptom_of = ("RUN001",)
    thresholds = {"full": 97.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.system("system.disk"):
            y = series.finite
            if (
                len(y) < 5
                or y.y[-1] < self.limits["full"]
                or y.y[-1] - y.y[0] < 1
                or y.y.max() > 100
            ):
                continue
            yield self.finding(
                Severity.WARNING,
                0.85,
                f"{y.key} is at {number(float(y.y[-1]), 3)} % at the end "
                f"({number(float(y.y[0]), 3)} % at the start)",
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
