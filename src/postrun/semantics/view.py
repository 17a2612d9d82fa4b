"""A run as rules and reports see it: metrics by role, each as clean arrays.

Everything is computed once per run and kept, so that many rules cost one pass over the columns.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model import Run
from postrun.semantics.packs_loader import Pack, packs
from postrun.semantics.roles import roles
from postrun.stats.plateau import Gain, gains

Floats = NDArray[np.float64]
_BOOKKEEPING = frozenset({"_step", "_runtime", "_timestamp"})
_REINFORCEMENT = ("reward", "reward.component", "kl.policy", "kl.mismatch", "advantage")
_PREFERENCE = ("reward.margin",)


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What is known about one metric. `stat` is "" or the statistic that the key names."""

    key: str
    role: str | None = None
    stat: str = ""
    unit: str = ""
    better: str = "neither"
    pack: str = ""
    x_axis: str = "_step"

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is, 0 where neither."""
        return {"higher": 1, "lower": -1}.get(self.better, 0)

    @property
    def central(self) -> bool:
        """True for the metric itself or its mean, False for spread and extremes."""
        return self.stat in ("", "mean", "avg")


@dataclass(slots=True)
class Series:
    """One metric's values in order of step.

    `x` are steps (row numbers where a run has none), `y` values, `rows` row numbers in the history;
    all of one length, rows without a value left out. `y` may hold NaN and ±Infinity.
    """

    info: MetricInfo
    x: Floats
    y: Floats
    rows: NDArray[np.int64]
    _finite: Series | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The metric's key."""
        return self.info.key

    def __len__(self) -> int:
        return len(self.y)

    @property
    def finite(self) -> Series:
        """The same without NaN and ±Infinity."""
        if self._finite is None:
            mask = np.isfinite(self.y)
            self._finite = self if mask.all() else self.take(mask)
        return self._finite

    def between(self, start: float, stop: float) -> Series:
        """Values at steps in [start, stop]."""
        return self.take((self.x >= start) & (self.x <= stop))

    def take(self, which: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Series:
        """The chosen values: a slice, a mask, or indices."""
        return Series(self.info, self.x[which], self.y[which], self.rows[which])


def paired(first: Series, second: Series) -> tuple[Series, Series]:
    """Two series at the rows that both have, in order of step: of one length, row by row."""
    _, left, right = np.intersect1d(first.rows, second.rows, return_indices=True)
    order = np.argsort(first.x[left], kind="stable")
    return first.take(left[order]), second.take(right[order])


class RunView:
    """A run with its metrics understood."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._series: dict[str, Series] = {}
        self._gains: dict[str, Gain | None] = {}

    @cached_property
    def flat_config(self) -> dict[str, Any]:
        """The config with nested keys joined by "."."""
        return dict(_flatten(self.run.config))

    @cached_property
    def numeric_keys(self) -> list[str]:
        """Metrics that are numbers (booleans count), in the order of the columns."""
        history = self.run.history
        return [
            name
            for name, dtype in zip(history.columns, history.dtypes, strict=True)
            if name not in _BOOKKEEPING and (dtype.is_numeric() or dtype == pl.Boolean)
        ]

    @cached_property
    def packs(self) -> list[Pack]:
        """The packs that apply: recognised frameworks first, then generic names."""
        run = self.run
        keys = set(run.history.columns) | set(run.summary)
        return [p for p in packs() if p.recognised_by(keys, self.flat_config, run.requirements)]

    @property
    def framework(self) -> str:
        """The recognised framework's title, or ""."""
        return next((pack.title for pack in self.packs if not pack.normalised), "")

    @cached_property
    def metrics(self) -> dict[str, MetricInfo]:
        """What is known about each numeric metric."""
        found = {key: self._identify(key) for key in self.numeric_keys}
        roles_found = {i.role for i in found.values()}
        if roles_found.intersection(_REINFORCEMENT) and not roles_found.intersection(_PREFERENCE):
            # What a reinforcement-learning run calls its loss is a policy loss: its level means
            # nothing, and reading it like a supervised loss is the commonest mistake there is.
            shared = {pack.name for pack in self.packs if pack.rank}
            for key, info in found.items():
                if info.role == "loss.train" and info.pack in shared:
                    found[key] = MetricInfo(
                        key, "loss.policy", info.stat, info.unit, "neither", info.pack, info.x_axis
                    )
        return found

    def _identify(self, key: str) -> MetricInfo:
        axis, goal = self._definition(key)
        for pack in self.packs:
            match = pack.match(key)
            if match:
                pattern, stat = match
                role = roles()[pattern.role]
                return MetricInfo(
                    key=key,
                    role=role.name,
                    stat=stat,
                    unit=pattern.unit or role.unit,
                    better=goal or pattern.better or role.better,
                    pack=pack.name,
                    x_axis=axis,
                )
        return MetricInfo(key, better=goal or "neither", x_axis=axis)

    def _definition(self, key: str) -> tuple[str, str]:
        goals = {"minimize": "lower", "maximize": "higher"}
        for definition in self.run.metrics:
            if definition.name == key or (
                definition.glob and fnmatch.fnmatchcase(key, definition.name)
            ):
                return definition.x_axis or "_step", goals.get(definition.goal, "")
        return "_step", ""

    @cached_property
    def _steps(self) -> Floats:
        steps = self.run.history["_step"]
        if steps.null_count() == len(steps):
            return np.arange(len(steps), dtype=np.float64)
        return steps.cast(float).to_numpy()

    @cached_property
    def _in_order(self) -> bool:
        steps = self._steps
        return bool((steps[1:] >= steps[:-1]).all()) if len(steps) else True

    def series(self, key: str) -> Series:
        """One metric's values; KeyError where there is no such numeric metric."""
        known = self._series.get(key)
        if known is None:
            info = self.metrics[key]
            column = self.run.history[key]
            rows: NDArray[np.int64] = np.flatnonzero(column.is_not_null().to_numpy())
            values = column.drop_nulls().cast(float).to_numpy()
            x = self._steps[rows]
            usable = ~np.isnan(x)
            if not usable.all():
                rows, values, x = rows[usable], values[usable], x[usable]
            if not self._in_order:  # after a resume: by step, the later row of equal steps later
                order = np.argsort(x, kind="stable")
                rows, values, x = rows[order], values[order], x[order]
            known = self._series[key] = Series(info, x, values, rows)
        return known

    def gains(self, key: str) -> Gain | None:
        """How a metric gained in its better direction; None if it has none or gained nothing."""
        if key not in self._gains:
            series = self.series(key).finite
            sign = series.info.sign
            self._gains[key] = gains(series.x, series.y, sign) if sign else None
        return self._gains[key]

    def by_role(self, *names: str, central: bool = True) -> list[Series]:
        """All metrics of any of these roles, in the order of the names given."""
        return [
            self.series(info.key)
            for name in names
            for info in self.metrics.values()
            if info.role == name and (info.central or not central)
        ]

    def first(self, *names: str) -> Series | None:
        """The first metric of any of these roles with at least one value, or None."""
        return next((s for s in self.by_role(*names) if len(s)), None)

    def companion(self, key: str, stat: str) -> Series | None:
        """The metric that is `key`'s spread or extreme, such as `loss/std` of `loss/mean`."""
        info = self.metrics[key]
        if info.role is None:
            return None
        stem = _stem(info)
        for other in self.metrics.values():
            if other.stat == stat and other.role == info.role and _stem(other) == stem:
                return self.series(other.key)
        return None

    def setting(self, name: str) -> tuple[str, Any] | None:
        """The config key and value that mean `name` ("max_steps", "lr", ...), or None."""
        for pack in self.packs:
            for pattern in pack.settings.get(name, ()):
                for key, value in self.flat_config.items():
                    if pattern.fullmatch(key) and value is not None:
                        return key, value
        return None

    def number(self, name: str) -> tuple[str, float] | None:
        """Like `setting`, where the value is a positive number."""
        found = self.setting(name)
        if found is None or isinstance(found[1], bool):
            return None
        try:
            value = float(found[1])
        except (TypeError, ValueError):
            return None
        return (found[0], value) if value > 0 and np.isfinite(value) else None


def _stem(info: MetricInfo) -> str:
    return info.key.removesuffix(info.stat).rstrip("/_.- ")


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, child in value.items():
        name = f"{prefix}{key}"
        if isinstance(child, dict) and child:
            yield from _flatten(child, f"{name}.")
        else:
            yield name, child
