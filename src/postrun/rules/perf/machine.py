"""What the system metrics say: idle, throttled or unequal GPUs, and a busy CPU.

Samples have times, not steps: windows are told as the steps that were logged at those times.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule
from postrun.rules.perf.samples import of_training, on_cpu, stood_still
from postrun.stats.robust import median

#: Fewer samples or a shorter time say nothing about a run.
LEAST_SAMPLES = 20
LEAST_SECONDS = 300.0


def long_enough(series: list[Series]) -> list[Series]:
    """Those with enough samples over enough time, warm-up (the first tenth) left out."""
    return [
        s.take(slice(len(s) // 10, None))
        for s in (s.finite for s in series)
        if len(s) >= LEAST_SAMPLES and s.x[-1] - s.x[0] >= LEAST_SECONDS
    ]


def at_steps(
    view: RunView,
    series: Series,
    start: float | None = None,
    *,
    before: float | None = None,
    after: float | None = None,
    effect: float | None = None,
) -> Evidence:
    """Evidence on a system metric from a time on, as steps where the history has them."""
    first = float(series.x[0]) if start is None else start
    return Evidence(
        series.key,
        series.info.role,
        view.step_at(first),
        view.step_at(float(series.x[-1])),
        before,
        after,
        effect,
        len(series),
    )


class GpuIdle(Rule):
    """The GPUs are idle most of the time.

    ## What it does
    Reports GPUs whose utilisation has a low median over the run.

    ## Why it matters
    Utilisation is the share of time in which any kernel runs: a low one means that the GPU waits, for
    data, for the CPU, for another process, or because the model is tiny.

    ## How it decides
    At least 20 samples over 5 minutes between the first and the last row, the first tenth left out (what
    the machine does before and after the training, and while the process is suspended, does not count; a run
    that trains on the CPU is not judged). The busiest GPU's median is below
    `low` %; a GPU that holds less than 2 % of its memory is not in use and not counted. `info` where a
    loop spends its time elsewhere by design (rollouts, evaluation), which is not known: hence
    `warning` only below a third of `low`.

    ## What to do
    Profile one step; larger batches, more loader workers, fewer synchronisations (`.item()`).

    ## Example
    "The GPU is busy 11 % of the time (median over 2.1 h)"

    ## References
    SageMaker Debugger, rule LowGPUUtilization.
    """

    code = "PERF009"
    name = "gpu-idle"
    scope = "process"
    needs = ("system.gpu_utilisation",)
    thresholds = {"low": 30.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        used = in_use(view, "system.gpu_utilisation")
        if not used or view.run.history.height < 2:
            return
        best = max(used, key=lambda s: median(s.y))
        level = median(best.y)
        if level >= self.limits["low"]:
            return
        time = duration(float(best.x[-1] - best.x[0]))
        which = "The GPU is" if len(used) == 1 else f"Of {len(used)} GPUs the busiest is"
        yield self.finding(
            Severity.WARNING if level < self.limits["low"] / 3 else Severity.INFO,
            0.8,
            f"{which} busy {number(level, 2)} % of the time (median over {time})",
            "Profile one step; larger batches, more loader workers, fewer synchronisations with the CPU.",
            [at_steps(view, best, after=level, effect=level / 100)],
        )


def owned(view: RunView) -> set[str]:
    """Indices of the GPUs that the run's process used, as far as the SDK sampled that."""
    return {s.info.index for s in view.system("system.gpu_process_memory") if len(s.finite)}


def in_use(view: RunView, role: str, whole: bool = False) -> list[Series]:
    """Return samples of the run's GPUs while it trained: those its process used, else those that hold memory.

    On a machine with other users, the latter may be theirs. `whole`: samples of the whole run, for what it
    cost. Otherwise none if the run trains on the CPU, or its process stood still for long.
    """
    found = [series.finite for series in view.system(role)]
    if not whole:
        if on_cpu(view) or stood_still(view):
            return []
        found = [of_training(view, series) for series in found]
    samples = long_enough(found)
    mine = owned(view)
    if mine:
        return [s for s in samples if s.info.index in mine]
    memory = {
        s.info.index: median(s.finite.y) for s in view.system("system.gpu_memory") if len(s.finite)
    }
    return [s for s in samples if memory.get(s.info.index, 100.0) >= 2.0]


