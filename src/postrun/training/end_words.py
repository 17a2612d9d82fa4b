"""How a training ended in words: where, after how long, with how much left; headline and state."""

from __future__ import annotations

from postrun.metrics import RunView
from postrun.metrics.axis import STEP, Axis
from postrun.model.text import duration
from postrun.training.console_progress import INNER, STEPS, Progress, reached
from postrun.training.ending import (
    EMPTY,
    FAILED,
    FINISHED,
    INCOMPLETE,
    KILLED,
    RUNNING,
    STOPPED,
    HowEnded,
    how_it_ended,
)

#: Units of which an axis that counts steps may count one.
_FINE = (*STEPS, "environment step")
#: Units of counters that a console may show where W&B's own count of rows is the only axis.
_COUNTED = (*STEPS, "episode", "round")
#: Less is not worth telling: a run that was stopped so close to its end was all but done.
_LEAST_LEFT = 60.0
#: Speeds of fewer steps than this are of the warm-up.
_LEAST_DONE = 2


def where(view: RunView) -> str:
    """Return how far a training came, as the end of a clause: " at step 130 of 1,218 (11%)", or "".

    The trainer's own step comes first; a plan in another unit is added in brackets.
    """
    plan, last = how_it_ended(view).plan, _last(view)
    p = plan.progress
    if p is not None and not (p.done or p.under_way):
        p = None
    if p is not None and last is not None and _same_scale(view, p, last[1]):
        return f" at {p.words()}"
    inside = progress_words(view)
    done = view.run.completeness
    if done.no_history:
        reported = done.reported_last_step
        return "" if reported is None else f" at {Axis().at(reported)} (by the summary)"
    if last is not None:
        return f" at {last[0]}{f' ({inside})' if inside else ''}"
    return f" before any metric was logged{f' ({inside})' if inside else ''}"


def progress_words(view: RunView) -> str:
    """Return what was under way: "in epoch 17 of 200, batch 85 of 125"; "" if nothing shows it."""
    plan, parts = how_it_ended(view).plan, []
    p, inner = plan.progress, plan.inner
    if p is not None and (p.done or p.under_way):
        parts.append(f"in {p.place()}" if p.under_way else f"{p.place()}, {p.percent()}")
    if inner is not None:
        parts.append(inner.place() if parts or inner.unit == INNER else f"in {inner.place()}")
    return ", ".join(parts)


def _last(view: RunView) -> tuple[str, float] | None:
    """Return the last position of a training, in words and as a number; None if nothing shows one.

    It is the last logged step on the trainer's axis, the summary's if rows were lost, or a counter of the
    console that is ahead of W&B's own count of rows.
    """
    done, x = view.run.completeness, view.last_x
    if view.axis.key != STEP:
        return None if x is None else (view.axis.at(x), x)
    reported = done.reported_last_step
    by_summary = reported is not None and (x is None or reported > x)
    if by_summary and reported is not None:
        x = float(reported)
    lines = view.run.console["line"].to_list() if view.run.console.height else []
    for unit in _COUNTED if lines and view.axis.unit == "step" and x is not None else ():
        told = reached(lines, unit)
        if told is not None and x is not None and told.count > max(x, 1.0):
            return f"{unit} {told.count:,.0f}", told.count
    if x is None:
        return None
    return view.axis.at(x), x


def _same_scale(view: RunView, p: Progress, x: float) -> bool:
    """Return whether a plan counts what the axis counts, and is not behind it."""
    fine = view.axis.unit in _FINE and p.unit in _FINE
    if p.of_rows or not (p.unit == view.axis.unit or fine):
        return False
    return p.count >= 0.5 * x


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


def left(view: RunView) -> str:
    """Return how long the rest of the plan would have taken, in words: "39 min"; "" if nothing tells it."""
    how, lasted = how_it_ended(view), view.run.working_seconds
    p = how.plan.progress
    if p is None or how.complete or not lasted or p.under_way or p.done < _LEAST_DONE:
        return ""
    if view.run.completeness.seams:
        return ""  # the steps before a resume took a time of their own
    rest = (lasted - how.suspended) * (p.total - p.done) / p.done
    return duration(rest) if rest >= _LEAST_LEFT else ""


def headline(view: RunView) -> str:
    """Return how the run ended in few words: "Finished after 12 min", "Stopped by the user after 3 min"."""
    how, lasted = how_it_ended(view), f" after {view.run.lasted}" if view.run.lasted else ""
    words = state_words(view)
    return f"{words[0].upper()}{words[1:]}{lasted if how.kind not in (INCOMPLETE, EMPTY) else ''}"


def state_words(view: RunView) -> str:
    """Return the state of a run in the words that every output uses: "killed (no exit record)"."""
    how = how_it_ended(view)
    if how.complete and how.kind in (KILLED, FAILED):
        end = f", then failed{_code(view)}" if how.kind == FAILED else " (no exit record)"
        return f"finished training{end}"
    words = {
        FINISHED: "finished",
        STOPPED: "stopped by the user",
        FAILED: f"failed{_code(view)}",
        KILLED: "killed (no exit record)",
        INCOMPLETE: "incomplete log",
        EMPTY: "killed (no exit record), nothing recorded",
        RUNNING: "running",
    }
    return words.get(how.kind, "end not recorded")


def _code(view: RunView) -> str:
    code = view.run.exit_code
    return " (no exit record)" if code is None else f" (exit code {code})"


def phase_that_failed(how: HowEnded) -> str:
    """Return what failed after a complete training: "saving the model", "the evaluation", "the process"."""
    return (how.cause.phase if how.cause is not None else "") or "the process"
