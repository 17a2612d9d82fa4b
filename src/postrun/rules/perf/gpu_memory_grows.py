"""GPU memory that grows."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.metrics.machine import gpus, own_memory
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.perf.leaks import grows_steadily
from postrun.rules.perf.machine import at_steps, in_use


class GpuMemoryGrows(Rule):
    """GPU memory in use grows steadily.

    ## What it does
    Reports allocated GPU memory that rises through the whole run.

    ## Why it matters
    Tensors that are kept by mistake (a loss added up with its graph, a growing cache) end in an
    out-of-memory error hours later.

    ## How it decides
    The logged peak memory, else the sampled share of memory of GPUs that are known to be the run's, while it
    trains. The last tenth is above the second by
    more than `grown`, with a significant trend (Mann-Kendall, 1%) over the whole and over the last
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
        for series in self._memory(view):
            found = grows_steadily(series, self.limits["grown"])
            if found is None:
                continue
            before, after = found
            seen = series.info.x_axis == "_runtime"
            unit = series.info.unit if series.info.unit == "%" else f" {series.info.unit}".rstrip()
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} grows steadily, from {number(before, 3)} to {number(after, 3)}{unit}: "
                "something is kept from step to step",
                "Detach what is kept between steps; compare memory snapshots of two steps.",
                [
                    at_steps(view, series, before=before, after=after, effect=after / before)
                    if seen
                    else evidence(series, before=before, after=after, effect=after / before)
                ],
            )
            return

    def _memory(self, view: RunView) -> list[Series]:
        """Return what may grow: what the run logs, then what was sampled of its own GPUs."""
        logged = [s.finite for s in view.by_role("memory.gpu")]
        found = [s for s in logged if len(s) >= self.limits["min_rows"]]
        if own_memory(view):
            mine = gpus(view).own
            found += [s for s in in_use(view, "system.gpu_memory") if s.info.index in mine]
        return found
