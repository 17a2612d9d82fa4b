"""How much a training planned and how much of it was done, from config, arguments, console and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from postrun.metrics import RunView, Series
from postrun.metrics.axis import STEP
from postrun.model import State
from postrun.training.console_progress import (
    INNER,
    LOOP,
    STEPS,
    Progress,
    console_progress,
    ended_by_itself,
    planned_steps,
    reached,
)
from postrun.training.planned import OTHER_GROUPS, ends_early, logs_at_intervals, planned

#: Roles of the counters of a unit.
_ROLES = {
    "step": ("progress.step",), "iteration": ("progress.step",), "environment step": ("progress.step",),
    "round": ("progress.step",), "episode": ("progress.episodes",), "epoch": ("progress.epoch",),
    "token": ("progress.tokens",),
}  # fmt: skip
#: A plan is done within this share of it: the last step is often not logged.
_TOLERANCE = 0.01
#: Counters beyond this many times the plan count something else.
_BEYOND = 1.5
#: What trainers write when their loop has ended.
_LOOP_ENDED = ("train_runtime", "train/train_runtime")
#: Units of loops within the one that a plan counts.
_WITHIN = ("batch", INNER)
#: So many of the last counters of a console may hide behind a progress bar.
_HIDDEN = 2
#: The trainer of Hugging Face, which these settings are of, draws one bar over all of its steps.
_ONE_BAR = "num_train_epochs"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training planned and did.

    Attributes:
        progress: The finest plan that is known, with how much of it was done.
        complete: True if all of it was done or the trainer says that its loop ended; None if not known.
        early: What shows that the run may stop before its plan is done ("early_stopping_patience = 3"), or "".
        inner: The loop within the one that `progress` counts, such as the batches of an epoch, if the console
            shows that it was under way.
    """

    progress: Progress | None
    complete: bool | None
    early: str = ""
    inner: Progress | None = None

    def words(self) -> str:
        """Return the progress in words: "step 130 of 1,218 (11%)"; "" if no plan is known."""
        return "" if self.progress is None else self.progress.words()


def plan_of(view: RunView) -> Plan:
    """Return the plan of a training and how much of it was done, computed once."""
    return view.once(_plan_of)


def _plan_of(view: RunView) -> Plan:
    lines = view.run.console["line"].to_list() if view.run.console.height else []
    drawn = _inside_epochs([_of_its_unit(view, p, lines) for p in console_progress(lines)])
    said, all_done = ended_by_itself(lines)
    inner = [p for p in drawn if p.unit in _WITHIN]
    sized = [*_from_settings(view, lines), *(p for p in drawn if p not in inner)]
    if all_done is not None:
        sized = [p for p in sized if p.unit != all_done.unit] + [all_done]
    early = ends_early(view, lines)
    ended = said or any(key in view.run.summary or key in view.metrics for key in _LOOP_ENDED)
    best = _finest(sized)
    within = _within(view, best, inner)
    if best is None:
        return Plan(None, True if ended else None, early, within)
    fine = view.run.state is State.FINISHED
    if ended or any(_is_done(p, fine) for p in sized):
        return Plan(best, True, early, within)
    unsure = not best.done or (fine and best.rough)
    return Plan(best, None if unsure else False, early, within)


def _within(view: RunView, outer: Progress | None, inner: list[Progress]) -> Progress | None:
    """Return the loop within an epoch or the like that was under way, if one was.

    A bar that nothing names counts the batches of an epoch. Of another loop it is told only if the run logged
    no row, when there is nothing else to tell.
    """
    if outer is not None and outer.unit in (*STEPS, "environment step"):
        return None
    p = next((p for p in reversed(inner) if p.done < p.total), None)
    if p is None or p.unit == "batch":
        return p
    if outer is not None and outer.unit == "epoch":
        return replace(p, unit="batch")
    return None if view.run.history.height else p


