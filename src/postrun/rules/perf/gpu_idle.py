"""GPUs that wait."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.machine import gpus, own_memory, while_training
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.perf.machine import at_steps, in_use
from postrun.rules.perf.parts import main_part
from postrun.stats.robust import median

#: Training in which a GPU waits by design: environments and rollouts, by their roles; trees, by their packs.
_ROLLOUTS = ("reward", "length.episode", "success")
_TREES = frozenset({"xgboost", "lightgbm"})


class GpuIdle(Rule):
    """The GPUs are idle most of the time.

    ## What it does
    Reports GPUs whose utilisation is low while the run trains, with what takes the time instead, as far as the
    run logs it.

    ## Why it matters
    Utilisation is the share of time in which any kernel runs: a low one means that the GPU waits, for
    data, for the CPU, for another process, or because the model is tiny.

    ## How it decides
    At least 12 samples over 3 minutes between the first and the last row. Loading, what follows the last row
    and times in which the process stood still do not count; a run that trains on the CPU is not judged. The
    mean of the busiest of the run's GPUs is below `low` %; if it is not known which GPUs are its own, all that
    hold 2% of their memory count. A `warning` only below `very_low` % over `long_seconds` or more, and never
    for reinforcement learning and trees, where environments, rollouts and the CPU take their time by design.
    What takes the time is the logged part of the step that takes at least `part` of it, else a full CPU (median
    of `full_cpu` % or more). Larger batches are advised only if less than `room` % of the memory is in use.

    ## What to do
    Make the part faster that takes the time. If none is logged, profile one step: data loading,
    synchronisations (`.item()`), small batches.

    ## Example
    "The GPU is busy 11% of the time (2.1 h of training); time/env takes 83% of the time"

    ## References
    SageMaker Debugger, rule LowGPUUtilization.
    """

    code = "PERF009"
    name = "gpu-idle"
    live = LATE
    scope = "process"
    needs = ("system.gpu_utilisation",)
    thresholds = {
        "low": 30.0,
        "very_low": 10.0,
        "long_seconds": 1200.0,
        "part": 0.4,
        "room": 50.0,
        "full_cpu": 90.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        used = in_use(view, "system.gpu_utilisation")
        if not used or len(view.clock[0]) < 2:
            return
        best = max(used, key=lambda s: float(s.y.mean()))
        level = float(best.y.mean())
        if level >= self.limits["low"]:
            return
        seconds = float(best.x[-1] - best.x[0])
        trees = not _TREES.isdisjoint(pack.name for pack in view.packs)
        by_design = trees or bool(view.by_role(*_ROLLOUTS))
        serious = level < self.limits["very_low"] and seconds >= self.limits["long_seconds"]
        what, remedy, proof = self._instead(view)
        yield self.finding(
            Severity.WARNING if serious and not by_design else Severity.INFO,
            0.8,
            f"{_which(view, len(used))} busy {number(level, 2)}% of the time "
            f"({duration(seconds)} of training){what}",
            remedy,
            [at_steps(view, best, after=level, effect=level / 100), *proof],
        )

    def _instead(self, view: RunView) -> tuple[str, str, list[Evidence]]:
        """Return what the time is spent on, in words, what to do, and evidence."""
        part = main_part(view, self.limits["part"])
        if part is not None:
            series, share = part
            return (
                f"; {series.key} takes {100 * share:.0f}% of the time",
                f"Make what {series.key} measures faster, or let it overlap with the GPU's work.",
                [evidence(series, after=median(series.y), effect=share)],
            )
        for cpu in while_training(view, "system.cpu"):
            if median(cpu.y) >= self.limits["full_cpu"]:
                return (
                    "",
                    "The CPU is full: move work to the GPU or to preprocessing, or use more cores.",
                    [],
                )
        memory = [float(s.y.max()) for s in in_use(view, "system.gpu_memory")]
        remedy = (
            "Profile one step to see what the GPU waits for: data, the CPU, or synchronisations."
        )
        if memory and own_memory(view) and max(memory) < self.limits["room"]:
            remedy += (
                f" Its memory is at most {number(max(memory), 2)}% full: larger batches would fit."
            )
        return "", remedy, []


def _which(view: RunView, count: int) -> str:
    if count == 1:
        return "The GPU is"
    whose = "the run's" if gpus(view).own else "the"
    return f"Of {whose} {count} GPUs{'' if gpus(view).own else ' in use'}, the busiest is"
