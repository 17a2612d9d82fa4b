"""How the run ended: failed or crashed, and why."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import duration
from postrun.rules.base import Rule
from postrun.rules.run.machine_end import machine_at_end
from postrun.training.crash import Cause, find_cause


class RunFailed(Rule):
    """The process ended with an error.

    ## What it does
    Reports a run whose exit code is not 0, with the cause that the console shows.

    ## Why it matters
    The history ends where the process did: conclusions from its last values are about an unfinished
    training.

    ## How it decides
    The exit record's code. The cause is the last whole traceback in the last 400 console lines (its
    exception, and the last frame that is not library code), else a known message (out of memory,
    NCCL, disk full, SIGTERM, ...), else the signal that the exit code stands for (128 + n). What the
    last system samples show of memory and disk is added where it bears on the cause: a process that
    was killed while host memory was above 95 % most likely ran out of it. A run that its user
    interrupted is `info`.

    ## What to do
    Fix the named cause and resume from the last checkpoint.

    ## Example
    "Failed with exit code 1 after 2 s: torch.OutOfMemoryError at train.py:61 in train_one_epoch"
    """

    code = "RUN001"
    name = "run-failed"
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.state is not State.FAILED:
            return
        cause = find_cause(run.console["line"].to_list(), run.exit_code)
        interrupted = (
            cause is not None and cause.kind is not None and (cause.kind.name == "interrupted")
        )
        how = "Stopped by its user" if interrupted else "Failed"
        code = "" if run.exit_code is None else f" with exit code {run.exit_code}"
        seen, proofs = machine_at_end(view, cause)
        yield self.finding(
            Severity.INFO if interrupted else Severity.CRITICAL,
            1.0 if cause else 0.9,
            f"{how}{code}{_when(view)}: {_describe(cause, words=not interrupted)}{seen}",
            _remedy(cause),
            [*_last_step(view), *proofs],
        )


class RunCrashed(Rule):
    """The run never reported its end.

    ## What it does
    Reports a run without an exit record that is no longer growing.

    ## Why it matters
    The process vanished (killed, node lost, power) or its log was cut when it was copied; the last
    values are not the final ones.

    ## How it decides
    No exit record in the log. If the files beside the log report a later step than the log's last
    row, the training went on and the log is an incomplete copy, which is said instead. If they also
    show how the run ended, its state says so and this rule is silent. Causes as in RUN001.

    ## What to do
    Look at the scheduler's and the kernel's logs for the time of the last sign of life. If the log
    is an incomplete copy, copy it again.

    ## Example
    "No exit was recorded after step 3986 ...: the process was killed or its machine was lost"
    """

    code = "RUN002"
    name = "run-crashed"
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.state is not State.CRASHED:
            return
        done = run.completeness
        cause = find_cause(run.console["line"].to_list(), None)
        cut = next((d for d in done.damage if not d.resumed), None)
        ends = (
            f" ({cut.path} {cut.reason.removeprefix('the file ')} at byte {cut.offset})"
            if cut
            else ""
        )
        if done.went_on and not done.no_history:
            last = (
                "before the first step" if done.last_step is None else f"at step {done.last_step:,}"
            )
            yield self.finding(
                Severity.WARNING,
                0.9,
                f"The log ends {last}{ends}, but the run's summary file reports step "
                f"{done.reported_last_step:,}: the training went on and this log is an incomplete "
                "copy, which does not show how the run ended",
                "Copy the whole .wandb file, or read the run from the server.",
                _last_step(view),
            )
            return
        if run.preempting:
            how = "it was being preempted"
        elif cause is not None:
            how = _describe(cause)
        else:
            how = "the process was killed, its machine was lost, or it still hangs"
        if done.no_history and done.damage:
            ends = f" ({done.no_history})"
        seen, proofs = machine_at_end(view, cause)
        yield self.finding(
            Severity.CRITICAL,
            0.9 if cause or seen else 0.7,
            f"Crashed{_when(view)}: no exit was recorded{ends}; {how}{seen}",
            _remedy(cause)
            or "Look at the scheduler's and the kernel's logs at that time, then resume.",
            [*_last_step(view), *proofs],
        )


class NothingLogged(Rule):
    """The run ended well and logged nothing.

    ## What it does
    Reports a finished run without a single history row.

    ## Why it matters
    There is nothing to analyse; usually metrics were logged by another process, or the script ended
    before its training loop.

    ## How it decides
    No history record, and exit code 0. Runs that failed or crashed have findings of their own, and
    a run whose history could not be read is not accused of having none.

    ## What to do
    Check that `run.log` is reached on the process that called `wandb.init`.

    ## Example
    "No metric was ever logged in 40 s"
    """

    code = "RUN004"
    name = "nothing-logged"
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.history.height or run.state is not State.FINISHED or run.completeness.no_history:
            return
        time = f" in {run.runtime:,.0f} s" if run.runtime else ""
        yield self.finding(
            Severity.WARNING,
            1.0,
            f"No metric was ever logged{time}",
            "Check that run.log() is reached, on the process that called wandb.init().",
        )


def _describe(cause: Cause | None, words: bool = True) -> str:
    if cause is None:
        return "the console does not show why"
    if cause.cut:
        return f"the console ends inside a traceback, at {cause.frame}"
    where = f" at {cause.frame}" if cause.frame else ""
    what = cause.kind.words if cause.kind and words else ""
    if cause.detail:
        what = f"{what}: {cause.detail}" if what else cause.detail
    if cause.exception:
        text = f": {_short(cause.text)}" if cause.text else ""
        error = f"{cause.exception}{where}{text}"
        return f"{what} ({error})" if what else error
    return f"{what} ({_short(cause.text)})" if what and cause.text else what or _short(cause.text)


def _short(text: str) -> str:
    """The first sentence or 160 characters of an error message, without its type."""
    return text if len(text) <= 160 else f"{text[:157].rstrip()}..."


def _remedy(cause: Cause | None) -> str:
    if cause is None:
        return ""
    if cause.detail:
        return "Free the GPU, or choose one that no other process uses; this run itself is small."
    if cause.kind:
        return cause.kind.remedy
    return f"Read the traceback in the console log, from {cause.frame}." if cause.frame else ""


def _when(view: RunView) -> str:
    run, done = view.run, view.run.completeness
    parts = []
    if done.last_step is not None:
        parts.append(f"at step {done.last_step:,}")
    elif done.no_history and done.reported_last_step is not None:
        parts.append(f"at step {done.reported_last_step:,} (by the summary)")
    elif run.path is not None and not done.no_history:
        parts.append("before any metric was logged,")
    last = done.seams[-1] if done.seams else None
    if last is not None and last.seconds is not None:
        again = "rewound" if last.kind == "rewound" else "resumed"
        parts.append(f"{duration(last.seconds)} after it was {again}")
    elif run.runtime:
        parts.append(f"after {duration(run.runtime)}")
    return " " + " ".join(parts).removesuffix(",") if parts else ""


def _last_step(view: RunView) -> list[Evidence]:
    last = view.run.completeness.last_step
    if last is None:
        return []
    rows = view.run.history.height
    return [Evidence("_step", None, float(last), float(last), None, float(last), None, rows)]
