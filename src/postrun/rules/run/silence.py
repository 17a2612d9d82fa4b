"""Time in which nothing was logged: a run that hung, or stood still for a while."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from postrun.metrics import RunView
from postrun.metrics.machine import standstills
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import duration
from postrun.rules.base import Rule
from postrun.rules.perf.evaluations import ends_with_evaluation
from postrun.stats.rates import in_bursts
from postrun.stats.robust import Floats
from postrun.training.ending import how_it_ended


class RunHung(Rule):
    """The process lived on long after its last metric.

    ## What it does
    Reports a run that did not end well and whose machine was still sampled, or whose console still
    wrote, long after the last logged row.

    ## Why it matters
    A hang (a deadlocked data loader, a collective that waits for a dead rank) pays for hardware that
    does nothing, and looks like a crash in the end.

    ## How it decides
    The last sign of life (system sample or console line) against the last row's time, where at least `min_rows`
    rows have times. Hung: the silence is longer than `factor` times the 95% quantile of the time between rows
    and than `least_seconds`. Runs that finished with exit code 0, or whose training was done, are left out: a
    final evaluation or an upload logs nothing either. A process that used no CPU meanwhile is told by RUN011.

    ## What to do
    Dump stacks while it hangs (`py-spy dump --pid`); set a collective timeout; look for one rank that
    stopped first.

    ## Example
    "The run hung after step 3,986: it logged nothing in its last 2.1 h (a row every 4 s before), though it
    was alive"
    """

    code = "RUN005"
    name = "run-hung"
    symptom_of = ("RUN001", "RUN002")
    scope = "process"
    thresholds = {"factor": 20.0, "least_seconds": 600.0, "min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.state is State.FINISHED or run.state is State.RUNNING:
            return
        clock = row_times(view)
        stood_still = any(still.to_the_end for still in standstills(view))  # told by RUN011
        if len(clock) < self.limits["min_rows"] or stood_still or how_it_ended(view).complete:
            return
        last = max(_latest(run.system, "_timestamp"), _latest(run.console, "timestamp"))
        silent = last - float(clock[-1])
        usual = float(np.quantile(np.diff(clock), 0.95))
        if silent <= max(self.limits["factor"] * usual, self.limits["least_seconds"]):
            return
        step = view.last_x or 0.0
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"The run hung after {view.axis.at(step)}: it logged nothing in its last {duration(silent)} "
            f"({_pace(clock)} before), though it was alive",
            "Dump the stacks while it hangs (py-spy dump), set a timeout for collectives, and find the "
            "process that stopped first.",
            [Evidence("_timestamp", None, step, step, usual, silent, silent / usual, len(clock))],
        )


class RunStalled(Rule):
    """The run stood still for a while and went on.

    ## What it does
    Reports single long pauses between two logged rows, with the time that they cost.

    ## Why it matters
    Pauses come from evaluations, slow storage, a suspended machine or a waiting peer; where they take
    a large part of the time, the run could have been that much shorter.

    ## How it decides
    Gaps between the times of consecutive rows that are longer than `factor` times the 95% quantile of all gaps
    and than `least_seconds`, and that together take more than `share` of the run. Gaps between the parts of a
    resumed run are told by RUN007 instead, those without CPU by RUN011. Rows that were synced in bursts say
    nothing. If all gaps end with a row of an evaluation, they are no stalls, and the finding is `info`.

    ## What to do
    Look at the console and the system metrics at that time.

    ## Example
    "The run stood still for 42 min after step 1,200 (9% of its time)"
    """

    code = "RUN006"
    name = "run-stalled"
    scope = "process"
    thresholds = {"factor": 20.0, "least_seconds": 300.0, "share": 0.05, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        clock = row_times(view)
        if len(clock) < self.limits["min_rows"] or in_bursts(clock):
            return
        gaps = np.diff(clock)
        bar = max(
            self.limits["factor"] * float(np.quantile(gaps, 0.95)), self.limits["least_seconds"]
        )
        long = [i for i in np.flatnonzero(gaps > bar).tolist() if not self._known(view, clock, i)]
        evaluated = [i for i in long if ends_with_evaluation(view, float(clock[i + 1]))]
        phase = bool(long) and len(evaluated) == len(long)
        if not phase:
            long = [i for i in long if i not in evaluated]
        total = float(clock[-1] - clock[0])
        lost = float(gaps[long].sum())
        if not long or lost <= self.limits["share"] * total:
            return
        worst = max(long, key=lambda i: gaps[i])
        begin = _start(view)
        step = None if begin is None else view.step_at(float(clock[worst]) - begin)
        times = f"{len(long)} times, the longest " if len(long) > 1 else ""
        where = "" if step is None else f" after {view.axis.at(step)}"
        did = "paused for evaluation" if phase else "stood still"
        yield self.finding(
            Severity.INFO if phase else Severity.WARNING,
            0.8,
            f"The run {did} {times}for {duration(float(gaps[worst]))}{where}: "
            f"{100 * lost / total:.0f}% of its time",
            "If that is too much, evaluate less often or on fewer batches."
            if phase
            else "Look at the console and the system metrics at that time: storage, generation, saving, or a "
            "peer that was waited for.",
            [
                Evidence(
                    "_timestamp",
                    None,
                    step,
                    step,
                    float(np.median(gaps)),
                    float(gaps[worst]),
                    lost / total,
                    len(clock),
                )
            ],
        )

    def _known(self, view: RunView, clock: Floats, i: int) -> bool:
        """Return whether a gap lies between parts of a resumed run, or the process stood still in it."""
        gap = float(clock[i + 1] - clock[i])
        seams = [s.gap_seconds for s in view.run.completeness.seams if s.gap_seconds is not None]
        if any(abs(gap - seam) < 1 for seam in seams):
            return True
        begin = _start(view) or 0.0
        a, b = float(clock[i]) - begin, float(clock[i + 1]) - begin
        still = sum(max(0.0, min(b, s.stop) - max(a, s.start)) for s in standstills(view))
        return still >= 0.5 * gap


def _pace(clock: Floats) -> str:
    """Return how often rows came, in words."""
    usual = float(np.median(np.diff(clock)))
    return f"a row every {duration(usual)}" if usual >= 1 else "several rows a second"


def _latest(frame: pl.DataFrame, column: str) -> float:
    """The greatest value of a column of times, 0 where there is none."""
    known = frame[column].drop_nulls().to_numpy() if column in frame.columns else np.zeros(0)
    return float(known.max()) if len(known) else 0.0


def _start(view: RunView) -> float | None:
    """Unix time of the run's second 0, from the first row that has both clocks."""
    both = view.run.history.select("_timestamp", "_runtime").drop_nulls()
    return float(both["_timestamp"][0]) - float(both["_runtime"][0]) if both.height else None


def row_times(view: RunView) -> Floats:
    """Times of all rows that have one, in order (Unix seconds)."""
    column = view.run.history["_timestamp"].drop_nulls().to_numpy()
    return np.sort(column[np.isfinite(column)])