def _finest(found: list[Progress]) -> Progress | None:
    """Return the plan of the largest amount of those that something was done of, with the most done."""
    begun = [p for p in found if p.done] or found
    if not begun:
        return None
    named = [p for p in begun if p.unit != LOOP] or begun
    total = max(p.total for p in named)
    return max((p for p in named if p.total == total), key=lambda p: p.done)


def _of_its_unit(view: RunView, p: Progress, lines: list[str]) -> Progress:
    """Return the progress of a bar in the unit that it counts: 30 of 30 epochs, not steps.

    A setting of the same amount names the unit. A bar that is shorter than the planned rounds or episodes is a
    loop within one of them; so is any bar of a run that never logged a row, unless its trainer draws one bar
    only. A bar that is far behind the logged rows does not count steps.
    """
    if not _is_bar(p) or p.unit != "step":
        return p
    plans = {
        total: unit for unit, total, _ in planned(view) if unit in ("epoch", "round", "episode")
    }
    if p.total in plans:
        begun = plans[p.total] == "epoch" and p.done < p.total
        return replace(p, unit=plans[p.total], done=p.done + begun, under_way=begun)
    whole = max((total for total, unit in plans.items() if unit != "epoch"), default=0.0)
    one_bar = _ONE_BAR in view.flat_config
    in_epoch = not one_bar and _within_epoch(p, plans, lines)
    if in_epoch or p.total < whole or not (view.run.history.height or one_bar):
        return replace(p, unit=INNER)
    last = view.last_x
    if view.axis.unit == "step" and last is not None and last > _BEYOND * p.done + 2:
        return replace(p, unit=LOOP)
    return p


def _inside_epochs(drawn: list[Progress]) -> list[Progress]:
    """Return progress with each bar beside one of the epochs called a loop within them."""
    if not any(p.unit == "epoch" and _is_bar(p) for p in drawn):
        return drawn
    return [replace(p, unit=INNER) if p.unit in ("step", LOOP) and _is_bar(p) else p for p in drawn]


def _is_bar(p: Progress) -> bool:
    return "progress bar" in p.where


def _within_epoch(p: Progress, plans: dict[float, str], lines: list[str]) -> bool:
    """Return whether a bar counts within each epoch: epochs are told, and it does not keep up with them."""
    epochs = max((total for total, unit in plans.items() if unit == "epoch"), default=0.0)
    told = reached(lines, "epoch")
    if epochs < 2 or told is None:
        return False
    before = told.count - (not told.from_zero)  # epochs that were done
    return before < 1 or not before / epochs - 0.01 <= p.share <= (before + 1) / epochs + 0.01


def _is_done(progress: Progress, fine: bool) -> bool:
    """Return whether a plan was carried out; `fine`: the process ended well, so that what it began is done."""
    one = progress.total < 2  # one epoch may be under way as long as it lasts
    if (one and not (fine and progress.unit == "epoch")) or (progress.under_way and not fine):
        return False
    whole = progress.done == int(progress.done)
    return progress.done >= progress.total - max(_TOLERANCE * progress.total, 0.5 if whole else 0.0)


def _from_settings(view: RunView, lines: list[str]) -> Iterator[Progress]:
    """Yield plans of the config and the arguments whose unit the run counts."""
    told = planned_steps(lines)
    plans = [("step", told, "the console")] if told else []
    steps = view.number("max_steps")
    if steps is not None and not OTHER_GROUPS.search(steps[0]):
        plans.append((view.axis.unit if view.axis.unit in _ROLES else "step", steps[1], steps[0]))
    plans += planned(view)
    if any(unit == "step" for unit, _, _ in plans):  # steps that are set override epochs
        plans = [plan for plan in plans if plan[0] != "epoch"]
    for unit, total, where in dict.fromkeys(plans):
        p = _later(_counted(view, unit, total, where), _in_console(view, lines, unit, total, where))
        if p is not None:
            yield p
        elif not view.run.history.height and unit in ("round", "episode", "epoch"):
            yield Progress(unit, 0.0, total, where)


def _later(a: Progress | None, b: Progress | None) -> Progress | None:
    """Return the one that got further; the first if both are equal."""
    if a is None or b is None:
        return a or b
    return b if b.done > a.done else a


