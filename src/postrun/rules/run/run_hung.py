"""The process lived on long after its last metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from postrun.metrics import RunView
from postrun.metrics.machine import standstills
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import duration
from postrun.rules.base import Rule
from postrun.rules.run.row_times import row_times
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


def _pace(clock: Floats) -> str:
    """Return how often rows came, in words."""
    usual = float(np.median(np.diff(clock)))
    return f"a row every {duration(usual)}" if usual >= 1 else "several rows a second"


def _latest(frame: pl.DataFrame, column: str) -> float:
    """The greatest value of a column of times, 0 where there is none."""
    known = frame[column].drop_nulls().to_numpy() if column in frame.columns else np.zeros(0)
    return float(known.max()) if len(known) else 0.0
