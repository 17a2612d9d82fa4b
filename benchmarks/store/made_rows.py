"""Rows of the store's tables, made without runs: as wide and as large as those that pulls write."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import polars as pl

from postrun.store.schema import SCHEMAS

RULES = ("OPT001", "OPT004", "GEN002", "RL001", "PERF003", "RUN005", "DAT001")
NAMES = ("eval/loss", "train/loss", *(f"optim/metric_{i}" for i in range(68)))
Frames = dict[str, pl.DataFrame]


def rows(start: int, count: int, metrics: int = len(NAMES), *, version: int = 0) -> Frames:
    """Return the tables' rows of runs `start` to `start + count - 1`.

    Args:
        start: Number of the first run; the number names the run and its origin.
        count: Runs.
        metrics: Rows of `metrics` per run; also the keys of its summary.
        version: Another number gives other rows of the same runs.
    """
    ids = range(start, start + count)
    entries = [version << 40 | i for i in ids]
    runs = [_run(i, entry, metrics, version) for i, entry in zip(ids, entries, strict=True)]
    owner = {
        "entity": "team",
        "project": [run["project"] for run in runs],
        "run": [run["id"] for run in runs],
        "entry": entries,
    }
    random_of = np.random.default_rng(start + version)
    some = NAMES[:metrics]
    places = np.repeat(np.arange(count), metrics)
    facts = random_of.normal(size=(count * metrics, 6))
    found = np.flatnonzero(np.arange(start, start + count) % 2 == 0)
    return {
        "runs": pl.DataFrame(runs, schema=SCHEMAS["runs"], orient="row"),
        "metrics": _owned(owner, places, "metrics", {
            "metric": list(some) * count, "role": "loss.train", "better": "lower", "unit": None,
            "central": False, "n": 1000, "bad": 0, "first_step": 0.0, "last_step": 999.0,
            "final": facts[:, 0], "low": facts[:, 1], "high": facts[:, 2], "best": facts[:, 3],
            "best_step": np.floor(np.abs(facts[:, 4]) * 400),
        }),
        "findings": _owned(owner, np.repeat(found, 3), "findings", {
            "number": np.tile(np.arange(3), len(found)),
            "rule": [RULES[(start + i + n) % len(RULES)] for i in found for n in range(3)],
            "name": "loss-rises", "severity": "warning", "confidence": 0.9,
            "message": [f"From step {i % 997} the loss of run {start + i} rises" for i in np.repeat(found, 3)],
            "remedy": "Lower the learning rate.", "metric": "train/loss",
            "step_from": 100.0, "step_to": 900.0,
            "evidence": '[{"metric":"train/loss","first":0.25,"last":0.5}]',
        }),
    }  # fmt: skip


def _run(number: int, entry: int, metrics: int, version: int) -> dict[str, Any]:
    random_of = random.Random(number * 1_000 + version)
    name, rate = f"run{number:07d}", random_of.choice((0.1, 0.01, 0.001))
    config = {"optimizer": {"method": "adamw", "lr": rate}, "seed": number % 5, "epochs": 3}
    summary = {key: random_of.random() for key in NAMES[:metrics]}
    files = [
        {"name": f"files/{n}", "size": random_of.randrange(10**6)}
        for n in ("config.yaml", "output.log")
    ]
    about = {"identity": {"id": name, "name": name, "tags": []}, "files": files, "environment": {
        "python": "3.11.2", "os": "Linux", "gpu": "H100", "gpu_count": 8, "program": "train.py",
        "args": ["--lr", str(rate)]}}  # fmt: skip
    where = f"history/entity=team/project=p{number % 4}/run={name}/{random_of.getrandbits(64):016x}.parquet"
    failed = number % 8 == 0
    return {
        "entity": "team", "project": f"p{number % 4}", "id": name, "name": f"{name}-{rate}",
        "tags": ["sweep"] if number % 3 == 0 else [], "state": "failed" if failed else "finished",
        "ending": "failed" if failed else "completed", "failed": failed, "runtime": 60.0 + number % 900,
        "framework": "transformers", "host": f"node{number % 16}", "rows": 1000 + version,
        "first_step": 0, "last_step": 999, "whole": True, "sampled": False, "truncated": False,
        "nonfinite": 0, "completeness": "1,000 rows, complete", "critical": 0, "warning": number % 2,
        "findings": [RULES[number % len(RULES)]] if number % 2 == 0 else [],
        "config": json.dumps(config), "summary": json.dumps(summary), "masked": "", "gone": False,
        "bytes": 540_000, "history": where, "system": "", "console": where.replace("history", "console", 1),
        "origin": f"wandb_local /lab/wandb/{name} #{name}", "entry": entry, "version": f"{version} masked",
        "features": "0123456789abcdef", "about": json.dumps(about), "odd": "",
        "record": json.dumps({"ending": {"kind": "completed"}, "steps": 999, "gpu": 0.61}),
        "sums": json.dumps({"history": f"{random_of.getrandbits(256):064x}"}), "removed": False,
    }  # fmt: skip


def _owned(owner: dict[str, Any], places: Any, table: str, columns: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table, each with the owner at its place."""
    schema = SCHEMAS[table]
    owners: pl.DataFrame = pl.DataFrame(owner)[places]
    height = owners.height
    many = {
        n: v if hasattr(v, "__len__") and not isinstance(v, str) else [v] * height
        for n, v in columns.items()
    }
    given = [pl.Series(name, values) for name, values in many.items()]
    return owners.with_columns(given).select([pl.col(n).cast(t) for n, t in schema.items()])
