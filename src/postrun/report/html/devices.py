"""System metrics of many like devices, such as the cores of a CPU, as one chart: their mean, and a band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from postrun.metrics import RunView, Series
from postrun.metrics.series import MetricInfo
from postrun.model.families import family_of

#: So many metrics that differ in a number alone share a chart.
_MANY = 3


@dataclass(frozen=True, slots=True)
class Devices:
    """Metrics that differ in the number of their device alone.

    Attributes:
        keys: Their keys.
        title: The title of their chart.
        label: What the band shows.
        mean: Mean over the devices.
        low: The least of them at each time.
        high: The greatest.
    """

    keys: tuple[str, ...]
    title: str
    label: str
    mean: Series
    low: Series
    high: Series


def devices(view: RunView) -> list[Devices]:
    """Return the families of system metrics that no role names and no chart should show one by one."""
    groups: dict[str, list[str]] = {}
    numeric = _numeric(view)
    for key, info in view.system_metrics.items():
        pattern = family_of(key)
        if info.role is None and pattern.count("{n}") == 1 and key in numeric:
            groups.setdefault(pattern, []).append(key)
    found = (_of(view, pattern, keys) for pattern, keys in groups.items() if len(keys) >= _MANY)
    return [one for one in found if one is not None]


def _numeric(view: RunView) -> frozenset[str]:
    frame = view.run.system
    return frozenset(name for name, dtype in frame.schema.items() if dtype.is_numeric())


def _of(view: RunView, pattern: str, keys: list[str]) -> Devices | None:
    frame, first = view.run.system, view.system_series(keys[0])
    if "_runtime" not in frame.columns:
        return None
    values = [pl.col(key).cast(pl.Float64) for key in keys]
    table = (
        frame.with_row_index("row")
        .select(
            pl.col("row"),
            pl.col("_runtime").cast(pl.Float64).alias("x"),
            pl.mean_horizontal(values).alias("mean"),
            pl.min_horizontal(values).alias("low"),
            pl.max_horizontal(values).alias("high"),
        )
        .drop_nulls()
        .sort("x", maintain_order=True)
    )
    if not table.height:
        return None
    parts = pattern.replace("/", ".").removeprefix("system.").replace("{n}", "").split(".")
    words = ".".join(part for part in parts if part)
    cores = parts[0].lower() == "cpu"
    what = "cores" if cores else "devices"
    unit = "%" if cores else first.info.unit
    x = table["x"].to_numpy()
    rows = table["row"].to_numpy().astype(np.int64)

    def series(name: str, label: str) -> Series:
        info = MetricInfo(label, unit=unit, x_axis="_runtime", run=first.info.run)
        return Series(info, x, table[name].to_numpy(), rows, first.axis)

    return Devices(
        tuple(keys),
        f"CPU cores ({len(keys)})" if cores else f"{words} ({len(keys)} devices)",
        f"{what[:-1]} with the least to that with the most",
        series("mean", f"mean of {pattern.replace('{n}', '*')}"),
        series("low", f"least of {pattern.replace('{n}', '*')}"),
        series("high", f"most of {pattern.replace('{n}', '*')}"),
    )
