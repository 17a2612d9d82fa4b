"""How much a training planned and how much of it was done, from config, arguments, console and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import State
from postrun.training.console_progress import Progress, console_progress, planned_steps, reached

#: Settings that plan a training, by the last part of their names.
_SETTINGS = tuple(
    (unit, re.compile(pattern))
    for unit, pattern in (
        ("environment step", r"(?:total|max|num)_?(?:env_?)?(?:timesteps|env_?steps|frames)"),
        (
            "step",
            r"max_(?:train_|training_)?steps|total_(?:train(?:ing)?_|optim\w*_)?steps"
            r"|num_train(?:ing)?_steps|train_steps|training_steps",
        ),
        (
            "iteration",
            r"(?:max|num|total|train|n)_?iter(?:ation)?s?|iterations|num_boost(?:ing)?_rounds?|n_estimators",
        ),
        ("episode", r"(?:num|n|max|total)_?(?:train_)?(?:episodes|eps)|episodes"),
        ("round", r"(?:num|n|comm|communication|global|total)_?rounds?|rounds"),
        ("epoch", r"(?:max|num|n|total|training)_?(?:train_)?epochs?|epochs?"),
    )
)
#: Settings within these groups plan something else: an environment, an evaluation, an optimiser.
_OTHER_GROUPS = re.compile(
    r"(?:^|[._/])(?:env|envs|environment|eval|evaluation|test|val|validation|optimizer|optim|model|data|dataset|"
    r"rollout|sampl\w*|buffer|scheduler|lr_scheduler|warmup|pretrain|early_stopping|wandb|logging|vllm|inference)"
    r"(?:[._/]|$)", re.IGNORECASE
)  # fmt: skip
_STOPS_EARLY = re.compile(
    r"early_?stop(?:ping)?(?:_\w+)?|patience|load_best_model_at_end", re.IGNORECASE
)
_SAID_EARLY = re.compile(
    r"early[ -]?stop(?:ping|ped)?\b|EarlyStopping|did not improve in the last|stopping early",
    re.IGNORECASE,
)
#: Roles of the counters of a unit.
_ROLES = {
    "step": ("progress.step",), "iteration": ("progress.step",), "environment step": ("progress.step",),
    "round": ("progress.step",), "episode": ("progress.episodes",), "epoch": ("progress.epoch",),
}  # fmt: skip
#: A plan is done within this share of it: the last step is often not logged.
_TOLERANCE = 0.01
#: What trainers write when their loop has ended.
_LOOP_ENDED = ("train_runtime", "train/train_runtime")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training planned and did.

    Attributes:
        progress: The finest plan that is known, with how much of it was done.
        complete: True if all of it was done or the trainer says that its loop ended; None if not known.
        early: What shows that the run may stop before its plan is done ("early_stopping_patience = 3"), or "".
    """

    progress: Progress | None
    complete: bool | None
    early: str = ""

    def words(self) -> str:
        """Return the progress in words: "step 130 of 1,218 (11%)"; "" if no plan is known."""
        p = self.progress
        if p is None:
            return ""
        share = "" if p.under_way else f" ({100 * p.share:.0f}%)"
        return f"{p.unit} {p.done:,.0f} of {p.total:,.0f}{share}"


def plan_of(view: RunView) -> Plan:
    """Return the plan of a training and how much of it was done."""
    lines = view.run.console["line"].to_list() if view.run.console.height else []
    found = [*_from_settings(view, lines), *console_progress(lines)]
    found = _in_their_units(view, found)
    ended = any(key in view.run.summary or key in view.metrics for key in _LOOP_ENDED)
    early = _early(view, lines)
    if not found:
        return Plan(None, True if ended else None, early)
    sized = [p for p in found if p.unit != "batch"] or found
    total = max(p.total for p in sized if p.done or not any(q.done for q in sized))
    best = max((p for p in sized if p.total == total), key=lambda p: p.done)
    fine = view.run.state is State.FINISHED
    if ended or any(_is_done(p, fine) for p in found if p.unit != "batch"):
        return Plan(best, True, early)
    return Plan(best, False if best.done and best.unit != "batch" else None, early)


def _in_their_units(view: RunView, found: list[Progress]) -> list[Progress]:
    """Return progress with bars called by the setting that has their length: 30 of 30 epochs, not steps.

    A bar that is shorter than the planned rounds or episodes is a loop within one of them; so is any bar of
    a run that never logged a row.
    """
    planned = {
        total: unit for unit, total, _ in _settings(view) if unit in ("epoch", "round", "episode")
    }
    whole = max((total for total, unit in planned.items() if unit != "epoch"), default=0.0)
    out = []
    for p in found:
        bar = "progress bar" in p.where and p.unit == "step"
        if bar and p.total in planned:
            begun = planned[p.total] == "epoch" and p.done < p.total
            out.append(replace(p, unit=planned[p.total], done=p.done + begun, under_way=begun))
        elif bar and (p.total < whole or not view.run.history.height):
            out.append(replace(p, unit="batch"))
        else:
            out.append(p)
    return out


