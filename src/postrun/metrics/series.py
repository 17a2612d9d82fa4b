"""One metric: what is known about it, and its values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from postrun.metrics.axis import Axis

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What is known about one metric.

    `quantity` is what it measures in the field's words ("accuracy", "policy loss"), "" if that is not
    understood, `range` the values that it can take (a word of `metrics/values.py`); `role` what rules judge
    it as, None if none does. `split` is the data that it is measured
    on: "train", "eval", "test" or "none". `stat` is "" or the statistic that the key names; `index` the
    device or part that it names ("0" of gpu.0.temp). `confidence` is between 0 and 1, `why` says in one
    sentence what decided. `run` is the id of the run that logged it if several are read together, `of` the
    metrics that it was computed from.
    """

    key: str
    role: str | None = None
    stat: str = ""
    unit: str = ""
    better: str = "neither"
    pack: str = ""
    x_axis: str = "_step"
    index: str = ""
    run: str = ""
    of: tuple[str, ...] = ()
    quantity: str = ""
    range: str = ""
    split: str = "none"
    confidence: float = 0.0
    why: str = ""

    @property
    def understood(self) -> bool:
        """True if it is known what the metric measures."""
        return bool(self.quantity or self.role)

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is, 0 where neither."""
        return {"higher": 1, "lower": -1}.get(self.better, 0)

    @property
    def central(self) -> bool:
        """True for the metric itself or its mean, False for spread and extremes.

        The spread of a reward is a metric of its own.
        """
        return self.stat in ("", "mean", "avg") or self.role == "reward.std"

    def of_name(self, key: str, index: str) -> MetricInfo:
        """Return the same reading for another name; `dataclasses.replace` takes four times as long."""
        return MetricInfo(
            key,
            self.role,
            self.stat,
            self.unit,
            self.better,
            self.pack,
            self.x_axis,
            index,
            self.run,
            self.of,
            self.quantity,
            self.range,
            self.split,
            self.confidence,
            self.why,
        )


@dataclass(slots=True)
class Series:
    """One metric's values in order of step.

    `x` are steps (row numbers where a run has none; seconds since the start for system metrics),
    `y` values, `rows` row numbers in the history; all of one length, rows without a value left out.
    `y` may hold NaN and ±Infinity. `axis` says what `x` counts.
    """

    info: MetricInfo
    x: Floats
    y: Floats
    rows: NDArray[np.int64]
    axis: Axis = field(default=Axis())
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
        return Series(self.info, self.x[which], self.y[which], self.rows[which], self.axis)

    def rows_of(self, start: float, stop: float) -> tuple[int | None, int | None]:
        """Return the first row of the history at `start` or after it, and the last one up to `stop`."""
        if not len(self.rows):
            return None, None
        first = min(int(np.searchsorted(self.x, start)), len(self.rows) - 1)
        last = max(int(np.searchsorted(self.x, stop, side="right")) - 1, first)
        return int(self.rows[first]), int(self.rows[last])


def paired(first: Series, second: Series) -> tuple[Series, Series]:
    """Two series at the rows that both have, in order of step: of one length, row by row."""
    _, left, right = np.intersect1d(first.rows, second.rows, return_indices=True)
    order = np.argsort(first.x[left], kind="stable")
    return first.take(left[order]), second.take(right[order])
