"""GPUs of the machine that nobody uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from postrun.metrics import RunView, Series
from postrun.metrics.machine import gpus, on_cpu
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule
from postrun.rules.perf.machine import at_steps, busy
from postrun.training.ending import how_it_ended

#: The kind of an end for lack of GPU memory.
_FULL = "gpu-out-of-memory"


class GpusLeftEmpty(Rule):
    """GPUs of the machine stay empty while the run's own are full.

    ## What it does
    Reports a run that ran out of GPU memory, or keeps its GPUs full or busy, while others of the same machine
    did nothing.

    ## Why it matters
    A model that does not fit on one GPU may fit on several; a job that was meant for all of them and uses one
    is a mistake in its launch.

    ## How it decides
    At least one sampled GPU never exceeded 5% of memory and utilisation. If the run ended for lack of GPU
    memory, that is a `warning`. Otherwise it is `info`, and only if they are half of all and the busiest of its
    own GPUs is at least `busy` % busy or `full` % of the memory of one is in use, over at least `samples`
    samples: a run that does not fill one GPU needs no second. The others may be reserved for somebody else.

    ## What to do
    Shard the model or the batch over more GPUs (FSDP, ZeRO, `device_map="auto"`, torchrun), if they are yours.

    ## Example
    "7 of the machine's 8 GPUs were empty when the run ran out of GPU memory"
    """

    code = "PERF018"
    name = "gpus-left-empty"
    since = "0.2.0"
    scope = "process"
    needs = ("system.gpu_memory",)
    thresholds = {"busy": 80.0, "full": 75.0, "samples": 10}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        known = gpus(view)
        count, total = len(known.empty), len(known.sampled)
        if not 0 < count < total or on_cpu(view):
            return
        of = f"{count} of the machine's {total} GPUs"
        memory = {s.info.index: s.finite for s in view.system("system.gpu_memory")}
        empty = [_highest(view, memory[i]) for i in sorted(known.empty)[:2]]
        cause = how_it_ended(view).cause
        if cause is not None and cause.kind is not None and cause.kind.name == _FULL:
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{of} {'was' if count == 1 else 'were'} empty when the run ran out of GPU memory",
                "Shard the model over more GPUs (FSDP, ZeRO, device_map), if they are yours.",
                empty,
            )
        elif 2 * count >= total:
            yield from self._others_at_work(view, of, known.own, empty)

    def _others_at_work(
        self, view: RunView, of: str, own: Collection[str], empty: list[Evidence]
    ) -> Iterator[Finding]:
        """Yield a finding if the run's own GPUs are full or busy."""
        memory = [s.finite for s in view.system("system.gpu_memory") if s.info.index in own]
        fullest = max(memory, key=lambda s: float(s.y.max()), default=None)
        if fullest is None or len(fullest) < self.limits["samples"]:
            return
        high, level = float(fullest.y.max()), busy(view)
        if high < self.limits["full"] and level < self.limits["busy"]:
            return
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{of} stayed empty, while the run's own were up to {number(level, 2)}% busy and "
            f"{number(high, 2)}% full",
            "If they are yours, spread the batch or the model over more GPUs.",
            [_highest(view, fullest, level / 100), *empty],
        )


def _highest(view: RunView, memory: Series, busy_share: float | None = None) -> Evidence:
    """Return evidence of the highest memory in use, and of the share of time in which a GPU was busy."""
    return at_steps(view, memory, after=float(memory.y.max()), effect=busy_share)