def _is_done(progress: Progress, fine: bool) -> bool:
    """Return whether a plan was carried out; `fine`: the process ended well, so that what it began is done."""
    if progress.total < 2 or (progress.under_way and not fine):
        return False
    whole = progress.done == int(progress.done)
    return progress.done >= progress.total - max(_TOLERANCE * progress.total, 0.5 if whole else 0.0)


def _from_settings(view: RunView, lines: list[str]) -> Iterator[Progress]:
    """Yield plans of the config and the arguments whose unit the run counts."""
    told = planned_steps(lines)
    plans = [("step", told, "the console")] if told else []
    steps = view.number("max_steps")
    if steps is not None and not _OTHER_GROUPS.search(steps[0]):
        plans.append((view.axis.unit if view.axis.unit in _ROLES else "step", steps[1], steps[0]))
    plans += _settings(view)
    if any(unit == "step" for unit, _, _ in plans):  # steps that are set override epochs
        plans = [plan for plan in plans if plan[0] != "epoch"]
    for unit, total, where in dict.fromkeys(plans):
        counted = _done(view, unit, total)
        told = reached(lines, unit)
        if counted is not None and told is not None and counted < told <= total:
            counted = told
        if counted is not None:
            yield Progress(
                unit,
                counted,
                total,
                where,
                unit == "epoch" and view.run.state is not State.FINISHED,
            )
        elif not view.run.history.height and unit in ("round", "episode", "epoch"):
            yield Progress(unit, 0.0, total, where)


def _settings(view: RunView) -> Iterator[tuple[str, float, str]]:
    settings = {**view.flat_config, **_arguments(view.run.environment.get("args"))}
    for key, value in settings.items():
        if isinstance(value, bool) or _OTHER_GROUPS.search(key):
            continue
        try:
            total = float(value)
        except (TypeError, ValueError):
            continue
        name = re.split(r"[./]", key)[-1].replace("-", "_").lower()
        for unit, pattern in _SETTINGS:
            if pattern.fullmatch(name) and total >= 1 and np.isfinite(total):
                yield unit, total, key
                break


def _arguments(args: object) -> dict[str, str]:
    """Return command-line arguments as settings: "--max-steps 100", "max_steps=100"."""
    found = {}
    words = [str(word) for word in args] if isinstance(args, list) else []
    for i, word in enumerate(words):
        key, equals, value = word.lstrip("-+").partition("=")
        if equals:
            found[key] = value
        elif word.startswith("--") and i + 1 < len(words):
            found[key] = words[i + 1]
    return found


def _done(view: RunView, unit: str, total: float) -> float | None:
    """Return how much of a plan the run's counters show; None if they do not count in its unit."""
    if unit == "epoch":
        return _epochs(view, total)
    if unit in ("episode", "round") and view.axis.unit != unit:
        counters = view.by_role(*_ROLES[unit]) if unit == "episode" else []
        if (
            not counters
            and view.run.history.height
            and not view.has("progress.step", "progress.epoch")
        ):
            # One row an episode or round is the usual loop that counts nothing itself.
            rows = float(view.run.history.height)
            return rows if rows <= total * (1 + _TOLERANCE) else None
    else:
        counters = view.by_role(*_ROLES[unit])
    values = [series.finite.y for series in counters if len(series.finite)]
    if (
        view.axis.key == "_step"
        and not values
        and unit in ("step", "iteration")
        and view.last_x is not None
    ):
        return min(view.last_x + (view.first_x == 0), total)
    best = [
        float(y.max()) + (y.min() == 0) for y in values if len(np.unique(y)) > 1 or y.max() == total
    ]
    fitting = [done for done in best if done <= 1.5 * total]
    return min(max(fitting), total) if fitting else None


def _epochs(view: RunView, total: float) -> float | None:
    """Return the epochs done: counters begin at 0 or 1, or tell fractions of an epoch."""
    done = [_epochs_of(series.finite) for series in view.by_role("progress.epoch")]
    known = [value for value in done if value is not None and value <= total * 1.5]
    return min(max(known), total) if known else None


def _epochs_of(series: Series) -> float | None:
    """Return the epochs that a counter shows to be done; None if it says nothing.

    A whole number that several rows share is the epoch that is under way, not one that is done.
    """
    y = series.y
    if not len(y):
        return None
    if (y != np.rint(y)).any():
        return float(y.max())
    first, last = float(y.min()), float(y.max())
    if first > 1 and first == last:
        return None
    rows = len(y) / (last - first + 1)
    under_way = rows > 2 and first >= 1
    return max(0.0, last - first + (0 if under_way else 1)) + max(0.0, first - 1)


def _early(view: RunView, lines: list[str]) -> str:
    for key, value in view.flat_config.items():
        name = re.split(r"[./]", key)[-1]
        if _STOPS_EARLY.fullmatch(name) and value not in (None, False, 0, "", "None", "False", -1):
            return f"{key} = {value}"
    return next(
        (f'the console says "{m[0]}"' for line in lines[-400:] if (m := _SAID_EARLY.search(line))),
        "",
    )
