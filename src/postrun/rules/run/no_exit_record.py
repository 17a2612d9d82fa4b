"""The run never reported its end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.metrics.axis import Axis
from postrun.model import Finding, Severity
from postrun.model.text import duration
from postrun.rules.base import END, Rule
from postrun.rules.run.machine_end import idle_at_end, machine_at_end
from postrun.rules.run.words import at_the_end, describe, remedy, shortened
from postrun.training.checkpoints import go_on
from postrun.training.end_words import after, left, progress_words, where
from postrun.training.ending import (
    EMPTY,
    INCOMPLETE,
    KILLED,
    UNKNOWN,
    HowEnded,
    how_it_ended,
)

#: The drawn part of a progress bar.
_DRAWN = re.compile(r"\|[^|]{4,}\|")
#: A process that logs nothing for so many seconds after its training is told to have lived on.
_IDLE = 600.0
#: What the SDK calls the program of a notebook.
_NOTEBOOK = re.compile(r"no main file|\.ipynb$")
_LOOK = "Look at the scheduler's and the kernel's logs for that time, then"


class NoExitRecord(Rule):
    """The run never reported its end.

    ## What it does
    Reports a run without an exit record that is no longer growing: how far it came, whether its training was
    done by then, and whether the process had stood still before.

    ## Why it matters
    The process was killed (by the kernel, a scheduler, a closed session) or its machine was lost; unless the
    training was done, the last values are not the final ones.

    ## How it decides
    No exit record in the log, and no error in the console (RUN001 tells those). The plan and the trainer's own
    summary show whether the training was done. A summary that is ahead of the log is what a killed process
    had not written yet, unless more is missing than such a process keeps back (64 KiB of log; 50 rows and 20%
    if its size is not known): then this log is an incomplete copy. The process stood still if its CPU was at
    0% in the last samples, for 100 s or more. If nothing but the console was kept, its last line says how far
    the run came. `warning` in a notebook that shows no cause: a cell that was stopped leaves no exit either.

    ## What to do
    Look at the scheduler's and the kernel's logs for the time of the last sign of life. If the log is an
    incomplete copy, copy it again.

    ## Example
    "Killed at step 130 of 1,218 (11%) after 22 min: no exit record, and the console shows no error"
    """

    code = "RUN002"
    name = "no-exit-record"
    live = END
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        how = how_it_ended(view)
        if how.kind == EMPTY:
            yield self._empty(view)
        elif how.kind == UNKNOWN and view.run.completeness.no_history:
            yield self._only_files(view, how)
        elif how.kind == INCOMPLETE:
            yield self._incomplete(view)
        elif how.kind == KILLED and how.complete:
            yield self._after_training(view, how)
        elif how.kind == KILLED:
            yield self._killed(view, how)

    def _killed(self, view: RunView, how: HowEnded) -> Finding:
        cause = how.cause
        seen, proofs = machine_at_end(view, cause)
        if view.run.preempting:
            why = "it was being preempted"
        elif cause is not None:
            why = describe(cause)
        elif how.suspended:
            still = f"stood still for {duration(how.suspended)} (CPU at 0%), suspended or waiting"
            again = f"the process {still}, and went on for a while"
            why = again if how.resumed_work else f"the process had {still}"
        else:
            why = _no_error(view)
        many = "the last row is" if how.unflushed == 1 else f"the last {how.unflushed:,} rows are"
        rows = f"; {many} missing from the log" if how.unflushed else ""
        shown = "" if cause or view.run.history.height or how.unflushed else _console(view)
        rest = left(view)
        early = f", about {rest} before its planned end" if rest else ""
        stopped = _in_a_notebook(view) and not (cause or seen or how.suspended)
        return self.finding(
            Severity.WARNING if stopped else Severity.CRITICAL,
            0.9 if cause or seen or how.suspended else 0.7,
            f"Killed{where(view)}{after(view)}{early}: no exit record, and {why}{seen}{rows}{shown}",
            remedy(cause) or f"{_LOOK} {go_on(view)}.",
            [*at_the_end(view), *proofs],
        )

    def _after_training(self, view: RunView, how: HowEnded) -> Finding:
        progress = how.plan.progress
        all_ = "" if progress is None else f" {progress.whole()}"
        idle = idle_at_end(view)
        lived = f"; it had lived on for {duration(idle)} without logging" if idle > _IDLE else ""
        return self.finding(
            Severity.INFO,
            0.9,
            f"Training finished{all_}, but the process never reported its exit{lived}",
            "Check that the model was saved. Call wandb.finish() at the end, in notebooks above all.",
            at_the_end(view),
        )

    def _incomplete(self, view: RunView) -> Finding:
        done = view.run.completeness
        last = (
            "before the first row" if done.last_step is None else f"at {Axis().at(done.last_step)}"
        )
        return self.finding(
            Severity.WARNING,
            0.9,
            f"The log is incomplete: it ends {last}, but the summary is of "
            f"{Axis().at(done.reported_last_step or 0)} (W&B's count), so the run's end is unknown",
            "Copy the whole .wandb file, or read the run from the server.",
            at_the_end(view),
        )

    def _empty(self, view: RunView) -> Finding:
        why, inside = view.run.completeness.no_history, progress_words(view)
        came = f"; it came to {inside.removeprefix('in ')}" if inside else ""
        return self.finding(
            Severity.CRITICAL,
            0.9,
            f"Killed before anything was recorded: {why}{came}{_console(view)}",
            "Run it again; if this happens often, look at the scheduler's and the kernel's logs.",
        )

    def _only_files(self, view: RunView, how: HowEnded) -> Finding:
        came = progress_words(view)
        kept = f"the console was kept{f' and ends at {came}' if came else ''}".replace(
            "at in ", "in "
        )
        recorded = kept if view.run.console.height else "nothing was recorded"
        return self.finding(
            Severity.WARNING,
            0.8,
            f"How the run ended is not known: {view.run.completeness.no_history}; {recorded}{_console(view)}",
            "Look for the run's .wandb file, or read the run from the server.",
        )


def _in_a_notebook(view: RunView) -> bool:
    """Return whether a run was started in a notebook."""
    program = str(view.run.environment.get("program") or "")
    return bool(_NOTEBOOK.search(program) or view.run.environment.get("colab"))


def _no_error(view: RunView) -> str:
    """Return that nothing shows why a process is gone, and whether something could."""
    if _in_a_notebook(view):
        return "a notebook leaves none if a cell is stopped or its kernel closed"
    return "the console shows no error" if view.run.console.height else "no console was kept"


def _console(view: RunView) -> str:
    """Return the console's last line as the end of a sentence, "" if there is none."""
    if not view.run.console.height:
        return ""
    lines = [line.strip() for line in view.run.console["line"].tail(20).to_list() if line.strip()]
    if not lines:
        return ""
    last = _DRAWN.sub("|", lines[-1])
    return f'; the console ends with "{shortened(last)}"'
