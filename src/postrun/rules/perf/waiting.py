"""Time that is not spent training: waiting for data, peers, checkpoints, and the start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series, paired
from postrun.metrics.axis import STEP
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import duration, number
from postrun.rules.base import Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.rules.perf.samples import in_bursts
from postrun.rules.run.silence import row_times
from postrun.stats.periodic import regular_period
from postrun.stats.robust import Floats, mad_sigma, median, rolling_median
from postrun.stats.tails import slow_share


def _share_of_step(view: RunView, role: str) -> tuple[Series, Series, float] | None:
    """A part of the step time, the step time, and the part's share of all time, or None.

    Of several parts with the role, the largest. Both are of one run: a trainer's wait is no part of
    an orchestrator's step.
    """
    best: tuple[Series, Series, float] | None = None
    for whole in view.by_role("time.step"):
        for part in view.by_role(role):
            if part.info.run != whole.info.run:
                continue
            a, b = paired(part.finite, whole.finite)
            if len(a) < 20 or b.y.sum() <= 0:
                continue
            share = float(a.y.sum() / b.y.sum())
            if share <= 1.05 and (best is None or share > best[2]):
                best = (a, b, share)
    return best


class DataStall(Rule):
    """A large part of each step is spent waiting for data.

    ## What it does
    Compares the time spent waiting for the data loader with the step time.

    ## Why it matters
    The accelerator stands still meanwhile; a faster loader is the cheapest speed there is.

    ## How it decides
    Where both are logged: the sum of the waiting time over the sum of the step time is at least
    `share` (`warning` from twice that on).

    ## What to do
    More loader workers, prefetching, data in larger files on a local disk, cheaper transforms.

    ## Example
    "time/data takes 34 % of time/step (0.21 of 0.62 s)"

    ## References
    Mohan et al. 2021, "Analyzing and mitigating data stalls in DNN training" (arXiv
    2007.06775); SageMaker Debugger, rule IOBottleneck.
    """

    code = "PERF003"
    name = "data-stall"
    needs = ("time.data",)
    thresholds = {"share": 0.15}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        found = _share_of_step(view, "time.data")
        if found is None or found[2] < self.limits["share"]:
            return
        part, whole, share = found
        yield self.finding(
            Severity.WARNING if share > 2 * self.limits["share"] else Severity.INFO,
            0.85,
            f"{part.key} takes {100 * share:.0f} % of {whole.key} ({number(median(part.y), 2)} of "
            f"{number(median(whole.y), 2)} s): the accelerator waits for data",
            "More loader workers, prefetching, larger files on a local disk, or cheaper transforms.",
            [evidence(part, before=median(whole.y), after=median(part.y), effect=share)],
        )


class WaitsForPeer(Rule):
    """Trainer or sampler waits for the other.

    ## What it does
    Reports the share of the step time that one process of an asynchronous training spends waiting
    for another.

    ## Why it matters
    The slower side sets the pace; hardware on the waiting side is idle.

    ## How it decides
    The sum of the logged waiting time over that of the step time, of the same process, is at least
    `share`.

    ## What to do
    Move hardware to the slower side, allow more asynchrony, or make its work smaller.

    ## Example
    "time/wait_for_batch takes 58 % of time/step: the trainer waits for rollouts"
    """

    code = "PERF004"
    name = "waits-for-peer"
    needs = ("time.wait",)
    thresholds = {"share": 0.3}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        found = _share_of_step(view, "time.wait")
        if found is None or found[2] < self.limits["share"]:
            return
        part, whole, share = found
        yield self.finding(
            Severity.INFO,
            0.85,
            f"{part.key} takes {100 * share:.0f} % of {whole.key} (median {number(median(part.y), 2)} of "
            f"{number(median(whole.y), 2)} s): this side waits for the other",
            "Move hardware to the slower side, allow more asynchrony, or make its work smaller.",
            [evidence(part, before=median(whole.y), after=median(part.y), effect=share)],
        )


class CheckpointCost(Rule):
    """Saving checkpoints takes a noticeable part of the time.

    ## What it does
    Adds up the logged time spent saving.

    ## Why it matters
    Synchronous saving stops all accelerators; the interval is a choice between lost work and lost
    time.

    ## How it decides
    The sum of the saving time is at least `share` of the sum of the step time, or of the run's whole
    time where no step time is logged.

    ## What to do
    Save asynchronously, less often, or to a faster disk.

    ## Example
    "time/save_ckpt takes 7 % of the time (21 saves of 14 s)"

    ## References
    Mohan et al. 2021, "CheckFreq: frequent, fine-grained DNN checkpointing" (FAST 2021), which
    aims at an overhead of 3.5 %.
    """

    code = "PERF005"
    name = "checkpoint-cost"
    needs = ("time.save",)
    symptom_of = ("PERF006",)
    thresholds = {"share": 0.04}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.by_role("time.save"):
            y = series.finite
            whole = next(
                (s.finite for s in view.by_role("time.step") if s.info.run == series.info.run), None
            )
            if whole is None:
                total = float(view.run.working_seconds or 0.0)
            else:  # of too few step times, the sum says nothing
                total = float(whole.y.sum()) if len(whole) >= 0.5 * len(y) else 0.0
            spent = float(y.y.sum())
            saves = y.take(y.y > 0.1 * float(y.y.max())) if len(y) else y
            if len(y) < 3 or total <= 0 or not self.limits["share"] <= spent / total <= 1:
                continue
            yield self.finding(
                Severity.INFO,
                0.8,
                f"{y.key} takes {100 * spent / total:.0f} % of the time ({len(saves)} saves of "
                f"{number(median(saves.y), 2)} s)",
                "Save asynchronously, less often, or to a faster disk.",
                [evidence(saves, before=total, after=spent, effect=spent / total)],
            )
            return


class PeriodicStalls(Rule):
    """The run pauses at regular intervals.

    ## What it does
    Finds slow steps that come at a regular distance, their period and their cost.

    ## Why it matters
    Something is done every so many steps (a checkpoint, an evaluation, a garbage collection, the end
    of an epoch); its cost is the first thing that can be saved.

    ## How it decides
    Step times (or, where none are logged, times between rows) above `factor` times the running
    median; at least 4 of them, at most a tenth of all, of whose distances at least `regular` are
    within 15 % of one period or of twice it. Events less than a fifth as slow as the slowest are jitter
    and not counted. Reported where they cost at least `share` of the time; times between rows only
    where they cost `least_seconds` at least. Where the slow rows are those that log an evaluation, or
    the period is the checkpoint interval of the config, that is named.

    ## What to do
    See what runs at that interval; make it rarer, asynchronous or faster.

    ## Example
    "time/step is 3.1 times as long every 50 steps (20 times): 4.2 % of the time"
    """

    code = "PERF006"
    name = "periodic-stalls"
    thresholds = {
        "factor": 1.5,
        "regular": 0.7,
        "share": 0.03,
        "least_seconds": 10.0,
        "min_rows": 50,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = view.first("time.step")
        if series is not None and len(series.finite) >= self.limits["min_rows"]:
            y = series.finite
            key, x, values, proof = y.key, y.x, y.y, y.info.role
        else:
            steps, seconds = view.clock
            if len(steps) < self.limits["min_rows"] + 1 or view.parts or in_bursts(seconds):
                return
            key, x, values, proof = "the time between rows", steps[1:], np.diff(seconds), None
        level = rolling_median(values, 31)
        with np.errstate(divide="ignore", invalid="ignore"):
            tall = values > np.maximum(
                self.limits["factor"] * level, level + 6 * mad_sigma(values - level)
            )
        tall[: max(2, len(values) // 100)] = False
        tall &= level > 0
        if not tall.any():
            return
        height = values - level
        tall &= height >= 0.2 * float(np.quantile(height[tall], 0.9))
        at = np.flatnonzero(tall)
        at = at[np.diff(at, prepend=-9) > 1]  # the first of adjacent ones
        if not 4 <= len(at) <= 0.1 * len(values):
            return
        found = regular_period(x[at])
        if found is None or found[1] < self.limits["regular"]:
            return
        period, regular = found
        lost = float((values[at] - level[at]).sum())
        share = lost / float(values.sum())
        if share < self.limits["share"] or (proof is None and lost < self.limits["least_seconds"]):
            return
        ratio = median(values[at] / level[at])
        config = view.number("checkpoint_interval")
        named = ""
        if config is not None and abs(period / config[1] - 1) <= 0.15:
            named = f", which is the checkpoint interval ({config[0]})"
        elif self._evaluates(view, x[at]):
            named = ", where an evaluation is logged"
        yield self.finding(
            Severity.INFO,
            0.6 + 0.3 * regular,
            f"{key} is {ratio:.1f} times as long every {view.axis.count(period)} ({len(at)} times){named}: "
            f"{100 * share:.1f} % of the time",
            "See what runs at that interval; make it rarer, asynchronous or faster.",
            [
                Evidence(
                    key,
                    proof,
                    float(x[at[0]]),
                    float(x[at[-1]]),
                    median(level),
                    median(values[at]),
                    share,
                    len(values),
                )
            ],
        )

    def _evaluates(self, view: RunView, slow: Floats) -> bool:
        """True where most slow rows, or the rows just before them, log an evaluation."""
        for series in view.by_role(*HELD_OUT):
            if 4 <= len(series) <= 3 * len(slow):
                distance = np.abs(series.x[:, None] - slow[None, :]).min(axis=0)
                if float(np.mean(distance <= 1)) >= 0.7:
                    return True
        return False


class StepTimeTail(Rule):
    """A few very slow steps take much of the time.

    ## What it does
    Reports step times with a heavy tail that is not regular.

    ## Why it matters
    Stragglers, recompilation for new shapes, swapping or a shared disk: the median looks fine, the
    run takes twice as long.

    ## How it decides
    Steps of more than `factor` medians take, beyond a median each, at least `share` of the time; they
    are at least 5, at most a tenth of all steps, and not periodic (PERF006). The first 2 % of the
    run are left out (compilation).

    ## What to do
    Look at what differs in those steps: sequence lengths, shapes, other jobs on the machine.

    ## Example
    "3 % of the steps take more than 3 times the median: 21 % of the time"

    ## References
    SageMaker Debugger, rule StepOutlier.
    """

    code = "PERF007"
    name = "step-time-tail"
    needs = ("time.step",)
    symptom_of = ("PERF006",)
    thresholds = {"factor": 3.0, "share": 0.1, "min_rows": 100}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        y = self.usable(view, "time.step")
        if y is None:
            return
        y = y.take(slice(max(2, len(y) // 50), None))
        count, cost = slow_share(y.y, self.limits["factor"])
        slow = np.flatnonzero(y.y > self.limits["factor"] * median(y.y))
        if len(slow) < 5 or count > 0.1 or cost < self.limits["share"]:
            return
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{100 * count:.1f} % of the steps take more than {self.limits['factor']:g} times the median of "
            f"{y.key} ({number(median(y.y), 2)} s): {100 * cost:.0f} % of the time",
            "Look at what differs in those steps: sequence lengths, new shapes, other jobs on the machine.",
            [
                evidence(
                    y,
                    float(y.x[slow[0]]),
                    float(y.x[slow[-1]]),
                    before=median(y.y),
                    after=median(y.y[slow]),
                    effect=cost,
                )
            ],
        )


class SlowStart(Rule):
    """A large part of the run passed before the first metric.

    ## What it does
    Reports the time from the start of the run to its first logged row.

    ## Why it matters
    Loading, tokenising, compiling: paid for at the price of all reserved accelerators, at each start
    and each resume.

    ## How it decides
    The first row comes later than `least_seconds` and than `share` of the run's time, and than three
    times the usual interval between rows, for each interval of steps that lies before the first row.

    ## What to do
    Cache preprocessed data and compiled graphs; start the accelerators' job after preprocessing.

    ## Example
    "The first metric came after 14 min: 22 % of the run"

    ## References
    SageMaker Debugger, rule MaxInitializationTime.
    """

    code = "PERF008"
    name = "slow-start"
    scope = "process"
    thresholds = {"share": 0.1, "least_seconds": 60.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        _, seconds = view.clock
        clock = row_times(view)
        total = float(view.run.runtime or (seconds[-1] if len(seconds) else 0.0))
        if (
            len(seconds) < 5
            or view.run.completeness.sampled
            or total <= 0
            or seconds[-1] > 1.5 * total
        ):
            return
        first, usual = float(seconds[0]), median(np.diff(clock)) if len(clock) > 1 else 0.0
        if first < max(self.limits["least_seconds"], self.limits["share"] * total, 3 * usual):
            return
        if view.axis.key != STEP and first < 3 * usual * _rows_before(view):
            return  # the first row is of a later step, and the steps before it took their time
        step = float(view.run.completeness.first_step or 0)
        yield self.finding(
            Severity.INFO,
            0.8,
            f"The first metric came after {duration(first)}: {100 * first / total:.0f} % of the run",
            "Cache preprocessed data and compiled graphs; preprocess before the accelerators are reserved.",
            [Evidence("_runtime", None, step, step, 0.0, first, first / total, len(seconds))],
        )


def _rows_before(view: RunView) -> float:
    """Return how many usual intervals of steps lie before the first row: 1 if it is the first step."""
    steps, _ = view.clock
    moves = np.diff(steps)
    usual = median(moves[moves > 0]) if (moves > 0).any() else 0.0
    return max(1.0, float(steps[0]) / usual) if usual else 1.0