def _in_console(
    view: RunView, lines: list[str], unit: str, total: float, where: str
) -> Progress | None:
    """Return the progress of a plan by a counter of the console ("epoch 3 lr 0.1"); None if there is none."""
    told = reached(lines, unit)
    if told is None or told.count > total:
        return None
    done = min(told.count + told.from_zero, total)
    under_way = unit == "epoch" and not told.ended and view.run.state is not State.FINISHED
    rough = total - done <= _HIDDEN
    return Progress(unit, done, total, where, under_way, told.count, rough=rough)


def _counted(view: RunView, unit: str, total: float, where: str) -> Progress | None:
    """Return the progress of a plan by the run's counters; None if they do not count in its unit."""
    if unit == "epoch":
        return _epochs(view, total, where)
    role = _ROLES[unit]
    of_rows = unit in ("episode", "round") and view.axis.unit != unit
    counters = view.by_role(*role) if unit == "episode" or not of_rows else []
    values = [series.finite.y for series in counters if len(series.finite)]
    if of_rows and not values:
        return _rows(view, unit, total, where)
    last = _last_row(view)
    if view.axis.key == STEP and not values and unit in STEPS and last is not None:
        every = _counts_rows(view)
        if every and logs_at_intervals(view):
            return None
        done = min(last + (view.first_x == 0), total)
        return Progress(unit, done, total, where, at=min(last, total), rough=every)
    counts = [
        (float(y.max()) + (y.min() == 0), float(y.max()))
        for y in values
        if (len(np.unique(y)) > 1 or y.max() == total) and y.max() <= _BEYOND * total
    ]
    if not counts:
        return None
    done, at = max(counts)
    return Progress(unit, min(done, total), total, where, at=min(at, total))


def _rows(view: RunView, unit: str, total: float, where: str) -> Progress | None:
    """Return the progress of a loop that counts nothing itself: it logs a row an episode or round, as usual."""
    last = _last_row(view)
    if last is None or view.has("progress.step", "progress.epoch"):
        return None
    rows = view.run.history.height + last - (view.run.completeness.last_step or 0)
    if not view.run.history.height:
        rows = last + 1
    if rows > total * (1 + _TOLERANCE):
        return None
    return Progress(unit, rows, total, where, of_rows=True, rough=True)


def _counts_rows(view: RunView) -> bool:
    """Return whether W&B's own count is of rows, as it is if the script passes no step of its own."""
    first, last = view.first_x, view.last_x
    return first == 0 and last is not None and last + 1 == view.run.history.height


def _last_row(view: RunView) -> float | None:
    """Return the last step of the log, or of the summary if a killed process had not written its last rows."""
    last, reported = view.last_x, view.run.completeness.reported_last_step
    if view.axis.key != STEP or reported is None:
        return last
    return max(last if last is not None else -1.0, float(reported))


def _epochs(view: RunView, total: float, where: str) -> Progress | None:
    """Return the epochs done: counters begin at 0 or 1, or tell fractions of an epoch."""
    found = [_epochs_of(series.finite) for series in view.by_role("progress.epoch")]
    known = [c for c in found if c is not None and c[0] <= total * _BEYOND]
    if not known:
        return None
    done, at = max(known)
    under_way = at == int(at) and (done < at or view.run.state is not State.FINISHED)
    return Progress("epoch", min(done, total), total, where, under_way, min(at, total))


def _epochs_of(series: Series) -> tuple[float, float] | None:
    """Return the epochs that a counter shows to be done, and its own count; None if it says nothing.

    A whole number that several rows share is the epoch that is under way, not one that is done.
    """
    y = series.y
    if not len(y):
        return None
    first, last = float(y.min()), float(y.max())
    if (y != np.rint(y)).any():
        return last, last
    if first > 1 and first == last:
        return None
    rows = len(y) / (last - first + 1)
    under_way = rows > 2 and first >= 1
    return max(0.0, last - first + (0 if under_way else 1)) + max(0.0, first - 1), last
