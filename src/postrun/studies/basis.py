"""What runs are held side by side over: steps if those agree, else epochs, samples, tokens, or time.

A batch of 128 takes a quarter of the steps of a batch of 32. Both see the same data, and at an equal step
one has seen four times as much. Every study takes its axis, and what is said of it, from here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from postrun.model.text import number, position
from postrun.records.batch import samples_per_step
from postrun.records.project import END, Project
from postrun.records.record import RunRecord
from postrun.stats.robust import Floats

#: What a command takes if the choice is left to it.
AUTO = "auto"
#: Counts of data, the first choice first.
_COUNTS = ("epoch", "samples", "tokens")
#: Ends this close to each other agree.
_NEAR = 0.05
#: Share of the runs whose steps, and whose counts of data, must agree.
_STEPS_AGREE, _COUNTS_AGREE = 0.75, 0.5
#: Steps whose least is this share of the greatest are compared as they are, if no count agrees.
_ROUGHLY = 0.8
#: Endings of runs that were not cut short; nothing is known of an exported table's runs.
_COMPLETE = ("finished", "unknown")
_PLANNED = re.compile(r"(?i)^(?:max|num|n|total|training|num_train)?_?epochs?$")


@dataclass(frozen=True, slots=True)
class Basis:
    """The axis that runs are compared on, and the sentence that says why ("" if steps agree).

    `sure`: no further count of data could change the choice.
    """

    axis: str
    sentence: str = ""
    sure: bool = True


def is_complete(record: RunRecord) -> bool:
    """Return whether a run ended by itself, so that its last step is what it was given."""
    return record.ending.kind in _COMPLETE


def choose_basis(project: Project, metric: str, align: str = AUTO) -> Basis:
    """Return the axis on which the runs that have a metric are compared.

    Only runs that ended by themselves decide, unless fewer than two did: where a run was killed says nothing
    about what it was given.

    Args:
        project: The runs.
        metric: What they are compared by.
        align: An axis, which is taken as it is, or "auto".
    """
    if align != AUTO:
        return Basis(align)
    records = [r for r in project.records if metric in r.metrics]
    complete = [r for r in records if is_complete(r)]
    if len(complete) > 1:
        records = complete
    mixed = len({r.step_unit for r in records}) > 1  # then rows are what their steps have in common
    steps = _ends([float(r.rows) if mixed else _last_step(r, metric) for r in records])
    if len(records) < 2 or steps is None:
        return Basis("step")
    return _choose(project, records, steps, metric)


def _own_axis(project: Project, records: Sequence[RunRecord], steps: Floats) -> Basis:
    """Return the runs' own axis, and what is said if it is not the count of their rows."""
    rows = np.array([r.rows for r in records], dtype=np.float64)
    if project.step_unit == "step" or _agreement(rows) >= _STEPS_AGREE:
        return Basis("step")
    return Basis(
        "step",
        f"Compared at equal {project.step_unit}s ({_span(steps)}), because the runs logged {_span(rows)} rows.",
    )


def _choose(project: Project, records: list[RunRecord], steps: Floats, metric: str) -> Basis:
    unit = f"{project.step_unit}s"
    span = f"{unit} ({_span(steps)})"
    same = _agreement(steps)
    counted = _all_counted(records, metric)
    shares = {name: _agreement(ends) for name, ends in counted.items()}
    best = max(shares, key=lambda name: (shares[name], _is_logged(records, name)), default="")
    if same >= _STEPS_AGREE and same >= shares.get(best, 0.0):
        return _own_axis(project, records, steps)
    if best and shares[best] >= max(_COUNTS_AGREE, same):
        words = _plural(best)
        how = "" if _is_logged(records, best) else ", taken as steps x batch size,"
        which = "all" if shares[best] == 1 else f"{shares[best]:.0%}"
        return Basis(
            best,
            f"Compared at equal {words}{how} because the runs differ in {span}; {which} of them agree in "
            f"{words} ({_span(counted[best])}).",
        )
    plan = _planned_epochs(records)
    if plan is not None:
        return Basis(
            END,
            f"Compared at the end of each run's training, because the runs differ in {span}; all of "
            f"them planned {number(plan)} epochs.",
            sure=False,
        )
    return _without_agreement(records, counted, steps, unit)


