"""Columns that nobody would log on purpose: nothing fails, nothing warns, no rule breaks."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

import postrun
from postrun.job import Options, analyze_run, run_job
from postrun.model import Run, RunRef
from postrun.report.terminal import print_run
from tests import logs
from tests.curves import make_run

Make = Callable[[np.random.Generator, int], Any]
NAMES = (
    "loss", "train/loss", "val/loss", "reward", "reward/std", "lr", "grad_norm", "entropy", "mfu",
    "tokens_per_sec", "acc", "mismatch_kl/mean", "trainer_probs/mean", "inference_probs/mean",
    "is_masked/mean", "epoch", "step", "strange name", "completion_len/mean", "time/step",
)  # fmt: skip
ODD: tuple[Make, ...] = (
    lambda r, n: np.zeros(n),
    lambda r, n: np.full(n, np.nan),
    lambda r, n: np.full(n, np.inf),
    lambda r, n: [None] * n,
    lambda r, n: r.uniform(-1.7, 1.7, n) * 1e308,
    lambda r, n: r.normal(size=n) * 1e-310,
    lambda r, n: r.integers(-(2**62), 2**62, n),
    lambda r, n: [bool(v) for v in r.integers(0, 2, n)],
    lambda r, n: np.where(r.random(n) < 0.3, np.nan, r.normal(size=n)),
    lambda r, n: [None if r.random() < 0.7 else float(r.normal()) for _ in range(n)],
    lambda r, n: np.where(np.arange(n) == n // 2, 1e300, 1.0),
    lambda r, n: np.cumsum(r.normal(size=n)),
    lambda r, n: -np.exp(r.normal(size=n) * 5),
    lambda r, n: ["a"] * n,
)


@pytest.mark.parametrize("seed", range(80))
def test_odd_columns(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 2, 3, 5, 12, 50, 120, 400]))
    chosen = rng.choice(NAMES, rng.integers(1, 12), replace=False)
    columns = {name: ODD[rng.integers(len(ODD))](rng, n) for name in chosen}
    steps = (np.arange(n), np.sort(rng.integers(0, n * 3, n)), rng.integers(0, 5, n))[seed % 3]
    config = {"max_steps": 100, "lr": 0.1, "epochs": 3, "ckpt": {"interval": 20},
              "scheduler": "constant"}  # fmt: skip
    run = make_run(columns, steps=steps, config=config)
    result = analyze_run(run, "r", Options(out=tmp_path, plots=seed % 4 == 0))
    assert not [f.message for f in result.findings if f.rule == "RUN000"]
    assert result.view is not None
    print_run(result.view, result.findings, None, Console(file=io.StringIO(), width=80))


def test_a_defect_is_one_message_and_stops_no_other_run(tmp_path: Path) -> None:
    def fail() -> Run:
        raise pl.exceptions.SchemaError("columns do not match")

    ref = RunRef("x", "test", tmp_path, fail)
    assert "internal error at test_odd_columns.py" in run_job(ref, "x", Options(out=None)).error


def test_resumed_parts_with_other_types(tmp_path: Path) -> None:
    first = {"a": 1, "b": True, "c": "x", "d": [1], "e": 0.5}
    second = {"a": "text", "b": 0.5, "c": 3, "d": None, "e": 7}
    for stamp, start, row in (("20240101_000000", 1, first), ("20240102_000000", 2, second)):
        records = [logs.run_record("z", start=start), logs.history(row), logs.exit_record()]
        logs.run_folder(tmp_path, "z", records, stamp)
    run = postrun.load(tmp_path / "wandb")
    assert run.history.height == 2
    assert run.history["e"].to_list() == [0.5, 7.0]
    assert run.history["a"].to_list() == [1, None]
    assert run.history["a:text"].to_list() == [None, "text"]
    assert run.history["c:text"].to_list() == ["x", None]
