"""Metrics of the machine that trackers log beside those of the training, under W&B's names."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

#: Names of MLflow, Trackio and SwanLab, and W&B's for the same in the same unit.
_NAMES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"gpu_(\d+)_utilization_percentage|gpu/(\d+)/utilization|gpu\.(\d+)\.pct", "gpu.{}.gpu"),
        (r"gpu_(\d+)_memory_usage_percentage|gpu\.(\d+)\.mem\.pct", "gpu.{}.memoryAllocated"),
        (r"gpu_(\d+)_power_usage_watts|gpu/(\d+)/power|gpu\.(\d+)\.power", "gpu.{}.powerWatts"),
        (r"gpu_(\d+)_power_usage_percentage|gpu/(\d+)/power_percent", "gpu.{}.powerPercent"),
        (r"gpu/(\d+)/power_limit", "gpu.{}.enforcedPowerLimitWatts"),
        (r"gpu/(\d+)/temp", "gpu.{}.temp"),
        (r"gpu/(\d+)/sm_clock", "gpu.{}.smClock"),
        (r"cpu_utilization_percentage|cpu/utilization|cpu\.pct", "cpu"),
        (r"system_memory_usage_percentage|memory/percent|mem\.pct|mem", "memory_percent"),
        (r"disk_usage_percentage", "disk"),
    )
)


def system_frame(rows: pl.DataFrame, started: datetime | None) -> pl.DataFrame:
    """Return samples as `Run.system` has them: `_timestamp` and `_runtime` first."""
    if not rows.height or "_timestamp" not in rows.columns:
        return pl.DataFrame()
    start = started.timestamp() if started is not None else rows["_timestamp"].min()
    runtime = (pl.col("_timestamp") - start).alias("_runtime")
    names = [n for n in rows.columns if n not in ("_timestamp", "_runtime", "_step", "step")]
    frame = rows.with_columns(runtime).select("_timestamp", "_runtime", *names)
    known = {name: wandb_name(name) for name in names}
    return frame.rename(known) if len(set(known.values())) == len(known) else frame


def wandb_name(name: str) -> str:
    """Return how W&B calls a metric of the machine; the name itself if W&B has none for it."""
    for pattern, known in _NAMES:
        if match := pattern.fullmatch(name):
            return known.format(*(group for group in match.groups() if group is not None))
    return name
