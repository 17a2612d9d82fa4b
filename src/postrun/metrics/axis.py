"""The axis on which a run's steps are counted: the trainer's own counter, or W&B's count of rows.

`_step` counts calls of `log` unless the user passes `step=`. What a trainer calls a step is another column
(`train/global_step`, `trainer/global_step`, `epoch`, ...), and people look for that one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model.text import position

if TYPE_CHECKING:
    from postrun.metrics.series import MetricInfo

Floats = NDArray[np.float64]

STEP = "_step"
#: Counters that trainers write beside every row, the surest first.
_KNOWN = (
    "trainer/global_step",
    "train/global_step",
    "global_step",
    "train/trainer/global_step",
    "_global_step",
)
#: Roles of counters that trainers call a step, the finest first. Tokens and samples count a run only if
#: `define_metric` says so.
_ROLES = ("progress.step", "progress.episodes", "progress.epoch")
#: An axis that was declared for fewer metrics than this share is theirs, not the run's.
_MOST = 0.5
#: A counter must tell at least this share of the rows apart: a run logs up to three rows a step.
_APART = 0.3
#: A counter on fewer rows than this is sparse: values between two of its rows are interpolated.
_DENSE = 0.5
#: A counter that goes back is none, unless the run was resumed.
_FALLS = 0.02
#: What one of a counter is called, by a word of its name.
_UNITS = (
    ("epoch", "epoch"),
    ("episode", "episode"),
    ("token", "token"),
    ("round", "round"),
    ("timestep", "environment step"),
    ("env_step", "environment step"),
    ("agent_step", "environment step"),
    ("frame", "frame"),
    ("update", "update"),
    ("iter", "iteration"),
    ("sample", "sample"),
    ("example", "example"),
    ("kimg", "kimg"),
)


@dataclass(frozen=True, slots=True)
class Axis:
    """What a run counts its steps by.

    `key` is the column that counts ("_step": calls of `log`), `unit` what one of it is called: "step",
    "epoch", "iteration", "environment step", "token".
    """

    key: str = STEP
    unit: str = "step"

    def at(self, x: float) -> str:
        """Return a position in words: "step 1,200", "epoch 12.5"."""
        return f"{self.unit} {position(x)}"

    def span(self, start: float, stop: float) -> str:
        """Return a range in words: "steps 70 to 479"; one position if both are equal."""
        if start == stop:
            return self.at(start)
        return f"{self.unit}s {position(start)} to {position(stop)}"

    def count(self, n: float) -> str:
        """Return an amount in words: "1 step", "1,200 steps"."""
        return f"{position(n)} {self.unit}{'' if n == 1 else 's'}"


def choose(history: pl.DataFrame, infos: Mapping[str, MetricInfo], resumed: bool = False) -> Axis:
    """Return the axis of a run.

    Args:
        history: Its rows, `_step` among the columns.
        infos: What its numeric metrics mean. The x axis that `define_metric` gave most of them comes first.
        resumed: Whether the run has several segments: its counters may then go back.
    """
    steps = numbers(history[STEP])
    for key in _candidates(infos):
        values = numbers(history[key])
        if not _counts(values, resumed):
            continue
        if _same(values, steps):
            return Axis(STEP, unit_of(key))
        return Axis(key, unit_of(key))
    return Axis()


def _candidates(infos: Mapping[str, MetricInfo]) -> list[str]:
    """Return columns that may count the run's steps, the likeliest first."""
    given = Counter(info.x_axis for info in infos.values() if info.x_axis in infos)
    declared = [key for key, count in given.most_common() if count >= _MOST * len(infos)]
    known = [key for key in _KNOWN if key in infos]
    by_role = [
        key
        for role in _ROLES
        for key in sorted((k for k, i in infos.items() if i.role == role and not i.stat), key=len)
    ]
    if (
        known
    ):  # a declared epoch does not come before the trainer's own step counter, which is finer
        declared = [key for key in declared if unit_of(key) != "epoch"]
    return list(dict.fromkeys([*declared, *known, *by_role]))


def _counts(values: Floats, resumed: bool) -> bool:
    """Return whether a column counts up and tells the rows apart."""
    logged = values[np.isfinite(values)]
    if len(logged) < 2 or (logged < 0).any():
        return False
    moves = np.diff(logged)
    falls = float((moves < 0).mean())
    if falls > (_FALLS if resumed else 0.0):
        return False
    rises = 1 + int((moves > 0).sum())
    return rises >= 2 and rises >= _APART * len(values)


def _same(values: Floats, steps: Floats) -> bool:
    known = np.isfinite(values) & np.isfinite(steps)
    return bool(known.any() and (values[known] == steps[known]).all())


def filled(values: Floats) -> Floats:
    """Return a counter at every row: a row without it has the last one that was logged before.

    Rows before the first have the first. A counter that few rows log is interpolated between them.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not len(known) or len(known) == len(values):
        return values
    if len(known) < _DENSE * len(values):
        return np.asarray(np.interp(np.arange(len(values)), known, values[known]), dtype=np.float64)
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.asarray(values[np.where(last < 0, known[0], last)], dtype=np.float64)


def numbers(column: pl.Series) -> Floats:
    """Return a column as floats, NaN where it is null."""
    return column.cast(pl.Float64).to_numpy()


def unit_of(key: str) -> str:
    """Return what one of a counter is called, by its name: "epoch" of "train/epoch", else "step"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", "_", key).lower()
    return next((unit for word, unit in _UNITS if word in words), "step")
