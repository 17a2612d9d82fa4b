"""The process ended with an error, or the user stopped it."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity, State
from postrun.rules.base import Rule
from postrun.rules.run.machine_end import machine_at_end
from postrun.rules.run.words import at_the_end, describe, error, remedy
from postrun.training.console_progress import Progress
from postrun.training.ending import FAILED, STOPPED, HowEnded, after, how_it_ended, where


class RunFailed(Rule):
    """The process ended with an error, or the user stopped it.

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
    `info`. What the last system samples show of memory and disk is added if it bears on the cause.

    ## What to do
    Fix the named cause and resume from the last checkpoint.

    ## Example
    "Failed (exit code 1) at step 310 of 1,218 (25%) after 22 min: the GPU ran out of memory
    (OutOfMemoryError at model.py:58 in compute_loss)"
    """

    code = "RUN001"
    name = "run-failed"
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
            shown = ": the trainer caught Ctrl-C"
        else:
            shown = f": exit code {code} is what W&B records for Ctrl-C"
        fine = ", although its exit code is 0" if code == 0 else ""
        left = (
            ""
            if how.complete
            else " Train on from the last checkpoint if the curves still improved."
        )
        return self.finding(
            Severity.INFO,
            1.0 if how.cause is not None else 0.8,
            f"Stopped by the user{where(view)}{after(view)}{shown}{fine}",
            f"Nothing is wrong with the run itself: its results end where it was stopped.{left}",
            at_the_end(view),
        )

    def _failed_afterwards(self, view: RunView, how: HowEnded) -> Finding:
        progress, cause = how.plan.progress, how.cause
        saving = cause is not None and cause.while_saving
        what = "saving the model failed" if saving else "the process failed"
        seen, proofs = machine_at_end(view, cause)
        return self.finding(
            Severity.CRITICAL if saving else Severity.WARNING,
            0.9,
            f"Training finished{_all(progress)}, then {what}{_code(view)}: {describe(cause)}{seen}",
            ("The model of this run may not be saved. " if saving else "") + remedy(cause),
            [*at_the_end(view), *proofs],
        )

    def _failed(self, view: RunView, how: HowEnded) -> Finding:
        seen, proofs = machine_at_end(view, how.cause)
        recorded = _code(view) if view.run.state is State.FAILED else " (no exit record)"
        return self.finding(
            Severity.CRITICAL,
            1.0 if how.cause else 0.9,
            f"Failed{recorded}{where(view)}{after(view)}: {describe(how.cause)}{seen}",
            remedy(how.cause),
            [*at_the_end(view), *proofs],
        )


def _code(view: RunView) -> str:
    code = view.run.exit_code
    return "" if code is None else f" (exit code {code})"


def _all(progress: Progress | None) -> str:
    return "" if progress is None else f" all {progress.total:,.0f} {progress.unit}s"