def _without_agreement(
    records: list[RunRecord], counted: dict[str, Floats], steps: Floats, unit: str
) -> Basis:
    """Return the axis of runs that were given different amounts: they are compared at what all reached."""
    span = f"{_span(steps)} {unit}"
    batches = {samples_per_step(r.config) for r in records}
    alike = len(batches) == 1 and None not in batches
    if alike or steps.min() >= _ROUGHLY * steps.max():
        return Basis("step", f"Compared at equal {unit}; the runs' budgets differ ({span}).")
    logged = next((name for name in counted if _is_logged(records, name)), "")
    if logged:
        words = _plural(logged)
        ends = f"{_span(counted[logged])} {words}"
        return Basis(
            logged, f"Compared at equal {words}; the runs' budgets differ ({ends}, {span})."
        )
    if all(r.runtime for r in records):
        return Basis(
            "time",
            f"Compared at equal time, because the runs differ in {unit} ({_span(steps)}); they agree in no "
            "count of epochs, samples or tokens.",
            sure=False,
        )
    return Basis(
        "step", f"Compared at equal {unit}; the runs' budgets differ ({span}).", sure=False
    )


def _all_counted(records: Sequence[RunRecord], metric: str) -> dict[str, Floats]:
    """Return the counts of data that are known of all runs: how far each got."""
    found = {name: _ends([_counted(r, name, metric) for r in records]) for name in _COUNTS}
    return {name: ends for name, ends in found.items() if ends is not None}


def _plural(axis: str) -> str:
    return "epochs" if axis == "epoch" else axis


def _ends(found: Sequence[float | None]) -> Floats | None:
    """Return where each run ended; None if that is not known of all."""
    known = np.array([np.nan if v is None else v for v in found], dtype=np.float64)
    return known if len(known) and np.isfinite(known).all() and known.max() > 0 else None


def _last_step(record: RunRecord, metric: str) -> float | None:
    """Return the steps that a run took; a count from 0 is one short of them."""
    last = record.last_step
    if last is None:
        return None
    return last + 1 if record.metrics[metric].first_step == 0 else last


def _counted(record: RunRecord, axis: str, metric: str) -> float | None:
    """Return the epochs, samples or tokens that a run logged, or its samples by steps and batch size."""
    key = record.axes.get(axis)
    if key is not None and key in record.metrics:
        return record.metrics[key].high
    if axis != "samples" or record.step_unit != "step":
        return None
    steps, batch = _last_step(record, metric), samples_per_step(record.config)
    return None if steps is None or batch is None else steps * batch


def _is_logged(records: Sequence[RunRecord], axis: str) -> bool:
    return all(axis in r.axes for r in records)


def _agreement(ends: Floats) -> float:
    """Return the share of runs that ended near the commonest end; 0 if no two did."""
    near = np.abs(ends[:, None] - ends) <= _NEAR * np.maximum(ends[:, None], ends)
    most = int(near.sum(axis=1).max())
    return most / len(ends) if most > 1 else 0.0


def _planned_epochs(records: Sequence[RunRecord]) -> float | None:
    """Return the epochs that all runs planned, if their configs say the same and all of them ended."""
    plans = set()
    for record in records:
        own = {
            float(value)
            for key, value in record.config.items()
            if _PLANNED.match(key.rsplit(".", 1)[-1])
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and value > 0
        }
        if len(own) != 1 or not is_complete(record):
            return None
        plans |= own
    return plans.pop() if len(plans) == 1 else None


def _span(ends: Floats) -> str:
    """Return a range of ends in words: "12", "84 to 336"."""
    low, high = float(ends.min()), float(ends.max())
    if high - low <= _NEAR * high:
        return position(float(np.median(ends)))
    return f"{position(low)} to {position(high)}"


def is_settled(project: Project, metrics: Sequence[str]) -> bool:
    """Return whether the axis is known, though of some runs only a part was read.

    A run that counts its epochs under an uncommon name shows it only if it is read whole.
    """
    if all(r.only is None for r in project.records):
        return True
    return all(choose_basis(project, metric).sure for metric in metrics)
