"""GPUs that are throttled by heat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.rules.base import Rule
from postrun.rules.perf.machine import at_steps, in_use
from postrun.stats.robust import median


class GpuThrottled(Rule):
    """The GPU lowered its clock because it was hot or at its power limit.

    ## What it does
    Reports a core clock that fell while the temperature or the power was at its limit and the GPU
    was busy.

    ## Why it matters
    The same work takes longer, and nothing in the training shows why.

    ## How it decides
    Busy samples (utilisation above `busy` %; at least `samples`) in which the clock is more than `clock_share`
    below its own 95% quantile: at least `share` of the busy ones. They are throttled by heat where their median
    temperature is at least `hot` °C.

    ## What to do
    Look at cooling and at the power limit (nvidia-smi -q -d PERFORMANCE).

    ## Example
    "GPU 0 runs at 1,395 MHz instead of 1,980 MHz at 88 °C in 64% of its busy time: throttled by heat"
    """

    code = "PERF011"
    name = "gpu-throttled"
    scope = "process"
    needs = ("system.gpu_clock",)
    thresholds = {
        "clock_share": 0.1,
        "share": 0.2,
        "hot": 83.0,
        "busy": 50.0,
        "samples": 20,
    }

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
            working = use > self.limits["busy"]
            if working.sum() < self.limits["samples"]:
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
            f"in {100 * share:.0f}% of its busy time: throttled by heat",
            "Look at cooling, at neighbouring jobs, and at the power limit.",
            [at_steps(view, clock, start, before=top, after=level, effect=share)],
        )
