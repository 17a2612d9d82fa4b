"""The process failed, or the user stopped it."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import NOW, Rule
from postrun.rules.run.machine_end import machine_at_end
from postrun.rules.run.words import at_the_end, describe, error, remedy, shortened
from postrun.training.checkpoints import go_on
from postrun.training.console_progress import Progress
from postrun.training.end_words import after, left, phase_that_failed, where
from postrun.training.ending import FAILED, STOPPED, HowEnded, how_it_ended


class RunFailed(Rule):
    """The process failed, or the user stopped it.

    ## What it does
    Reports a run whose process failed, with the cause that the console shows, and a run that its user
    stopped. If the training itself was done before the error, it says so.

    ## Why it matters
    The history ends where the process did: conclusions from its last values are about an unfinished
    training. An error after the training may have lost the model.

    ## How it decides
    The exit record's code, the console and the plan together. The cause is the last traceback in the last
    400 console lines (of a chain of exceptions, the first one; its last frame that is not library code),
    else a known message (out of memory, NCCL, disk full, SIGTERM, ...), else the signal that the exit code
    stands for (128 + n). A console that ends in KeyboardInterrupt, a trainer that caught it, and exit code
    255 without an error (what the SDK records for Ctrl-C) mean that the user stopped the run, which is
    `info`; the time that the rest of the plan would have taken goes by the time until then. Without a
    traceback, the last message of the console is shown. What the last system samples show of memory and disk
    is added if it bears on the cause.

    ## What to do
    Fix the named cause and resume from the last checkpoint.

    ## Example
    "Failed (exit code 1) at step 310 of 1,218 (25%) after 22 min: the GPU ran out of memory
    (OutOfMemoryError at model.py:58 in compute_loss)"
    """

    code = "RUN001"
    name = "run-failed"
    live = NOW
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        how = how_it_ended(view)
        if how.kind == STOPPED:
            yield self._stopped(view, how)
        elif how.kind == FAILED and how.complete:
            yield self._failed_afterwards(view, how)
        elif how.kind == FAILED:
            yield self._failed(view, how)

    def _stopped(self, view: RunView, how: HowEnded) -> Finding:
        code = view.run.exit_code
        if how.cause is not None and how.cause.exception:
            shown = f": {error(how.cause)}"
        elif how.caught:
            shown = f": the trainer caught Ctrl-C{_times(how.caught)}"
        else:
            shown = f": exit code {code} is what W&B records for Ctrl-C"
        fine = ", although its exit code is 0" if code == 0 else ""
        rest = left(view)
        early = f", about {rest} before its planned end" if rest else ""
        todo = (
            ""
            if how.complete or view.last_x is None
            else f"If the curves still improved, {go_on(view)}. "
        )
        return self.finding(
            Severity.INFO,
            1.0 if how.cause is not None else 0.8,
            f"Stopped by the user{where(view)}{after(view)}{early}{shown}{fine}",
            f"{todo}The stop itself says nothing about the training: see the other findings.",
            at_the_end(view),
        )

    def _failed_afterwards(self, view: RunView, how: HowEnded) -> Finding:
        progress, cause = how.plan.progress, how.cause
        what = phase_that_failed(how)
        saving = what == "saving the model"
        seen, proofs = machine_at_end(view, cause)
        return self.finding(
            Severity.CRITICAL if saving else Severity.WARNING,
            0.9,
            f"Training finished{_all(progress)}, then {what} failed{_code(view)}: {_why(view, how)}{seen}",
            ("The model of this run may not be saved. " if saving else "") + remedy(cause),
            [*at_the_end(view), *proofs],
        )

    def _failed(self, view: RunView, how: HowEnded) -> Finding:
        seen, proofs = machine_at_end(view, how.cause)
        return self.finding(
            Severity.CRITICAL,
            1.0 if how.cause else 0.9,
            f"Failed{_code(view)}{where(view)}{after(view)}: {_why(view, how)}{seen}{_nothing_logged(view)}",
            remedy(how.cause),
            [*at_the_end(view), *proofs],
        )


def _code(view: RunView) -> str:
    code = view.run.exit_code
    return " (no exit record)" if code is None else f" (exit code {code})"


def _times(n: int) -> str:
    return "" if n == 1 else f" {n} times"


def _all(progress: Progress | None) -> str:
    return "" if progress is None else f" {progress.whole()}"


def _nothing_logged(view: RunView) -> str:
    """Return why there is no history, as the end of a sentence; "" if there is one."""
    why = view.run.completeness.no_history
    return f"; {why}, so no metric was recorded" if why else ""


def _why(view: RunView, how: HowEnded) -> str:
    """Return the cause in words; without one, the last message before the process exited."""
    if how.cause is None and how.last_line:
        return f'no traceback, the last message is "{shortened(how.last_line)}"'
    if how.cause is None and not view.run.console.height:
        return "no console was kept that could show why"
    return describe(how.cause)
