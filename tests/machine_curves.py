"""System metrics made of curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def system(seconds: int = 3600, **columns: Any) -> pl.DataFrame:
    """A sample every 10 s; "gpu0_temp" stands for gpu.0.temp, other "_" for "."; numbers repeat."""
    n = seconds // 10
    clock = np.arange(n) * 10.0 + 5
    named = {}
    for name, values in columns.items():
        key = (
            name.replace("gpu0_", "gpu.0.")
            .replace("gpu1_", "gpu.1.")
            .replace("gpu2_", "gpu.2.")
            .replace("proc_memory_", "proc.memory.")
        )
        key = key.replace("disk_", "disk./.")
        if key.startswith("process"):  # process0: the memory of GPU 0, which the process uses
            key = f"gpu.process.{key.removeprefix('process')}.memoryAllocated"
        named[key] = np.full(n, values) if np.isscalar(values) else np.asarray(values)[:n]
    return pl.DataFrame({"_timestamp": clock + 1.7e9, "_runtime": clock, **named})
