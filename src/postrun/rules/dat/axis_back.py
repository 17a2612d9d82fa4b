"""An x axis or a counter that goes back within one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule
from postrun.stats.robust import Floats

#: The role of a counter of steps.
_OF_STEPS = "progress.step"
_COUNTERS = ("progress.step", "progress.epoch")
_BOOKKEEPING = frozenset({"", "_step", "_runtime", "_timestamp"})


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis in the rows that log it (numbers in `rows`), and the metrics that are plotted over it."""

    key: str
    declared: bool
    rows: NDArray[np.int64]
    values: Floats
    metrics: list[str]


@dataclass(frozen=True, slots=True)
class _Falls:
    """Where an axis goes back: `at` are positions of the values after a fall, in `rows` and `values`."""

    rows: NDArray[np.int64]
    values: Floats
    at: NDArray[np.int64]
    metrics: list[str]


class AxisBack(Rule):
    """A declared x axis, or a counter of steps or epochs, goes back.

    ## What it does
    Reports an x axis that `define_metric` declares and whose values go back within one run, and
    counters of steps or epochs that restart.

    ## Why it matters
    A chart over such an axis draws two trainings on top of each other, and the best and the last value
    of a metric may belong to either. Mostly the script trained twice in one run (a loop over folds or
    seeds), or the axis is a counter within an epoch.

    ## How it decides
    Looks at the values of the axis in the order of logging, for each metric in the rows that log both:
    two metrics that log the axis at different paces are no fall. An axis that has more than `alone_share` of
    its values in rows without any metric is looked at by itself. A fall is a step back by more than `fall` of
    the axis's whole range. Ties, NaN and smaller steps back are no falls, and neither is a step back where the
    run was resumed, or where `_step` itself goes back (RUN007 and DAT003 report those). An axis that rises in
    less than `rising` of its changes is not a counter and is left out.

    Up to `few` falls are a `warning`, unless each is smaller than `deep` of the range, or the axis counts
    within an epoch (a logged epoch counter grows at each fall). All others are `info`. A counter that no
    `define_metric` names is a warning only if each fall leads back to the first `start` of its range, and is
    else told only of steps (`info`): a training that went on from an older checkpoint. Both need at least
    `min_rows` rows before and after each fall.

    ## What to do
    Start a new run for each training (`run.finish()`, then `wandb.init()` with a common `group`), or declare
    a counter that only grows as the x axis.

    ## Example
    "epoch, the x axis of train/loss, goes back from 29 to 0 after step 29: two trainings overlay each
    other in one run"

    ## References
    W&B: Customize log axes, https://docs.wandb.ai/guides/track/log/customize-logging-axes
    """

    code = "DAT008"
    name = "axis-back"
    since = "0.2.0"
    of_rows = True
    scope = "process"
    symptom_of = ("DAT003", "RUN007")
    thresholds = {
        "fall": 0.02,  # asynchronous loggers are a few steps behind each other
        "few": 4,  # five folds; more are a counter within an epoch
        "deep": 0.1,
        "rising": 0.55,  # a sawtooth of three rows rises in two of three changes
        "start": 0.1,
        "alone_share": 0.5,
        "min_rows": 3,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per axis that goes back."""
        for axis in self._axes(view):
            falls = self._seen(view, axis)
            if falls is None:
                continue
            grave = self._grave(view, axis, falls)
            if axis.declared or (grave and self._restarts(falls)):
                yield self._told(view, axis, falls, grave)
            elif grave and view.metrics[axis.key].role == _OF_STEPS and self._long(falls):
                yield self._told(view, axis, falls, grave=False)

    def _axes(self, view: RunView) -> Iterator[_Axis]:
        """The declared axes, then the counters that are not declared."""
        names = {info.x_axis for info in view.metrics.values()}
        names |= {definition.x_axis for definition in view.run.metrics}
        declared = [key for key in view.numeric_keys if key in names - _BOOKKEEPING]
        counters = [
            key
            for key, info in view.metrics.items()
            if info.role in _COUNTERS and info.central and key not in declared
        ]
        for key in [*declared, *counters]:
            own = key in declared
            values = _floats(view, key)
            rows = np.flatnonzero(np.isfinite(values) & np.isfinite(_floats(view, "_step")))
            metrics = [
                other
                for other, info in view.metrics.items()
                if other not in (*declared, *counters) and (not own or info.x_axis == key)
            ]
            yield _Axis(key, own, rows, values[rows], metrics)

    def _seen(self, view: RunView, axis: _Axis) -> _Falls | None:
        """The falls that most metrics over the axis see; None if none of them sees any."""
        whole = self._falls(view, axis.rows, axis.values)
        if whole is None:
            return None
        groups: dict[bytes, tuple[NDArray[np.bool_], list[str]]] = {}
        alone = np.ones(len(axis.rows), np.bool_)
        for key in axis.metrics:
            logged = view.run.history[key].alias("x").is_not_null().to_numpy()[axis.rows]
            if np.count_nonzero(logged) > 1:
                groups.setdefault(logged.tobytes(), (logged, []))[1].append(key)
                alone &= ~logged
        if alone.mean() > self.limits["alone_share"]:  # the axis has rows of its own
            return _Falls(axis.rows, axis.values, whole, [])
        found = []
        for logged, metrics in groups.values():
            rows, values = axis.rows[logged], axis.values[logged]
            at = self._falls(view, rows, values)
            if at is not None:
                found.append(_Falls(rows, values, at, metrics))
        return max(found, key=lambda falls: (len(falls.metrics), len(falls.rows)), default=None)

    def _falls(
        self, view: RunView, rows: NDArray[np.int64], values: Floats
    ) -> NDArray[np.int64] | None:
        """Positions of the values after a fall; None if there is none, or if the axis is no counter."""
        if len(values) < self.limits["min_rows"]:
            return None
        change = np.diff(values)
        moves = np.count_nonzero(change)
        at = np.flatnonzero(change < -self.limits["fall"] * np.ptp(values)) + 1
        steps = _floats(view, "_step")[rows]
        seams = np.array([seam.row for seam in view.run.completeness.seams], np.int64)
        crossed = np.searchsorted(np.sort(seams), rows, side="right")
        told = (steps[at] <= steps[at - 1]) | (crossed[at] > crossed[at - 1])
        at = at[~told]
        rises = np.count_nonzero(change > 0)
        return at if len(at) and rises >= self.limits["rising"] * moves else None

    def _grave(self, view: RunView, axis: _Axis, falls: _Falls) -> bool:
        """True for a few deep falls of a counter that does not count within an epoch."""
        values, at = falls.values, falls.at
        deep = self.limits["deep"] * np.ptp(values)
        if len(at) > self.limits["few"] or (values[at - 1] - values[at]).max() < deep:
            return False
        return not any(
            bool((epochs[at] > epochs[at - 1]).all())
            for key, info in view.metrics.items()
            if info.role == "progress.epoch" and key != axis.key
            for epochs in [_floats(view, key)[falls.rows]]
        )

    def _long(self, falls: _Falls) -> bool:
        """True if there are rows enough before and after each fall."""
        parts = np.diff([0, *falls.at.tolist(), len(falls.values)])
        return bool(parts.min() >= self.limits["min_rows"])

    def _restarts(self, falls: _Falls) -> bool:
        """True if each fall leads back to the beginning, with rows enough before and after."""
        values, at = falls.values, falls.at
        low = values.min() + self.limits["start"] * np.ptp(values)
        return self._long(falls) and bool((values[at] <= low).all())

    def _told(self, view: RunView, axis: _Axis, falls: _Falls, grave: bool) -> Finding:
        at, values = falls.at, falls.values
        steps = _floats(view, "_step")[falls.rows]
        named = axis.key + _over(falls.metrics) if axis.declared else f"The counter {axis.key}"
        trainings = len(at) + 1
        if len(at) > self.limits["few"]:
            every = float(np.median(np.diff(at)))
            what = (
                f"goes back {len(at):,} times, about every {every:,.0f} rows: charts over it draw "
                f"{trainings:,} curves on top of each other"
            )
        else:
            before, after = number(values[at[0] - 1]), number(values[at[0]])
            times = "" if len(at) == 1 else f" (the first of {len(at)} times)"
            end = "charts over it overlap"
            if grave and self._restarts(falls):
                end = f"{trainings} trainings overlay each other in one run"
            place = view.log_axis.at(steps[at[0] - 1])
            what = f"goes back from {before} to {after} after {place}{times}: {end}"
        return self.finding(
            Severity.WARNING if grave else Severity.INFO,
            0.85 if axis.declared else 0.7,
            f"{named} {what}",
            "Start a new run for each training (with the same group), or log a counter that only grows "
            "and declare it with run.define_metric(..., step_metric=...).",
            [
                Evidence(
                    axis.key,
                    view.metrics[axis.key].role,
                    float(steps[i - 1]),
                    float(steps[i]),
                    float(values[i - 1]),
                    float(values[i]),
                    float(len(at)),
                    len(values),
                )
                for i in at[:5].tolist()
            ],
            links=("https://docs.wandb.ai/guides/track/log/customize-logging-axes",),
        )


def _floats(view: RunView, key: str) -> Floats:
    """A column in the order of logging, NaN where there is no value."""
    return view.run.history[key].alias("x").cast(float).fill_null(float("nan")).to_numpy()


def _over(metrics: list[str]) -> str:
    """The metrics over an axis in words: ", the x axis of train/loss and 3 more metrics"."""
    if not metrics:
        return ", a declared x axis,"
    more = len(metrics) - 1
    rest = "" if not more else " and 1 more metric" if more == 1 else f" and {more} more metrics"
    return f", the x axis of {metrics[0]}{rest},"
