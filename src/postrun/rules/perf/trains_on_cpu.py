"""Training that leaves the machine's GPUs alone."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.machine import gpus, on_cpu
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule
from postrun.rules.perf.machine import at_steps


class TrainsOnCpu(Rule):
    """The run trains on the CPU of a machine that has GPUs.

    ## What it does
    Reports a run that does not use the GPUs that its machine has, and what shows it.

    ## Why it matters
    A model that was never moved to the GPU, or a driver that does not fit, makes training many times slower,
    and nothing fails. Small models and trees may be as fast on the CPU: then it is as it should be.

    ## How it decides
    The machine's metadata or samples show a GPU. The run lasted `least_seconds` and either its config or
    console say that it trains on the CPU, or all GPUs stayed empty (at most 5% of memory and of utilisation in
    `samples` samples or more) while it logged rows.

    ## What to do
    Check that the framework sees the GPU (`torch.cuda.is_available()`) and that model and batches are moved to
    it.

    ## Example
    "The run trains on the CPU (device is cpu), although the machine has 1 GPU (NVIDIA A40)"
    """

    code = "PERF017"
    name = "trains-on-cpu"
    since = "0.2.0"
    scope = "process"
    thresholds = {"least_seconds": 300.0, "samples": 5}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        known = gpus(view)
        count, title = _machine(view)
        count = count or len(known.sampled)
        seconds = float(view.run.runtime or 0.0)
        if not count or seconds < self.limits["least_seconds"]:
            return
        why = on_cpu(view)
        proof: list[Evidence] = []
        if not why:
            if len(known.empty) < max(count, 1) or view.run.history.height < 2:
                return
            memory = [s.finite for s in view.system("system.gpu_memory")]
            if min(len(s) for s in memory) < self.limits["samples"]:
                return
            why = "memory and utilisation of all GPUs stay near 0%"
            proof = [at_steps(view, s, after=float(s.y.max())) for s in memory]
        named = f" ({title})" if title else ""
        yield self.finding(
            Severity.INFO,
            0.8,
            f"The run trains on the CPU ({why}), although the machine has {count} "
            f"GPU{'' if count == 1 else 's'}{named}",
            "If that is not on purpose, check that the framework sees the GPU, and that model and batches are "
            "moved to it.",
            proof,
        )


def _machine(view: RunView) -> tuple[int, str]:
    """Return how many GPUs the machine has by its metadata, and their name."""
    environment = view.run.environment
    count, name = environment.get("gpu_count"), environment.get("gpu")
    if environment.get("apple") and not count:
        count = 1
    title = name.strip("[]").split(",")[0] if isinstance(name, str) else ""
    return (int(count) if isinstance(count, int | float) else 0), title
