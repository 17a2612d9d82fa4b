"""Projects made in memory: runs as plain descriptions, through the same records and cache as real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from postrun.model.ending import Ending
from postrun.records.cache import Cache
from postrun.records.ending import template
from postrun.records.project import Project
from postrun.records.record import Metrics, RunRecord


def made_project(runs: list[dict[str, Any]]) -> Project:
    """A project of runs; each has `config`, `metrics` (key to values), and any field of a record.

    `better` is "lower" unless given; steps count from 0, one second each.
    """
    cache = Cache.temporary()
    records, keys = [], []
    for number, run in enumerate(runs):
        fields = dict(run)
        metrics: Mapping[str, Any] = fields.pop("metrics", {})
        better = fields.pop("better", "lower")
        steps = fields.pop("steps", None)
        rows = max((len(v) for v in metrics.values()), default=0)
        facts = {key: _facts(np.asarray(v, dtype=float), better) for key, v in metrics.items()}
        fields.setdefault("ending", Ending("finished"))
        record = RunRecord(
            id=fields.pop("id", f"r{number:04d}"),
            name=fields.pop("name", f"run {number}"),
            rows=rows,
            last_step=rows - 1 if rows else None,
            metrics=Metrics(facts),
            runtime=fields.pop("runtime", float(rows)),
            started=fields.pop("started", 1_700_000_000.0 + 3600 * number),
            **fields,
        )
        columns = {"_step": pl.Series(np.arange(rows) if steps is None else steps)}
        columns["_runtime"] = pl.Series(np.arange(rows, dtype=float))
        for key, values in metrics.items():
            padded = [*map(float, values), *([None] * (rows - len(values)))]
            columns[key] = pl.Series(padded, dtype=pl.Float64)
        key = f"{number:040d}"
        record.columns = cache.put(key, record.as_dict(), columns)
        records.append(record)
        keys.append(key)
    return Project(records, keys, cache)


def _facts(values: Any, better: str) -> dict[str, Any]:
    sign = {"lower": -1, "higher": 1}.get(better, 0)
    tail = max(1, len(values) // 20)
    return {
        "role": "loss.eval", "better": better, "unit": "", "central": True, "n": len(values), "bad": 0,
        "first_step": 0.0, "last_step": float(len(values) - 1), "final": float(np.median(values[-tail:])),
        "low": float(values.min()), "high": float(values.max()),
        "best": float(sign * (sign * values).max()) if sign else None,
        "best_step": float(np.argmax(sign * values)) if sign else None,
    }  # fmt: skip


def flat(level: float, n: int = 60, noise: float = 0.0, seed: int = 0) -> list[float]:
    """A curve that stays at a level."""
    rng = np.random.default_rng(seed)
    return list(level + noise * rng.normal(size=n))


def failed(
    exception: str, text: str, where: str = "train.py in main", kind: str = "error"
) -> Ending:
    """The end of a run that failed."""
    return Ending(
        kind, exception, text, where=where, template="" if kind != "error" else template(text)
    )
