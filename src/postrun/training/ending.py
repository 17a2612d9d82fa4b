"""How a training ended, from all evidence at once.

The exit record, the console, the summary, the plan, the machine's samples and the files are looked at
together: a process may end well and its training not, and the other way round. Rules, verdicts and
project-wide commands all ask here, so that they say the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postrun.metrics import RunView
from postrun.metrics.machine import standstills
from postrun.model import State
from postrun.training.crash import Cause, find_cause
from postrun.training.last_lines import last_message, logged_error, own_lines
from postrun.training.plan import Plan, plan_of

FINISHED, STOPPED, FAILED, KILLED = "finished", "stopped", "failed", "killed"
INCOMPLETE, EMPTY, RUNNING, UNKNOWN = "incomplete-log", "empty", "running", "unknown"

#: What the SDK records as the exit code of a process that was stopped with Ctrl-C.
_CTRL_C = 255
_CAUGHT = re.compile(
    r"Detected KeyboardInterrupt|KeyboardInterrupt (?:caught|detected|received)"
    r"|(?:interrupted|stopped|cancell?ed|aborted|terminated) by (?:the )?user"
    r"|(?:caught|received|got|detected) (?:a |the )?(?:KeyboardInterrupt|keyboard interrupt|SIGINT|Ctrl[-+ ]?C)"
    r"|(?:Ctrl[-+ ]?C|keyboard interrupt) (?:pressed|detected|received|caught)",
    re.IGNORECASE,
)
#: A trainer that caught Ctrl-C in one of so many last lines ended by it, if no plan says more.
_CAUGHT_LATELY = 60
#: An error is the console's last word if at most this many lines follow it.
_LATER = 6
#: A killed process has not written the last block of its log: what is missing beyond it is no such block.
_BLOCK = 1 << 16
#: So few rows prove nothing, however large they are: one block may hold them all.
_LEAST_AHEAD = 5
#: The same for logs whose size is not known: more rows, and a greater share of all, than this.
_AHEAD, _AHEAD_ROWS = 0.2, 50
#: The share of a run that a pause takes at least to be told after it ended.
_LARGE = 0.3


@dataclass(frozen=True, slots=True)
class HowEnded:
    """How a training ended.

    Attributes:
        kind: One of this module's words.
        plan: What was planned and done.
        cause: What the console or the exit code shows, if anything.
        complete: True if the training itself was done, whatever became of the process; None if unknown.
        caught: How often the trainer caught Ctrl-C and went on.
        suspended: Seconds for which the process stood still, at its end or for a large part of the run.
        resumed_work: True if it worked again after that.
        unflushed: Rows that the summary knows and the log does not: a killed process had not written them.
        swallowed: The error with which the console of a process with exit code 0 ends.
        last_line: The last message of a process that failed without a traceback.
    """

    kind: str
    plan: Plan
    cause: Cause | None = None
    complete: bool | None = None
    caught: int = 0
    suspended: float = 0.0
    resumed_work: bool = False
    unflushed: int = 0
    swallowed: Cause | None = None
    last_line: str = ""

    @property
    def by_user(self) -> bool:
        """True if the user stopped the run."""
        return self.kind == STOPPED


def how_it_ended(view: RunView) -> HowEnded:
    """Return how the training of a view ended, computed once."""
    return view.once(_how_it_ended)


def _how_it_ended(view: RunView) -> HowEnded:
    run, plan = view.run, plan_of(view)
    if run.state is State.RUNNING:
        return HowEnded(RUNNING, plan)
    lines = run.console["line"].to_list() if run.console.height else []
    if run.state is State.FINISHED:
        return _with_exit_code_0(plan, lines)
    if run.state is State.FAILED:
        return _with_an_error_code(view, plan, lines)
    return _without_record(view, plan, lines)


def _with_exit_code_0(plan: Plan, lines: list[str]) -> HowEnded:
    """Return how a run ended whose process ended well."""
    cause, caught = find_cause(lines, 0), _caught(lines)
    last = cause is not None and cause.exception and _is_last(lines, cause)
    if last and _by_user(cause):
        return HowEnded(STOPPED, plan, cause, plan.complete, caught)
    lately = _caught(lines[-_CAUGHT_LATELY:]) > 0
    if plan.complete is not True and (lately or (caught and plan.complete is False)):
        return HowEnded(STOPPED, plan, None, plan.complete, caught)
    swallowed = cause if last else None
    if swallowed is None and plan.complete is not True:
        text = logged_error(lines)
        swallowed = Cause(None, text=text) if text else None
    return HowEnded(FINISHED, plan, None, plan.complete, caught, swallowed=swallowed)


def _with_an_error_code(view: RunView, plan: Plan, lines: list[str]) -> HowEnded:
    """Return how a run ended whose process failed by its exit code, metadata or console."""
    code = view.run.exit_code
    cause, caught = find_cause(lines, code), _caught(lines)
    unexplained = cause is None or not (cause.exception or cause.kind)
    lately = unexplained and _caught(lines[-_CAUGHT_LATELY:]) > 0
    if _by_user(cause) or (unexplained and (code == _CTRL_C or lately)):
        return HowEnded(STOPPED, plan, cause, plan.complete, caught)
    said = last_message(view.run.console) if cause is None else ""
    return HowEnded(FAILED, plan, cause, plan.complete, caught, last_line=said)


def _without_record(view: RunView, plan: Plan, lines: list[str]) -> HowEnded:
    """Return how a run ended whose exit nobody recorded."""
    run, done = view.run, view.run.completeness
    cause, caught = find_cause(lines, None), _caught(lines)
    if _by_user(cause):
        kind = STOPPED
    elif cause is not None and cause.exception:
        kind = FAILED
    else:
        kind = STOPPED if caught and not plan.complete else KILLED
    if done.no_history and kind is KILLED:
        kind = EMPTY if run.state is State.CRASHED else UNKNOWN
    elif run.state is State.UNKNOWN:
        kind = UNKNOWN
    ahead = _rows_ahead(view)
    if kind is KILLED and _is_a_copy(view, ahead):
        kind = INCOMPLETE
    still, again = _standing_still(view)
    return HowEnded(kind, plan, cause, plan.complete, caught, still, again, ahead)


def _by_user(cause: Cause | None) -> bool:
    return cause is not None and cause.kind is not None and cause.kind.name == "stopped"


def _caught(lines: list[str]) -> int:
    """Return in how many lines a trainer says that it caught Ctrl-C."""
    return sum(bool(_CAUGHT.search(line)) for line in lines)


def _is_last(lines: list[str], cause: Cause) -> bool:
    """Return whether a cause is among the last lines of the console, those of the SDK left out."""
    return cause.end is not None and len(own_lines(lines[cause.end + 1 :])) < _LATER


def _rows_ahead(view: RunView) -> int:
    """Return about how many rows the summary knows that the log does not hold."""
    done = view.run.completeness
    last, reported = done.last_step, done.reported_last_step
    if reported is None or done.no_history or reported <= (-1 if last is None else last):
        return 0
    if last is None:
        return reported + 1
    steps = last - (done.first_step or 0) + 1
    return max(1, round((reported - last) * min(1.0, done.rows / max(1, steps))))


def _is_a_copy(view: RunView, ahead: int) -> bool:
    """Return whether more rows are missing than a killed process leaves unwritten."""
    done = view.run.completeness
    if done.missing_bytes is not None:
        return ahead > _LEAST_AHEAD and done.missing_bytes > _BLOCK
    return ahead > max(_AHEAD_ROWS, _AHEAD * (done.rows + ahead))


def _standing_still(view: RunView) -> tuple[float, bool]:
    """Return for how many seconds the process stood still, and whether it worked again afterwards.

    A pause that ended counts only if it took a large part of the run.
    """
    found = standstills(view)
    if not found:
        return 0.0, False
    if found[-1].to_the_end:
        return found[-1].seconds, False
    worst = max(found, key=lambda still: still.seconds)
    large = worst.seconds > _LARGE * float(view.run.runtime or worst.stop)
    return (worst.seconds, True) if large else (0.0, False)
