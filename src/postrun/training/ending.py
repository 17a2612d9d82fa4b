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
from postrun.model.text import duration
from postrun.training.crash import Cause, find_cause
from postrun.training.plan import Plan, plan_of

FINISHED, STOPPED, FAILED, KILLED = "finished", "stopped", "failed", "killed"
INCOMPLETE, EMPTY, RUNNING, UNKNOWN = "incomplete-log", "empty", "running", "unknown"

#: What the SDK records as the exit code of a process that was stopped with Ctrl-C.
_CTRL_C = 255
_CAUGHT = re.compile(
    r"Detected KeyboardInterrupt|KeyboardInterrupt (?:caught|detected|received)", re.IGNORECASE
)
#: A summary that is further ahead of the log than this share, and this many rows, is of another copy.
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
    """

    kind: str
    plan: Plan
    cause: Cause | None = None
    complete: bool | None = None
    caught: int = 0
    suspended: float = 0.0
    resumed_work: bool = False
    unflushed: int = 0

    @property
    def by_user(self) -> bool:
        """True if the user stopped the run."""
        return self.kind == STOPPED


def how_it_ended(view: RunView) -> HowEnded:
    """Return how the training of a view ended, computed once."""
    return view.once(_how_it_ended)


def _how_it_ended(view: RunView) -> HowEnded:
    run = view.run
    plan = plan_of(view)
    if run.state is State.RUNNING:
        return HowEnded(RUNNING, plan)
    lines = run.console["line"].to_list() if run.console.height else []
    code = run.exit_code if run.state in (State.FAILED, State.FINISHED) else None
    cause = find_cause(lines, code)
    stopped = cause is not None and cause.kind is not None and cause.kind.name == "stopped"
    caught = sum(bool(_CAUGHT.search(line)) for line in lines)
    if run.state is State.FINISHED:
        at_end = stopped and cause is not None and _last(lines, cause)
        kind = STOPPED if at_end else FINISHED
        return HowEnded(kind, plan, cause if at_end else None, plan.complete, caught)
    if run.state is State.FAILED:
        unexplained = cause is None or not cause.exception
        kind = STOPPED if stopped or (unexplained and run.exit_code == _CTRL_C) else FAILED
        return HowEnded(kind, plan, cause, plan.complete, caught)
    return _without_record(view, plan, cause, stopped, caught)


def _without_record(
    view: RunView, plan: Plan, cause: Cause | None, stopped: bool, caught: int
) -> HowEnded:
    """Return how a run ended whose exit nobody recorded."""
    run, done = view.run, view.run.completeness
    kind = STOPPED if stopped else FAILED if cause is not None and cause.exception else KILLED
    if kind is KILLED and caught and not plan.complete:
        kind = STOPPED
    if done.no_history and kind is KILLED:
        kind = EMPTY if run.state is State.CRASHED else UNKNOWN
    elif run.state is State.UNKNOWN:
        kind = UNKNOWN
    last, reported = done.last_step, done.reported_last_step
    ahead = 0 if reported is None or done.no_history else reported - (-1 if last is None else last)
    if kind is KILLED and ahead > max(_AHEAD_ROWS, _AHEAD * (reported or 0)):
        kind = INCOMPLETE
    still, again = _standing_still(view)
    unflushed = max(0, ahead) if done.went_on else 0
    return HowEnded(kind, plan, cause, plan.complete, caught, still, again, unflushed)


def _last(lines: list[str], cause: Cause) -> bool:
    """Return whether a cause is among the last lines of the console."""
    if cause.end is None:
        return False
    return sum(1 for line in lines[cause.end + 1 :] if line.strip()) <= 6


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


def where(view: RunView) -> str:
    """Return how far a training came, as the end of a clause: " at step 130 of 1,218 (11%)", or "".

    The trainer's own step comes first; a plan in another unit is added in brackets.
    """
    plan = how_it_ended(view).plan
    p, last = plan.progress, view.last_x
    words = "" if p is None or not (p.done or p.under_way) else plan.words()
    reported = view.run.completeness.reported_last_step
    if last is None and view.run.completeness.no_history and reported is not None:
        return f" at step {reported:,} (by the summary)"
    if last is None:
        nowhere = "" if view.run.completeness.no_history else " before any metric was logged"
        inside = f" in {words}" if words else ""
        return f"{nowhere},{inside}" if nowhere and inside else nowhere or inside
    if p is None or p.unit == "batch" or not words:
        return f" at {view.axis.at(last)}"
    if p.unit == view.axis.unit or view.axis.key == "_step":
        return f" at {words}"
    return f" at {view.axis.at(last)}, {words}"


def after(view: RunView) -> str:
    """Return how long the run lasted, as the end of a clause: " after 22 min", or "".

    Of a resumed run, it is the time since its last resume.
    """
    run, done = view.run, view.run.completeness
    last = done.seams[-1] if done.seams else None
    if last is not None and last.seconds is not None:
        again = "rewound" if last.kind == "rewound" else "resumed"
        return f" {duration(last.seconds)} after it was {again}"
    return f" after {duration(run.runtime)}" if run.runtime else ""


def headline(view: RunView) -> str:
    """Return how the run ended in few words: "Finished after 12 min", "Stopped by the user after 3 min"."""
    run, how = view.run, how_it_ended(view)
    lasted = f" after {run.lasted}" if run.lasted else ""
    if how.kind == FINISHED or (how.kind == KILLED and how.complete):
        tail = " (no exit record)" if how.kind == KILLED else ""
        return f"Finished{lasted}{tail}"
    if how.kind == STOPPED:
        return f"Stopped by the user{lasted}"
    if how.kind == FAILED:
        code = "" if run.exit_code is None else f" (exit code {run.exit_code})"
        return f"Failed{lasted}{code}"
    if how.kind == KILLED:
        return f"Killed{lasted} (no exit record)"
    words = {RUNNING: "Running", INCOMPLETE: "Incomplete log", EMPTY: "Nothing recorded"}
    return f"{words.get(how.kind, 'End not recorded')}{lasted if how.kind == RUNNING else ''}"
