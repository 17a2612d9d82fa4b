"""GPU memory that is nearly full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.machine import gpus, notebook, on_cpu, own_memory, training
from postrun.model import Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule
from postrun.rules.perf.machine import at_steps, in_use
from postrun.training.ending import how_it_ended

#: The kind of an end for lack of GPU memory.
_FULL = "gpu-out-of-memory"


class MemoryHeadroom(Rule):
    """GPU memory is nearly full, or somebody else holds much of it.

    ## What it does
    Reports the run's GPU whose memory nearly ran out, or was in use before the run can have taken it.

    ## Why it matters
    Near the limit, one longer batch may end the run. Memory that other processes hold, or that earlier cells of
    a notebook have not freed, is missing for this one.

    ## How it decides
    Only GPUs that are known to be the run's count (PERF010), and none that share the machine's memory (Apple).
    At least `samples` samples are `full` % or more, and the share moves by `moves` points or more between lower
    levels and those: an allocator that reserves memory in advance or keeps what it once had stays at one level,
    which says nothing about what is needed. A run that failed for lack of memory is told by RUN001. Held by
    others: more than `held` % were in use in a sample within `early` seconds of the start and before the first
    row (`sooner` times as early if the process is seen on the GPU), and memory peaks at `full` %.

    ## What to do
    Shorten the longest batches or checkpoint activations. If others hold the memory, choose a free GPU; in a
    notebook, restart the kernel.

    ## Example
    "Memory of GPU 0 moves between 88% and 98.2%: a longer batch may not fit"
    """

    code = "PERF015"
    name = "memory-headroom"
    scope = "process"
    needs = ("system.gpu_memory",)
    thresholds = {
        "full": 97.0,
        "samples": 3,
        "moves": 4.0,
        "held": 50.0,
        "early": 15.0,
        "sooner": 3.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        cause = how_it_ended(view).cause
        if (
            on_cpu(view)
            or not own_memory(view)
            or (cause is not None and cause.kind and cause.kind.name == _FULL)
        ):
            return  # RUN001 tells of memory that ran out
        mine = gpus(view).own
        used = [s for s in in_use(view, "system.gpu_memory") if s.info.index in mine]
        full = [s for s in used if (s.y >= self.limits["full"]).sum() >= self.limits["samples"]]
        if not full:
            return
        top = max(full, key=lambda s: float(s.y.max()))
        whole = next(s for s in view.system("system.gpu_memory") if s.key == top.key).finite
        if self._held(view, whole):
            yield self._by_others(view, top, whole)
            return
        low = _comes_back_to(top, self.limits["full"])
        if float(top.y.max()) - low >= self.limits["moves"]:
            yield self._nearly_full(view, top, low)

    def _held(self, view: RunView, whole: Series) -> bool:
        """Return whether memory was in use before this run can have taken it."""
        index = whole.info.index
        seen = any(s.info.index == index for s in view.system("system.gpu_process_memory"))
        first, window = float(whole.x[0]), training(view)
        before_rows = window is None or first <= window[0]
        early = first <= self.limits["early"] / (self.limits["sooner"] if seen else 1)
        return early and before_rows and float(whole.y[0]) > self.limits["held"]

    def _by_others(self, view: RunView, top: Series, whole: Series) -> Finding:
        first, high = float(whole.y[0]), float(top.y.max())
        cells = notebook(view)
        who = "earlier cells of the notebook, or others, hold" if cells else "other processes hold"
        restart = "Restart the kernel" if cells else "Choose a free GPU"
        return self.finding(
            Severity.INFO,
            0.75,
            f"Memory of GPU {top.info.index} peaks at {number(high, 3)}%. {number(first, 2)}% were in use "
            f"{duration(float(whole.x[0]))} after the start already: {who} it",
            f"{restart}, and see who holds the memory (nvidia-smi).",
            [at_steps(view, top, before=first, after=high, effect=high / 100)],
        )

    def _nearly_full(self, view: RunView, top: Series, low: float) -> Finding:
        high = float(top.y.max())
        at = float(top.x[int(np.argmax(top.y))])
        return self.finding(
            Severity.INFO,
            0.7,
            f"Memory of GPU {top.info.index} moves between {number(low, 3)}% and {number(high, 3)}%: "
            "a longer batch may not fit",
            "Shorten the longest batches, or checkpoint activations.",
            [at_steps(view, top, at, before=low, after=high, effect=high / 100)],
        )


def _comes_back_to(memory: Series, full: float) -> float:
    """Return the level to which memory goes back after it was first full: the lower quartile from then on."""
    return float(np.quantile(memory.y[int(np.argmax(memory.y >= full)) :], 0.25))
