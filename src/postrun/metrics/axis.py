"""The axis on which a run's steps are counted: the trainer's own counter, or W&B's count of rows.

`_step` counts calls of `log` unless the user passes `step=`. What a trainer calls a step is another column
(`train/global_step`, `trainer/global_step`, `epoch`, ...), and people look for that one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model.text import places, position

if TYPE_CHECKING:
    from postrun.metrics.packs_loader import Pack
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
#: Common names of counters, which are read beside the metrics that somebody asks for.
COUNTERS = frozenset(
    {
        *_KNOWN, "epoch", "epochs", "Epoch", "train/epoch", "train_epoch", "trainer/epoch", "progress/epoch",
        "training/epoch", "samples", "samples_seen", "train/samples", "train/samples_seen", "num_samples",
        "consumed_samples", "consumed-samples", "tokens", "tokens_seen", "train/tokens", "train/tokens_seen",
        "num_tokens", "total_tokens", "train/num_tokens", "train/num_input_tokens_seen", "consumed_tokens",
        "throughput/total_tokens", "perf/total_num_tokens", "step", "iteration", "iter",
    }
)  # fmt: skip
#: Roles of counters that trainers call a step, the finest first. Tokens and samples count a run only if
#: `define_metric` says so.
_ROLES = ("progress.step", "progress.episodes", "progress.epoch")
#: An axis that was declared for fewer metrics than this share is theirs, not the run's.
_MOST = 0.5
#: A metric has at most about three values at one place of its axis; of a trainer's own step counter, twenty
#: (batches whose gradients are accumulated, all logged).
_APART, _APART_SURE = 0.3, 0.05
#: Metrics that are looked at for that, and the share of them for which it must hold.
_WATCHED, _MOST_APART = 8, 0.75
#: A counter on fewer rows than this is sparse: values between two of its rows are interpolated.
_DENSE = 0.5
#: Rows at the beginning or the end of which nothing tells the step, at most.
_UNCOUNTED = 0.2
#: A run of so few rows need not show that its counter counts.
_FEW = 3
#: A counter goes back at most in this share of its moves, when the run was resumed.
_FALLS = 0.02
#: A counter that falls to within this share of its range above its first value has started again.
_START = 0.05
#: Share of its range that a counter may count twice if nothing says that the run was resumed.
_TWICE = 0.2
#: Rows of which more than this share skip numbers of `_step` have those that the user passed.
_GAPS = 0.5
#: Units of which frameworks log one row each, so that `_step` counts them.
_ONE_A_ROW = ("epoch", "iteration", "round", "update")
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

    @property
    def label(self) -> str:
        """The axis as charts name it: "epoch", "environment step (global_step)"."""
        plain = self.key == STEP or self.key.rpartition("/")[2] == self.unit
        return self.unit if plain else f"{self.unit} ({self.key})"

    def at(self, x: float) -> str:
        """Return a position in words: "step 1,200", "epoch 12.5"."""
        return places(self.unit, x, x)

    def span(self, start: float, stop: float) -> str:
        """Return a range in words: "steps 70 to 479"; one position if both are equal."""
        return places(self.unit, start, stop)

    def count(self, n: float) -> str:
        """Return an amount in words: "1 step", "1,200 steps"."""
        return f"{position(n)} {self.unit}{'' if n == 1 else 's'}"


def choose(
    history: pl.DataFrame,
    infos: Mapping[str, MetricInfo],
    *,
    resumed: bool = False,
    sampled: bool = False,
    packs: Sequence[Pack] = (),
) -> Axis:
    """Return the axis of a run.

    Args:
        history: Its rows, `_step` among the columns.
        infos: What its numeric metrics mean. The x axis that `define_metric` gave most of them comes first.
        resumed: Whether the run has several segments: its counters may then go back.
        sampled: Whether rows were left out, so that gaps in `_step` say nothing.
        packs: The packs of the recognised frameworks, which may name what one step is called.
    """
    steps = numbers(history[STEP])
    given = not sampled and _is_given(steps)
    candidates = _candidates(infos)
    watched = _watched(history, infos) if candidates else []
    for key, sure in candidates:
        values = numbers(history[key])
        if not _counts(values, resumed) or (given and not _reaches(values, steps)):
            continue
        if not _tells_apart(filled(values), watched, _APART_SURE if sure else _APART):
            continue
        unit = _called(key, infos[key].pack, packs)
        same = unit == "step" and bool((values == steps).all())
        return Axis(STEP if same else key, unit)
    unit = next((pack.step_unit for pack in packs if pack.step_unit), "step")
    return Axis(STEP, unit if given or unit in _ONE_A_ROW else "step")


def common_unit(axes: Iterable[Axis]) -> str:
    """Return what one step of several runs is called: "step" unless all call it something else."""
    units = {axis.unit for axis in axes}
    return units.pop() if len(units) == 1 else "step"


def _candidates(infos: Mapping[str, MetricInfo]) -> list[tuple[str, bool]]:
    """Return columns that may count the run's steps, the likeliest first, and whether each surely does."""
    given = Counter(info.x_axis for info in infos.values() if info.x_axis in infos)
    declared = [key for key, count in given.most_common() if count >= _MOST * len(infos)]
    known = [key for key in _KNOWN if key in infos]
    by_role = [
        key
        for role in _ROLES
        for key in sorted((k for k, i in infos.items() if i.role == role and not i.stat), key=len)
    ]
    if known:  # the trainer's own step is finer than an epoch that was declared
        declared = [key for key in declared if unit_of(key) != "epoch"]
    sure = {key for key in (*declared, *known) if unit_of(key) != "epoch"}
    return [(key, key in sure) for key in dict.fromkeys([*declared, *known, *by_role])]


