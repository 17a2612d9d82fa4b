"""GPUs that do unequal work."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.machine import gpus
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule
from postrun.rules.perf.machine import at_steps, in_use


class GpuImbalance(Rule):
    """GPUs of one job do unequal work.

    ## What it does
    Compares utilisation and memory between the run's GPUs.

    ## Why it matters
    The slowest sets the pace of all; a GPU with much more memory in use is the first to run out.

    ## How it decides
    At least two GPUs that are known to be the run's: the SDK sampled them as its process's,
    CUDA_VISIBLE_DEVICES or SLURM gave them to it, the config names as many as are in use, or their memory
    filled after the start (on a shared machine the others are somebody else's). Means of utilisation while
    training differ by more than `points` percentage points, or those of memory by more than `memory_points`.

    ## What to do
    Look for work that only rank 0 does (logging, evaluation, embeddings), or for uneven sharding.

    ## Example
    "GPU utilisation differs between devices: 94% on GPU 0, 41% on GPU 3"

    ## References
    SageMaker Debugger, rule LoadBalancing.
    """

    code = "PERF010"
    name = "gpu-imbalance"
    live = LATE
    scope = "process"
    needs = ("system.gpu_utilisation", "system.gpu_memory")
    thresholds = {"points": 30.0, "memory_points": 30.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        if len(gpus(view).own) < 2:
            return
        for role, limit, words in (
            ("system.gpu_utilisation", "points", "utilisation"),
            ("system.gpu_memory", "memory_points", "memory in use"),
        ):
            used = in_use(view, role)
            if len(used) < 2:
                continue
            levels = sorted(((float(s.y.mean()), s) for s in used), key=lambda pair: pair[0])
            (least, low), (most, high) = levels[0], levels[-1]
            gap = most - least
            if gap <= self.limits[limit]:
                continue
            yield self.finding(
                Severity.INFO,
                0.75,
                f"GPU {words} differs between devices: {number(most, 2)}% on GPU {high.info.index}, "
                f"{number(least, 2)}% on GPU {low.info.index}",
                "Look for work that only one rank does, or for uneven sharding.",
                [
                    at_steps(view, high, after=most, effect=gap),
                    at_steps(view, low, after=least, effect=-gap),
                ],
            )
            return
