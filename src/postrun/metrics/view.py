"""A run as rules and reports see it: metrics by role, each as clean arrays.

Everything is computed once per run and kept, so that many rules cost one pass over the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.metrics.axis import STEP, Axis, choose, common_unit, filled, numbers
from postrun.metrics.frameworks import Recognition, recognise
from postrun.metrics.packs_loader import Pack, packs
from postrun.metrics.readings import in_context, readings
from postrun.metrics.reloaded import first_reloaded_row
from postrun.metrics.series import Floats, MetricInfo, Series
from postrun.model import Identity, Run
from postrun.model.run import TIMES, with_times
from postrun.model.text import switched_off
from postrun.stats.curve import Curve, read_curve

T = TypeVar("T")
#: The axis of system metrics: seconds since the start.
_SECONDS = Axis("_runtime", "second")
_BOOKKEEPING = frozenset({"_step", "_runtime", "_timestamp"})


class RunView:
    """A run with its metrics understood.

    For a joined run, `parts` are the views of its runs; each metric is understood as its own run's
    framework means it.
    """

    def __init__(self, run: Run) -> None:
        if not set(TIMES) <= set(run.history.columns):  # made by hand or by a plug-in
            run = replace(run, history=with_times(run.history))
        self.run = run
        self.parts = [RunView(part) for part in run.parts]
        self._series: dict[str, Series] = {}
        self._curves: dict[str, Curve] = {}
        self._memo: dict[Callable[[RunView], Any], Any] = {}

    def once(self, function: Callable[[RunView], T]) -> T:
        """Return what a function makes of this view, computed once."""
        if function not in self._memo:
            self._memo[function] = function(self)
        found: T = self._memo[function]
        return found

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
    def nonfinite(self) -> bool:
        """True if any value of the history is NaN or infinite, whether or not the source counted it."""
        if self.run.completeness.nonfinite:
            return True
        floats = self.run.history.select(pl.selectors.float() - pl.selectors.by_name(*_BOOKKEEPING))
        finite = floats.select(pl.all().is_finite().all())
        return not all(finite.row(0)) if finite.width else False

    @cached_property
    def recognised(self) -> list[Recognition]:
        """The packs that apply and what shows it: frameworks first, then generic settings."""
        if self.parts:
            found = {r.pack.name: r for part in self.parts for r in part.recognised}
            return list(found.values())
        return recognise(self.run, self.flat_config)

    @property
    def packs(self) -> list[Pack]:
        """The packs that apply: recognised frameworks first, then generic settings."""
        return [recognition.pack for recognition in self.recognised]

    @property
    def framework(self) -> str:
        """The recognised framework's title, or ""."""
        return next((pack.title for pack in self.packs if not pack.normalised), "")

    @property
    def framework_evidence(self) -> str:
        """What shows which framework it is, or ""."""
        return next((r.evidence for r in self.recognised if not r.pack.normalised), "")

    @cached_property
    def metrics(self) -> dict[str, MetricInfo]:
        """What is known about each numeric metric."""
        if self.parts:
            found = {key: self._from_part(key) for key in self.numeric_keys}
        else:
            found = readings(self.run, self.numeric_keys, self.packs)
        return in_context(found, {pack.name for pack in self.packs if pack.rank})

    def _from_part(self, key: str) -> MetricInfo:
        number, own_key = self.run.origin.get(key, (0, key))
        part = self.parts[number]
        return replace(part.metrics[own_key], key=key, run=part.run.id)

    @cached_property
    def axis(self) -> Axis:
        """What the steps of this run, `x` of its series and steps in its findings, are counted by.

        The runs of a joined training were joined on their steps, which are its `_step`.
        """
        if self.parts:
            return Axis(STEP, common_unit(part.axis for part in self.parts))
        if not self.run.history.height:
            return Axis()
        done = self.run.completeness
        return choose(
            self.run.history,
            self.metrics,
            resumed=bool(done.seams),
            sampled=done.sampled,
            packs=self.packs,
        )

    @property
    def log_axis(self) -> Axis:
        """W&B's own `_step`, called so in words if the trainer counts its steps by another column."""
        return Axis() if self.axis.key == STEP else Axis(STEP, "W&B step")

    @cached_property
    def steps(self) -> Floats:
        """The step of every row on the run's axis, NaN where it is not known."""
        steps = numbers(self.run.history[STEP])
        if self.axis.key != STEP:
            return filled(numbers(self.run.history[self.axis.key]))
        if np.isnan(steps).all():
            return np.arange(len(steps), dtype=np.float64)
        return steps

    @cached_property
    def _ends(self) -> tuple[float, float] | None:
        known = self.steps[np.isfinite(self.steps)]
        return (float(known.min()), float(known.max())) if len(known) else None

    @property
    def first_x(self) -> float | None:
        """The least step of the run on its axis; None if it logged no row."""
        return self._ends[0] if self._ends else None

    @property
    def last_x(self) -> float | None:
        """The greatest step of the run on its axis; None if it logged no row."""
        return self._ends[1] if self._ends else None

    def x_of(self, row: int) -> float:
        """Return the step of a row on the run's axis; NaN if it has none."""
        return float(self.steps[row]) if 0 <= row < len(self.steps) else float("nan")

    def rows_of(self, start: float, stop: float) -> tuple[int | None, int | None]:
        """Return the first and the last row with steps in [start, stop]; None if there is none."""
        within = np.flatnonzero((self.steps >= start) & (self.steps <= stop))
        return (int(within[0]), int(within[-1])) if len(within) else (None, None)

    @cached_property
    def _all_steps(self) -> bool:
        return not np.isnan(self.steps).any()

    @cached_property
    def _in_order(self) -> bool:
        steps = self.steps
        return bool((steps[1:] >= steps[:-1]).all()) if len(steps) else True

    def series(self, key: str) -> Series:
        """One metric's values; KeyError where there is no such numeric metric."""
        known = self._series.get(key)
        if known is None:
            info = self.metrics[key]
            column = self.run.history[key].alias("x")  # Polars reads names such as "*" as patterns
            rows: NDArray[np.int64]
            if column.dtype == pl.Float64 and not column.null_count():  # most are: no detour
                rows, values, x = np.arange(len(column)), column.to_numpy(), self.steps
            else:
                rows = np.flatnonzero(column.is_not_null().to_numpy())
                values, x = column.drop_nulls().cast(float).to_numpy(), self.steps[rows]
            if not self._all_steps:
                usable = ~np.isnan(x)
                rows, values, x = rows[usable], values[usable], x[usable]
            if not self._in_order:  # after a resume: by step, the later row of equal steps later
                order = np.argsort(x, kind="stable")
                rows, values, x = rows[order], values[order], x[order]
            if self._reloaded is not None and info.split in ("eval", "test"):
                own = rows < self._reloaded
                rows, values, x = rows[own], values[own], x[own]
            known = self._series[key] = Series(info, x, values, rows, self.axis)
        return known

    @cached_property
    def _reloaded(self) -> int | None:
        """The first row that was measured on the best checkpoint after the training; None if none was."""
        return first_reloaded_row(self.run, self.flat_config)

    def curve(self, key: str) -> Curve:
        """The reading of a metric's curve in its better direction, made once; KeyError as in `series`.

        Its indices are those of `series(key)`.
        """
        known = self._curves.get(key)
        if known is None:
            series = self.series(key)
            known = self._curves[key] = read_curve(series.x, series.y, series.info.sign)
        return known

    @cached_property
    def _roles(self) -> frozenset[str | None]:
        return frozenset(info.role for info in (*self.metrics.values(), *self._system.values()))

    def has(self, *names: str) -> bool:
        """True where any metric, of the history or the system, has one of these roles."""
        return not self._roles.isdisjoint(names)

    def by_role(self, *names: str, central: bool = True) -> list[Series]:
        """All metrics of any of these roles, in the order of the names given."""
        return [
            self.series(info.key)
            for name in names
            for info in self._with_role.get(name, ())
            if info.central or not central
        ]

    @cached_property
    def _with_role(self) -> dict[str, list[MetricInfo]]:
        """Metrics by role: rules ask for roles once for each metric, and runs have 20,000 metrics."""
        found: dict[str, list[MetricInfo]] = {}
        for info in self.metrics.values():
            if info.role is not None:
                found.setdefault(info.role, []).append(info)
        return found

    def first(self, *names: str) -> Series | None:
        """The first metric of any of these roles with at least one value, or None."""
        return next((s for s in self.by_role(*names) if len(s)), None)

    def companion(self, key: str, stat: str) -> Series | None:
        """The metric that is `key`'s spread or extreme, such as `loss/std` of `loss/mean`.

        The spread of a reward has a role of its own (`reward.std`).
        """
        info = self.metrics[key]
        if info.role is None:
            return None
        stem = _stem(info)
        for other in self._with_role[info.role]:
            if other.stat == stat and _stem(other) == stem:
                return self.series(other.key)
        own = self._with_role.get(f"{info.role}.{stat}")
        return self.series(own[0].key) if own else None

    @cached_property
    def _system(self) -> dict[str, MetricInfo]:
        return {key: info for key, info in self.system_metrics.items() if info.role}

    @cached_property
    def system_metrics(self) -> dict[str, MetricInfo]:
        """What is known about each system metric; without a role where nothing is."""
        known = [pack for pack in packs() if pack.stream == "system"]
        frame = self.run.system
        found = {}
        for key, dtype in zip(frame.columns, frame.dtypes, strict=True):
            if dtype.is_numeric() and key not in _BOOKKEEPING:
                infos = (pack.describe(key) for pack in known)
                info = next((i for i in infos if i is not None), MetricInfo(key))
                found[key] = replace(info, x_axis="_runtime", split="none")
        return found

    def system(self, role: str) -> list[Series]:
        """System metrics of a role: `x` seconds since the start, one series per device."""
        found = (self.system_series(k) for k, info in self._system.items() if info.role == role)
        return [series for series in found if len(series)]

    def system_series(self, key: str) -> Series:
        """One system metric's values over seconds since the start; KeyError where there is none."""
        frame, info = self.run.system, self.system_metrics[key]
        if "_runtime" not in frame.columns:
            return Series(info, np.empty(0), np.empty(0), np.empty(0, np.int64), _SECONDS)
        columns = [frame["_runtime"].alias("x"), frame[key].alias("y")]
        part = pl.DataFrame(columns).with_row_index("row").drop_nulls()
        seconds, values = (part[c].cast(float).to_numpy() for c in ("x", "y"))
        rows = part["row"].to_numpy().astype(np.int64)
        order = np.argsort(seconds, kind="stable")
        return Series(info, seconds[order], values[order], rows[order], _SECONDS)

    @cached_property
    def clock(self) -> tuple[Floats, Floats]:
        """Steps and seconds since the start of the rows that have both, in order of time."""
        seconds = self.run.history["_runtime"].cast(float).to_numpy()
        known = np.isfinite(seconds) & np.isfinite(self.steps)
        order = np.argsort(seconds[known], kind="stable")
        return self.steps[known][order], seconds[known][order]

    def step_at(self, second: float) -> float | None:
        """The step that was logged last at a time, None before the first one."""
        steps, seconds = self.clock
        at = int(np.searchsorted(seconds, second, side="right")) - 1
        return float(steps[at]) if at >= 0 else None

    def second_at(self, step: float) -> float:
        """Seconds since the start at which a step was first reached; NaN where nothing was logged."""
        steps, seconds = self.clock
        if not len(steps):
            return float("nan")
        reached = np.flatnonzero(steps >= step)
        return float(seconds[reached[0] if len(reached) else -1])

    def setting(self, name: str) -> tuple[str, Any] | None:
        """The config key and value that mean `name` ("max_steps", "lr", ...), or None."""
        for pack in self.packs:
            for pattern in pack.settings.get(name, ()):
                for key, value in self.flat_config.items():
                    if pattern.fullmatch(key) and value is not None:
                        return key, value
        return None

    def setting_off(self, name: str) -> str:
        """Return the setting that switches `name` off ("max_grad_norm = 0"), "" if none does.

        None, 0, False and words for them switch off; another setting of the same meaning that is on wins.
        """
        off = ""
        for pack in self.packs:
            for pattern in pack.settings.get(name, ()):
                for key, value in self.flat_config.items():
                    if not pattern.fullmatch(key):
                        continue
                    if not switched_off(value):
                        return ""
                    off = off or f"{key} = {value}"
        return off

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


def meanings(names: Sequence[str]) -> dict[str, MetricInfo]:
    """Return what names of metrics mean if nothing is known but the names."""
    history = pl.DataFrame(schema=dict.fromkeys(("_step", *names), pl.Float64))
    return RunView(Run(Identity(""), history=history)).metrics


def _stem(info: MetricInfo) -> str:
    head, found, tail = info.key.rpartition(info.stat) if info.stat else (info.key, "", "")
    return f"{head.rstrip('/_.- ')}|{tail.lstrip('/_.- ')}" if found else f"{info.key}|"


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, child in value.items():
        name = f"{prefix}{key}"
        if isinstance(child, dict) and child:
            yield from _flatten(child, f"{name}.")
        else:
            yield name, child
