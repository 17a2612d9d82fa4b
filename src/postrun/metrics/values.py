"""The values vote: a reading of a name that the values contradict is dropped.

An accuracy lies in [0, 1] or [0, 100], a norm or a time is not negative, a counter does not fall, and a
"number of steps" that never changes is a setting. Only the least and the greatest value decide, and for
counters how many there are and whether they fall; values that are not finite decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from postrun.metrics.series import MetricInfo

_SLACK = 1e-3
#: A counter may fall this often, as a share of its rows: where a run was resumed.
_FALLS = 0.02
#: A counter of steps that has one value in this many rows is a setting, such as the steps of a rollout.
_SETTING_ROWS = 20
#: What values of a range can be. A share may be given in percent, whatever its name says.
_RANGES = {
    "fraction": (0.0, 100.0),
    "percent": (0.0, 100.0),
    "positive": (0.0, np.inf),
    "counter": (0.0, np.inf),
    "least_one": (1.0, np.inf),
    "signed_one": (-1.0, 1.0),
}
#: No learning rate is larger.
_MOST_LR = 1000.0


@dataclass(frozen=True, slots=True)
class Span:
    """The least and the greatest finite value of a metric; of a counter, its rows and how often it falls.

    `falls` is a share of the rows; `rows` is 0 for metrics that are no counters.
    """

    low: float
    high: float
    falls: float = 0.0
    rows: int = 0


def spans(frame: pl.DataFrame, infos: Mapping[str, MetricInfo]) -> dict[str, Span]:
    """Return the span of each metric that has a finite value, in one pass over the frame.

    Metrics whose values cannot speak against their reading are left out.
    """
    infos = {name: info for name, info in infos.items() if _votes(info)}
    if not infos or not frame.height:
        return {}
    # Columns are called by number: Polars reads names such as "*" and "^a$" as patterns.
    plain = frame[list(infos)]
    plain.columns = [str(i) for i in range(plain.width)]
    ends = plain.select(pl.all().min(), pl.all().max().name.suffix(" high")).row(0)
    low, high = ends[: plain.width], ends[plain.width :]
    found = {}
    for i, (name, info) in enumerate(infos.items()):
        least, most = _number(low[i]), _number(high[i])
        if not (np.isfinite(least) and np.isfinite(most)):
            finite = plain.to_series(i).cast(pl.Float64)
            finite = finite.filter(finite.is_finite())
            least, most = _number(finite.min()), _number(finite.max())
        if np.isfinite(least) and np.isfinite(most):
            falls = _counted(plain.to_series(i)) if info.range == "counter" else (0.0, 0)
            found[name] = Span(least, most, *falls)
    return found


def _votes(info: MetricInfo) -> bool:
    """Return whether values can speak against a reading (see `contradiction`)."""
    return (
        info.range in _RANGES or info.stat in ("std", "var") or info.role in ("lr", "progress.step")
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _counted(column: pl.Series) -> tuple[float, int]:
    """Return a counter's share of values below the one before, and its number of values."""
    values = column.alias("x").drop_nulls().cast(pl.Float64).to_numpy()
    falls = float((values[1:] < values[:-1]).mean()) if len(values) > 1 else 0.0
    return falls, len(values)


def likeliest(readings: Sequence[MetricInfo], span: Span | None) -> MetricInfo | None:
    """Return the first reading that the values do not contradict, its unit as the values show it; or None."""
    if span is None:
        return readings[0] if readings else None
    for info in readings:
        if contradiction(info, span):
            continue
        if info.range in ("percent", "fraction") and not info.unit and span.high > 1.5:
            return replace(info, unit="%")
        return info
    return None


def contradiction(info: MetricInfo, span: Span) -> str:
    """Return why the values cannot be what a reading says, "" if they can."""
    if info.stat in ("std", "var"):
        return "a spread is not negative" if span.low < -_SLACK else ""
    if info.role == "lr" and span.high > _MOST_LR:
        return f"no learning rate is {span.high:g}"
    if info.range not in _RANGES:
        return ""
    low, high = _RANGES[info.range]
    if span.low < low - _SLACK or span.high > high * (1 + _SLACK) + _SLACK:
        return (
            f"{info.quantity} lies between {low:g} and {high:g}, "
            f"the values between {span.low:g} and {span.high:g}"
        )
    if info.range == "counter" and span.falls > _FALLS:
        return f"a counter does not fall, and {span.falls:.0%} of the values do"
    if info.role == "progress.step" and span.low == span.high and span.rows >= _SETTING_ROWS:
        return f"a counter of steps rises, and all {span.rows:,} values are {span.low:g}: a setting"
    return ""
