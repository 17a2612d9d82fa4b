"""Part of the log could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.rules.base import NOW, Rule

#: What to do about a log that is not whole.
_AGAIN = "Copy the file again, or read the run from the server."


class LogDamaged(Rule):
    """Part of the log could not be read.

    ## What it does
    Reports damage in the run's log, and a log that ends before the run did.

    ## Why it matters
    Rows are missing; what postrun says is about the rest.

    ## How it decides
    Checksums, record lengths and the file's end, each with its byte position; the last row's step
    against the step that the summary reports. A torn end (less than `torn_bytes`: one block of the log)
    is `info`, and that of a crashed run is said by RUN002. A log that is missing, empty or a Git LFS
    pointer is told as a whole.

    ## What to do
    Copy the file again, or read the run from the server if it was synced.

    ## Example
    "run-a1.wandb: bad checksum at byte 163840 (212 bytes lost; records after it were recovered)"
    """

    code = "DAT002"
    name = "log-damaged"
    live = NOW
    of_rows = True
    scope = "process"
    symptom_of = ("RUN002",)
    thresholds = {"torn_bytes": 32768}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not (done.damage or done.truncated):
            return
        remedy = next((d.remedy for d in done.damage if d.remedy), "")
        if done.no_history:
            reported = done.reported_last_step
            told = "" if reported is None else f"; its summary reports {view.log_axis.at(reported)}"
            yield self.finding(
                Severity.WARNING,
                1.0,
                f"The history could not be read: {done.no_history}{told}",
                remedy or _AGAIN,
            )
            return
        if done.went_on and not any(d.resumed for d in done.damage):
            if view.run.state is not State.CRASHED:  # RUN002 says so of a crashed run
                yield self._ends_early(view, remedy or _AGAIN)
            return
        lost = sum(d.length for d in done.damage)
        torn = lost < self.limits["torn_bytes"]
        tail = torn and all(d.length and not d.resumed for d in done.damage)
        if tail and (view.run.state is State.CRASHED or _exit_unwritten(view)):
            return  # a process that is gone leaves a torn end; RUN001 and RUN002 say so
        where = "; ".join(d.sentence() for d in done.damage[:3]) or (
            f"the last row is at {view.log_axis.at(done.last_step or 0)}, the summary reports "
            f"{view.log_axis.at(done.reported_last_step or 0)}"
        )
        more = f"; and {len(done.damage) - 3} more places" if len(done.damage) > 3 else ""
        yield self.finding(
            Severity.INFO if tail else Severity.WARNING,
            1.0,
            f"The log is incomplete: {where}{more}",
            remedy or f"What could be read is used. {_AGAIN}",
        )

    def _ends_early(self, view: RunView, remedy: str) -> Finding:
        done, steps = view.run.completeness, view.log_axis
        last, reported = done.last_step or 0, done.reported_last_step or 1
        return self.finding(
            Severity.WARNING,
            1.0,
            f"The log file ends at {steps.at(last)}, but the run went on to {steps.at(reported)}: the last "
            f"{100 * (1 - last / reported):.0f}% of its history is missing",
            remedy,
            [
                Evidence(
                    "_step",
                    None,
                    float(last),
                    float(reported),
                    float(last),
                    float(reported),
                    n=done.rows,
                )
            ],
        )


def _exit_unwritten(view: RunView) -> bool:
    """Return whether nothing but the console tells how a run ended: its log holds no exit."""
    return view.run.state is State.FAILED and view.run.exit_code is None