def _is_given(steps: Floats) -> bool:
    """Return whether `_step` is what the user passed as `step=`: the SDK's own count leaves no gaps."""
    moves = np.diff(steps[np.isfinite(steps)])
    return bool(len(moves)) and float((moves > 1).mean()) > _GAPS


def _reaches(values: Floats, steps: Floats) -> bool:
    """Return whether a counter is as fine as the steps that the user passed."""
    return float(np.nanmax(values)) >= float(np.nanmax(steps))


def _counts(values: Floats, resumed: bool) -> bool:
    """Return whether a column counts up, over the whole of the run."""
    at = np.flatnonzero(np.isfinite(values))
    logged = values[at]
    if not len(logged) or (logged < 0).any():
        return False
    rows = len(values)
    if rows <= _FEW:
        return bool((np.diff(logged) >= 0).all())
    moves = np.diff(logged)
    uncounted = max(at[0], rows - 1 - at[-1])
    if not (moves > 0).any() or uncounted > max(1, _UNCOUNTED * rows):
        return False
    falls = np.flatnonzero(moves < 0)
    if resumed:
        return len(falls) <= _FALLS * len(moves)
    # No seam is known of a run that was read from the server. A counter that starts again is none.
    width, after = float(np.ptp(logged)), logged[falls + 1]
    again = bool((after <= logged[0] + _START * width).any())
    twice = float((logged[falls] - after).sum())
    return len(falls) <= max(1, _FALLS * len(moves)) and not again and twice <= _TWICE * width


def _watched(history: pl.DataFrame, infos: Mapping[str, MetricInfo]) -> list[NDArray[np.int64]]:
    """Return the rows of some of the metrics that are no counters, spread over all."""
    keys = [k for k, i in infos.items() if not (i.role or "").startswith("progress.")]
    spread = keys[:: max(1, len(keys) // _WATCHED)]
    rows = (np.flatnonzero(history[key].alias("x").is_not_null().to_numpy()) for key in spread)
    return [found for found in rows if len(found) > 1]


def _tells_apart(x: Floats, watched: Sequence[NDArray[np.int64]], least: float) -> bool:
    """Return whether most metrics have few values at one place of a counter.

    Rows do not count: a trainer that logs many rows a step, each with other metrics, has one value a step.
    """
    if not watched:
        return True
    shares = [(1 + int(np.count_nonzero(np.diff(x[rows])))) / len(rows) for rows in watched]
    return sum(share >= least for share in shares) >= _MOST_APART * len(shares)


def _called(key: str, pack: str, packs: Sequence[Pack]) -> str:
    """Return what one of a counter is called: by its name, or as its framework calls it."""
    unit = unit_of(key)
    told = next((p for p in packs if p.step_unit and (unit == "step" or p.name == pack)), None)
    return told.step_unit if told else unit


def filled(values: Floats) -> Floats:
    """Return a counter at every row: a row without it has the last one that was logged before.

    Rows before the first have the first. A counter that few rows log is interpolated between them, unless
    several rows make one step.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not len(known) or len(known) == len(values):
        return values
    if len(known) < _DENSE * len(values) and not _many_a_step(known, values[known]):
        return np.asarray(np.interp(np.arange(len(values)), known, values[known]), dtype=np.float64)
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.asarray(values[np.where(last < 0, known[0], last)], dtype=np.float64)


def _many_a_step(rows: NDArray[np.int64], values: Floats) -> bool:
    """Return whether a counter of whole numbers moves by less than the rows between its values."""
    moves, whole = np.diff(values), bool((values == np.rint(values)).all())
    return whole and len(moves) > 0 and bool(np.median(moves) < np.median(np.diff(rows)))


def numbers(column: pl.Series) -> Floats:
    """Return a column as floats, NaN where it is null."""
    return column.cast(pl.Float64).to_numpy()


def unit_of(key: str) -> str:
    """Return what one of a counter is called, by its name: "epoch" of "train/epoch", else "step"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", "_", key).lower()
    return next((unit for word, unit in _UNITS if word in words), "step")