class GpuImbalance(Rule):
    """GPUs of one job do unequal work.

    ## What it does
    Compares utilisation and memory between the GPUs that are in use.

    ## Why it matters
    The slowest sets the pace of all; a GPU with much more memory in use is the first to run out.

    ## How it decides
    At least two GPUs that are known to be the run's: the SDK sampled them as its process's, or the
    config names as many as are in use (on a shared machine the others are somebody else's). Medians
    of utilisation differ by more than `points` percentage points,
    or those of memory by more than `memory_points`.

    ## What to do
    Look for work that only rank 0 does (logging, evaluation, embeddings), or for uneven sharding.

    ## Example
    "GPU utilisation differs between devices: 94 % on GPU 0, 41 % on GPU 3"

    ## References
    SageMaker Debugger, rule LoadBalancing.
    """

    code = "PERF010"
    name = "gpu-imbalance"
    scope = "process"
    needs = ("system.gpu_utilisation", "system.gpu_memory")
    thresholds = {"points": 30.0, "memory_points": 30.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for role, limit, words in (
            ("system.gpu_utilisation", "points", "utilisation"),
            ("system.gpu_memory", "memory_points", "memory in use"),
        ):
            used = in_use(view, role)
            asked = view.number("world_size")
            known = len(owned(view)) >= 2 or (asked is not None and asked[1] == len(used))
            if len(used) < 2 or not known:
                continue
            ordered = sorted(used, key=lambda s: median(s.y))
            low, high = ordered[0], ordered[-1]
            gap = median(high.y) - median(low.y)
            if gap <= self.limits[limit]:
                continue
            yield self.finding(
                Severity.INFO,
                0.75,
                f"GPU {words} differs between devices: {number(median(high.y), 2)} % on GPU {high.info.index}, "
                f"{number(median(low.y), 2)} % on GPU {low.info.index}",
                "Look for work that only one rank does, or for uneven sharding.",
                [
                    at_steps(view, high, after=median(high.y), effect=gap),
                    at_steps(view, low, after=median(low.y), effect=-gap),
                ],
            )
            return


class GpuThrottled(Rule):
    """The GPU lowered its clock because it was hot or at its power limit.

    ## What it does
    Reports a core clock that fell while the temperature or the power was at its limit and the GPU
    was busy.

    ## Why it matters
    The same work takes longer, and nothing in the training shows why.

    ## How it decides
    Busy samples (utilisation above 50 %) in which the clock is more than `clock_share` below its own
    95 % quantile: at least `share` of the busy ones. They are throttled by heat where their median
    temperature is at least `hot` °C.

    ## What to do
    Look at cooling and at the power limit (nvidia-smi -q -d PERFORMANCE).

    ## Example
    "GPU 0 runs at 1,395 MHz instead of 1,980 MHz at 88 °C in 64 % of its busy time: throttled by heat"
    """

    code = "PERF011"
    name = "gpu-throttled"
    scope = "process"
    needs = ("system.gpu_clock",)
    thresholds = {"clock_share": 0.1, "share": 0.2, "hot": 83.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the GPU that loses most."""
        worst: tuple[float, Series, float, float, float, float] | None = None
        busy = {s.info.index: s for s in view.system("system.gpu_utilisation")}
        heat = {s.info.index: s for s in view.system("system.gpu_temperature")}
        for clock in in_use(view, "system.gpu_clock"):
            index = clock.info.index
            if index not in busy or index not in heat:
                continue
            use = np.interp(clock.x, busy[index].x, busy[index].y)
            hot = np.interp(clock.x, heat[index].x, heat[index].y)
            working = use > 50
            if working.sum() < 20:
                continue
            top = float(np.quantile(clock.y[working], 0.95))
            slow = working & (clock.y < (1 - self.limits["clock_share"]) * top)
            share = float(slow.sum() / working.sum())
            if share < self.limits["share"] or median(hot[slow]) < self.limits["hot"]:
                continue
            start = float(clock.x[int(np.argmax(slow))])
            if worst is None or share > worst[0]:
                worst = (share, clock, top, median(clock.y[slow]), median(hot[slow]), start)
        if worst is None:
            return
        share, clock, top, level, hot_at, start = worst
        yield self.finding(
            Severity.WARNING,
            0.8,
            f"GPU {clock.info.index} runs at {level:,.0f} MHz instead of {top:,.0f} MHz, at {hot_at:.0f} °C, "
            f"in {100 * share:.0f} % of its busy time: throttled by heat",
            "Look at cooling, at neighbouring jobs, and at the power limit.",
            [at_steps(view, clock, start, before=top, after=level, effect=share)],
        )


class CpuBound(Rule):
    """The CPU is full while the GPU waits.

    ## What it does
    Reports a CPU near 100 % together with a GPU that is not busy.

    ## Why it matters
    The CPU feeds the GPU: augmentation, tokenising, environments and Python itself set the pace.

    ## How it decides
    Median CPU utilisation above `cpu` % and the busiest GPU's median below `gpu` %. (The CPU metric is
    of the whole machine: another job may be the cause.)

    ## What to do
    Move work to the GPU or to preprocessing, use more cores, vectorise environments.

    ## Example
    "The CPU is at 97 % (median) while the GPU is busy 22 % of the time"

    ## References
    SageMaker Debugger, rule CPUBottleneck.
    """

    code = "PERF012"
    name = "cpu-bound"
    scope = "process"
    needs = ("system.cpu",)
    symptom_of = ("PERF009",)
    thresholds = {"cpu": 90.0, "gpu": 50.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        cpu, gpus = long_enough(view.system("system.cpu")), in_use(view, "system.gpu_utilisation")
        if not cpu or not gpus:
            return
        level, busy = median(cpu[0].y), max(median(s.y) for s in gpus)
        if level < self.limits["cpu"] or busy >= self.limits["gpu"] or cpu[0].y.max() > 105:
            return
        yield self.finding(
            Severity.INFO,
            0.75,
            f"The CPU is at {number(level, 2)} % (median) while the GPU is busy "
            f"{number(busy, 2)} % of the time",
            "Move work to the GPU or to preprocessing, use more cores, vectorise environments.",
            [at_steps(view, cpu[0], after=level, effect=busy / 100)],
        )
