"""A training as tools are given it: a path for those that read W&B, columns of numbers for the others."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import postrun

#: A column is a training or evaluation loss by its name; the first pattern that matches one wins.
_HELD_OUT = r"(?:^|[^a-z])(?:eval|val|valid|validation|test|dev|holdout|heldout)(?:$|[^a-z])"
_ROLES: dict[str, tuple[tuple[str, bool], ...]] = {
    "train_loss": (
        (r"^(train(ing)?[/_.-])?loss(_step|_epoch)?$|^epoch/loss$", False),
        (r"^train\w*[/_.-]\w*loss(_step|_epoch)?$", False),
        (r"loss", False),
        (r"^train\w*[/_.-](rmse|mae|mse|\w*error|nll|ppl|perplexity)$", False),
        (r"cost|nll|elbo", False),
    ),
    "eval_loss": (
        (r"(^|[/_.-])loss(_epoch)?$", True),
        (r"loss", True),
        (r"(rmse|mae|mse|error|nll|perplexity)$", True),
    ),
    "lr": ((r"(^|[^a-z])(lr|learning[_ -]?rate)", False),),
    "grad_norm": ((r"grad(ient)?s?[_/ .-]*(global[_ -]?)?norm|gnorm", False),),
    "step_time": ((r"(step|iter|batch)_?time|sec(ond)?s?_per_(step|iter)|time_per_(step|iter)", False),),
}  # fmt: skip
#: Columns that count steps, the trainer's own first.
_STEPS = ("train/global_step", "trainer/global_step", "global_step", "step", "_step")
_BOOKKEEPING = {"_step", "_runtime", "_timestamp"}

Column = list[float | None]


@dataclass(slots=True)
class History:
    """The numbers that a training logged.

    Attributes:
        steps: One per row, never falling.
        columns: Name to values, None where a row does not log it; NaN and infinities are kept.
        roles: "train_loss", "eval_loss", "lr", "grad_norm" and "step_time" to a column's name.
        console: Lines of the console.
    """

    steps: list[int]
    columns: dict[str, Column]
    roles: dict[str, str] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str], others: bool = True) -> dict[str, Column]:
        """Return the columns, those with a role under the name that a tool has for it.

        `others=False` leaves out the columns without a role.
        """
        known = {column: names[role] for role, column in self.roles.items() if role in names}
        new = set(known.values())
        out = {}
        for name, values in self.columns.items():
            if name in known:
                out[known[name]] = values
            elif others and name not in new:
                out[name] = values
        return out

    def rows(self, columns: Mapping[str, Column]) -> list[dict[str, float]]:
        """Return one dictionary per row, of what the row logs."""
        return [
            {name: v for name, values in columns.items() if (v := values[i]) is not None}
            for i in range(len(self.steps))
        ]

    def write_csv(self, path: Path, columns: Mapping[str, Column], step: str = "step") -> Path:
        """Write a CSV file with a column of steps; a cell that a row does not log is empty."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([step, *columns])
            for i, at in enumerate(self.steps):
                writer.writerow([at, *(_cell(values[i]) for values in columns.values())])
        return path

    def finite(self, role: str) -> tuple[list[int], list[float]]:
        """Return steps and finite values of a role's column; empty if it is not logged."""
        values = self.columns.get(self.roles.get(role, ""), [])
        pairs = [
            (s, v)
            for s, v in zip(self.steps, values, strict=False)
            if v is not None and math.isfinite(v)
        ]
        return [s for s, _ in pairs], [v for _, v in pairs]


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def roles_of(columns: Mapping[str, Column]) -> dict[str, str]:
    """Return which column plays which role, judged by names alone and alike for all tools."""
    out = {}
    for role, patterns in _ROLES.items():
        for pattern, held_out in patterns:
            hits = [
                name
                for name in columns
                if re.search(pattern, name, re.I)
                and bool(re.search(_HELD_OUT, name, re.I)) is held_out
            ]
            if hits:
                out[role] = hits[0]
                break
    return out


def history_of(run: postrun.Run) -> History:
    """Return a run's history as plain columns."""
    frame = run.history
    columns: dict[str, Column] = {}
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if name not in _BOOKKEEPING and dtype.is_numeric():
            columns[name] = [None if v is None else float(v) for v in frame[name].to_list()]
    steps = _steps(frame.to_dict(as_series=False) if frame.height else {}, frame.height)
    console = [str(line) for line in run.console["line"].to_list()] if run.console.height else []
    return History(steps, columns, roles_of(columns), console, dict(run.config))


def _steps(columns: Mapping[str, list[Any]], rows: int) -> list[int]:
    """Return the first column of steps that each row logs and that never falls, or the rows' numbers."""
    for name in _STEPS:
        values = columns.get(name)
        if values and all(isinstance(v, int | float) and math.isfinite(v) for v in values):
            steps = [int(v) for v in values]
            if all(a <= b for a, b in pairwise(steps)):
                return steps
    return list(range(rows))


class Subject:
    """One training to be judged; what is read from its path is read once.

    A resumed run has several folders in its path, and is several runs.
    """

    def __init__(self, path: Path | None = None, runs: list[postrun.Run] | None = None) -> None:
        self.path = path
        self._runs = runs

    @cached_property
    def runs(self) -> list[postrun.Run]:
        """The runs of the training.

        Raises:
            TargetError: The path holds no run that can be read.
        """
        if self._runs is not None:
            return self._runs
        return [ref.load() for ref in postrun.runs(self.path or "")]

    @cached_property
    def history(self) -> History:
        """The numbers of the longest run."""
        return max((history_of(run) for run in self.runs), key=lambda h: len(h.steps))
