"""Runs made of curves, for rules: what is planted is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model import Completeness, Identity, Run, State
from postrun.model.run import empty_console

Floats = NDArray[np.float64]


def make_run(
    columns: dict[str, Any] | None = None,
    *,
    steps: Any = None,
    console: str = "",
    completeness: dict[str, Any] | None = None,
    **fields: Any,
) -> Run:
    """A finished run with these metric columns, ten seconds per row."""
    columns = columns or {}
    rows = len(next(iter(columns.values()))) if columns else 0
    steps = np.arange(rows) if steps is None else np.asarray(steps)
    clock = np.arange(rows) * 10.0
    history = pl.DataFrame(
        {"_step": steps, "_runtime": clock, "_timestamp": clock + 1.7e9, **columns},
        schema_overrides={"_step": pl.Int64, "_runtime": pl.Float64, "_timestamp": pl.Float64},
    )
    bad = sum(int((~history[c].is_finite()).sum()) for c in columns if history[c].dtype.is_float())
    done = Completeness(
        source="test",
        rows=rows,
        first_step=int(steps[0]) if rows else None,
        last_step=int(steps.max()) if rows else None,
        nonfinite=bad,
    )
    for name, value in (completeness or {}).items():
        setattr(done, name, value)
    lines = console.splitlines()
    log = empty_console()
    if lines:
        log = pl.DataFrame(
            {
                "timestamp": [None] * len(lines),
                "stream": ["stderr"] * len(lines),
                "line": lines,
                "styled": [None] * len(lines),
            },
            schema=log.schema,
        )
    values: dict[str, Any] = {
        "identity": Identity("test"),
        "state": State.FINISHED,
        "exit_code": 0,
        "runtime": rows * 10.0,
    }
    return Run(history=history, console=log, completeness=done, **(values | fields))


def noise(n: int, sigma: float = 1.0, seed: int = 0) -> Floats:
    """White noise."""
    return np.random.default_rng(seed).normal(0, sigma, n)


def decay(
    n: int, start: float = 3.0, end: float = 1.0, sigma: float = 0.05, seed: int = 0
) -> Floats:
    """A loss that falls as a power law: still improving at its end."""
    t = np.arange(n) + 1.0
    shape = (t**-0.3 - n**-0.3) / (1 - n**-0.3)
    return np.asarray(end + (start - end) * shape + noise(n, sigma, seed))
