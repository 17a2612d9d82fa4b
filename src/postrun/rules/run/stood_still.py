"""A process that was suspended or waited."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.machine import Standstill, standstills
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import duration
from postrun.rules.base import Rule


class ProcessStoodStill(Rule):
    """The process used no CPU for a while, or until its end.

    ## What it does
    Reports when the process stood still and for how long.

    ## Why it matters
    A suspended process (Ctrl-Z, a console that is paused by a click, a machine that sleeps) holds its GPUs and
    trains nothing, and looks like a crash in the end. So does one that waits for a peer, a file or an answer.

    ## How it decides
    The process's CPU falls to 0% (below a twentieth of what it uses at work) for at least 4 samples and 100 s,
    while no row is logged and no line is printed: a process that trains on a GPU uses CPU as well. A standstill
    that ended is told if it lasted `least_seconds` and `share` of the run; one at the end not if the run
    finished.

    ## What to do
    See what stopped it. `fg` or `kill -CONT PID` lets a suspended process go on; `py-spy dump --pid PID` shows
    what a waiting one waits for.

    ## Example
    "The process stood still in its last 2 min after step 99: it used no CPU and logged nothing, so it was
    suspended or waited"
    """

    code = "RUN011"
    name = "process-stood-still"
    since = "0.2.0"
    scope = "process"
    symptom_of = ("RUN001", "RUN002")
    needs = ("system.cpu", "system.cpu_process")
    thresholds = {"least_seconds": 300.0, "share": 0.05}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most, on the longest standstill."""
        told = [s for s in standstills(view) if self._matters(view, s)]
        if not told:
            return
        worst = max(told, key=lambda s: s.seconds)
        step = view.step_at(worst.start)
        where = "" if step is None else f" after {view.axis.at(step)}"
        yield self.finding(
            Severity.WARNING,
            0.85,
            f"The process stood still in its last {duration(worst.seconds)}{where}: it used no CPU and logged "
            "nothing, so it was suspended or waited"
            if worst.to_the_end
            else f"The process stood still for {duration(worst.seconds)}{where} ({duration(worst.start)} after "
            "the start): no CPU was used, so it was suspended or waited",
            "See what stopped it: Ctrl-Z, a paused console, a sleeping machine, or a peer. kill -CONT PID lets "
            "a suspended process go on; py-spy dump --pid PID shows what a waiting one waits for.",
            [
                Evidence(
                    "cpu",
                    "system.cpu",
                    step,
                    view.last_x,
                    None,
                    0.0,
                    sum(s.seconds for s in told),
                    len(told),
                )
            ],
        )

    def _matters(self, view: RunView, still: Standstill) -> bool:
        if still.to_the_end:
            return view.run.state not in (State.FINISHED, State.RUNNING)
        total = float(view.run.runtime or still.stop)
        return still.seconds >= max(self.limits["least_seconds"], self.limits["share"] * total)
