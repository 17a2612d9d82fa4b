"""Time before the first metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.machine import gpus, on_cpu, standstills
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import duration, number
from postrun.rules.base import END, Rule
from postrun.rules.perf.machine import at_steps
from postrun.stats.rates import in_bursts
from postrun.stats.robust import median

#: Samples of the GPU before the first row that suffice to say what it did.
_SAMPLES = 5
#: Rows whose clock runs this many times beyond the run's time are of another clock.
_OTHER_CLOCK = 1.5


class SlowStart(Rule):
    """A large part of the run passed before the first metric.

    ## What it does
    Reports the time from the start of the run to its first logged row, and what the GPU did meanwhile.

    ## Why it matters
    Loading, tokenising, compiling: paid for at the price of all reserved accelerators, at each start
    and each resume.

    ## How it decides
    The first row comes later than `least_seconds` and than `share` of the run's time, and than `slower` times
    what the steps before it take at the run's usual pace: a first row at step 50 is of 50 steps. Runs of fewer
    than `min_rows` rows, or of none, are judged only if they lasted `few_seconds` and the GPU was idle (below
    `idle` %) until then. What the GPU did is told if it was idle, or at work (`at_work` %). Rows that were
    synced in bursts say nothing.

    ## What to do
    Cache preprocessed data and compiled graphs; start the accelerators' job after preprocessing. If the GPU was
    at work, look at what the first steps do that later ones do not: an evaluation, a benchmark, a warm-up.

    ## Example
    "The first metric came after 14 min (22% of the run), and the GPU was busy 2% of that time"

    ## References
    SageMaker Debugger, rule MaxInitializationTime.
    """

    code = "PERF008"
    name = "slow-start"
    live = END
    scope = "process"
    thresholds = {
        "share": 0.1,
        "least_seconds": 60.0,
        "slower": 3.0,
        "min_rows": 5,
        "few_seconds": 300.0,
        "idle": 15.0,
        "at_work": 60.0,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        steps, seconds = view.clock
        total = float(view.run.runtime or (seconds[-1] if len(seconds) else 0.0))
        if view.run.completeness.sampled or total <= 0 or in_bursts(seconds):
            return
        if not len(seconds):
            yield from self._nothing(view, total)
            return
        first = float(seconds[0])
        if seconds[-1] > _OTHER_CLOCK * total or first < self._expected(steps, seconds, total):
            return
        gpu = _until(view, first)
        level = float(gpu.y.mean()) if gpu is not None else np.nan
        few = len(seconds) < self.limits["min_rows"]
        if few and not (first >= self.limits["few_seconds"] and level < self.limits["idle"]):
            return
        idle, at_work = level < self.limits["idle"], level >= self.limits["at_work"]
        did = f", and the GPU was busy {number(level, 2)}% of that time" if idle or at_work else ""
        step = float(steps[0])
        yield self.finding(
            Severity.INFO,
            0.8,
            f"The first metric came after {duration(first)} ({100 * min(first / total, 1):.0f}% of the run)"
            f"{did}",
            "Look at what the first steps do that later ones do not: an evaluation, tuning of kernels, a "
            "larger first round."
            if at_work
            else "Cache preprocessed data and compiled graphs; preprocess before the accelerators are "
            "reserved.",
            [
                Evidence("_runtime", None, step, step, 0.0, first, first / total, len(seconds)),
                *([] if gpu is None or not did else [at_steps(view, gpu, after=level)]),
            ],
        )

    def _expected(self, steps: np.ndarray, seconds: np.ndarray, total: float) -> float:
        """Return the time of the first row from which on it is late."""
        late = max(self.limits["least_seconds"], self.limits["share"] * total)
        moves = np.diff(steps)
        if not (moves > 0).any():
            return late
        pace = float(seconds[-1] - seconds[0]) / float(steps.max() - steps.min())
        before = max(float(steps[0]), median(moves[moves > 0]))
        return max(late, self.limits["slower"] * pace * before)

    def _nothing(self, view: RunView, total: float) -> Iterator[Finding]:
        """Yield a finding on a run that never came to its first row while its GPU was idle."""
        gpu = _until(view, total)
        if view.run.state in (State.RUNNING, State.FINISHED) or gpu is None or standstills(view):
            return
        level = float(gpu.y.mean())
        if total < self.limits["few_seconds"] or level >= self.limits["idle"]:
            return
        yield self.finding(
            Severity.INFO,
            0.6,
            f"Nothing was logged in {duration(total)}, and the GPU was busy {number(level, 2)}% of that time: "
            "the run was still preparing",
            "See what it prepares: cache preprocessed data, and look at the data loader's workers.",
            [at_steps(view, gpu, after=level)],
        )


def _until(view: RunView, second: float) -> Series | None:
    """Return the utilisation of the run's busiest GPU until a time, None if hardly sampled."""
    if on_cpu(view):
        return None
    mine = gpus(view).candidates
    found = [
        s.finite.between(-np.inf, second)
        for s in view.system("system.gpu_utilisation")
        if s.info.index in mine
    ]
    return max(
        (s for s in found if len(s) >= _SAMPLES), key=lambda s: float(s.y.mean()), default=None
    )
