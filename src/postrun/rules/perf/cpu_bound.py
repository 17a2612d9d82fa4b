"""A CPU that holds the GPU back."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.machine import while_training
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule
from postrun.rules.perf.machine import at_steps, in_use, long_enough
from postrun.stats.robust import median

#: A CPU metric (%) that exceeds this adds up cores, and says nothing about how full they are.
_SUM_OF_CORES = 105.0


class CpuBound(Rule):
    """The CPU is full while the GPU waits.

    ## What it does
    Reports a CPU near 100% together with a GPU that is not busy.

    ## Why it matters
    The CPU feeds the GPU: augmentation, tokenising, environments and Python itself set the pace.

    ## How it decides
    While the run trains, median CPU utilisation above `cpu` % and the busiest GPU's mean below `gpu` %. (Until
    SDK 0.12 the CPU metric is of the whole machine: another job may be the cause.)

    ## What to do
    Move work to the GPU or to preprocessing, use more cores, vectorise environments.

    ## Example
    "The CPU is at 97% (median) while the GPU is busy 22% of the time"

    ## References
    SageMaker Debugger, rule CPUBottleneck.
    """

    code = "PERF012"
    name = "cpu-bound"
    live = LATE
    scope = "process"
    needs = ("system.cpu",)
    symptom_of = ("PERF009",)
    thresholds = {"cpu": 90.0, "gpu": 50.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        cpu = long_enough(while_training(view, "system.cpu"))
        gpus = in_use(view, "system.gpu_utilisation")
        if not cpu or not gpus:
            return
        level, busy = median(cpu[0].y), max(float(s.y.mean()) for s in gpus)
        cores = cpu[0].y.max() > _SUM_OF_CORES
        if level < self.limits["cpu"] or busy >= self.limits["gpu"] or cores:
            return
        yield self.finding(
            Severity.INFO,
            0.75,
            f"The CPU is at {number(level, 2)}% (median) while the GPU is busy "
            f"{number(busy, 2)}% of the time",
            "Move work to the GPU or to preprocessing, use more cores, vectorise environments.",
            [at_steps(view, cpu[0], after=level, effect=busy / 100)],
        )
