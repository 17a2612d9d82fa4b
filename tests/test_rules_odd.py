"""Rules on odd data, and what they add from the machine."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from benchmarks.diagnosis.speed import NAMED

import postrun
from postrun.model import Finding, Run, State
from tests.curves import decay, make_run, noise
from tests.machine_curves import system

N = 1000
X = np.arange(N)


def odd(rng: np.random.Generator, n: int) -> Any:
    """A column of one of the kinds that loggers produce."""
    y = rng.normal(size=n)
    kinds: list[Any] = [
        y,
        np.full(n, np.nan),
        np.zeros(n),
        y * 1e300,
        np.where(rng.random(n) < 0.3, np.inf, y),
        [None if rng.random() < 0.7 else float(v) for v in y],
        rng.integers(0, 3, n),
        rng.random(n) > 0.5,
        np.abs(y) * 1e-320,
        np.arange(n) * 1.0,
    ]
    return kinds[int(rng.integers(0, len(kinds)))]


@pytest.mark.parametrize("seed", range(40))
def test_no_rule_fails_on_odd_columns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 130))
    names = [
        *NAMED,
        "global_step",
        "epoch",
        "batch/solve_all",
        "frac_reward_zero_std",
        "reward_std",
    ]
    run = make_run(
        {name: odd(rng, n) for name in names},
        steps=rng.integers(0, max(1, n), n) if seed % 3 == 0 else None,
        config={"max_steps": 50.0, "max_grad_norm": 1.0, "lr": 1e-3, "scheduler": "cosine"},
        system=system(
            int(rng.integers(10, 5000)),
            cpu=float("nan") if seed % 3 else 50.0,
            gpu0_gpu=rng.normal(50, 30, 600),
            gpu0_temp=80.0,
            gpu0_smClock=rng.normal(1000, 300, 600),
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        findings = [part for f in postrun.diagnose(run) for part in f.with_symptoms()]
    assert not [f.message for f in findings if f.rule == "RUN000"]
    assert all(0 < f.confidence <= 1 and f.message for f in findings)


def only(run: Run, code: str) -> Finding:
    parts = [part for f in postrun.diagnose(run) for part in f.with_symptoms()]
    (found,) = [f for f in parts if f.rule == code]
    return found


def test_a_killed_process_whose_memory_was_full() -> None:
    memory = np.linspace(40, 98.7, 360)
    run = make_run({"loss": decay(300)}, state=State.FAILED, exit_code=137, console="step 1\nKilled",
                   system=system(memory_percent=memory))  # fmt: skip
    found = only(run, "RUN001")
    assert "SIGKILL" in found.message and "host memory was 98.7% full" in found.message
    assert found.evidence[-1].metric == "memory_percent" and found.evidence[
        -1
    ].after == pytest.approx(98.7)
    silent = make_run({"loss": decay(300)}, state=State.CRASHED, exit_code=None,
                      system=system(3000, memory_percent=97.0))  # fmt: skip
    assert "host memory was 97% full" in only(silent, "RUN002").message
    roomy = make_run({"loss": decay(300)}, state=State.FAILED, exit_code=137, console="Killed",
                     system=system(memory_percent=40.0))  # fmt: skip
    assert "memory was" not in only(roomy, "RUN001").message


def test_an_ordinary_exception_is_not_explained_by_the_machine() -> None:
    trace = 'Traceback (most recent call last):\n  File "/me/a.py", line 1, in f\n    x\nValueError: bad'
    run = make_run({"loss": decay(300)}, state=State.FAILED, exit_code=1, console=trace,
                   system=system(memory_percent=99.0))  # fmt: skip
    assert "memory" not in only(run, "RUN001").message


def test_what_made_it_slower() -> None:
    speed = np.where(X < 400, 1000, 500) * np.exp(noise(N, 0.02))
    late = np.where(X < 400, 1.0, 2.0) + noise(N, 0.01)
    loader = np.where(X < 400, 0.05, 1.05) + np.abs(noise(N, 0.005, 1))
    run = make_run({"tokens_per_sec": speed, "step_time": late, "data_time": loader})
    found = only(run, "PERF001")
    assert "data_time grew from 0.05" in found.message and len(found.evidence) == 2
    clock = np.r_[np.full(400, 1980.0), np.full(600, 1000.0)]
    hot = make_run(
        {"tokens_per_sec": speed}, system=system(10_000, gpu0_smClock=clock, gpu0_gpu=95.0)
    )
    assert "the GPU's clock fell from 1,980 to 1,000 MHz" in only(hot, "PERF001").message
    plain = make_run({"tokens_per_sec": speed})
    assert only(plain, "PERF001").message.endswith(("around step 400", "around step 401"))


def test_regular_pauses_name_their_cause() -> None:
    slow = np.where(X % 50 == 49, 6.0, 1.0) + np.abs(noise(N, 0.02))
    run = make_run({"loss": decay(N), "step_time": slow}, config={"ckpt": {"interval": 50}})
    assert "which is the checkpoint interval (ckpt.interval)" in only(run, "PERF006").message
    evals = [float(v) if i % 50 == 49 else None for i, v in enumerate(decay(N))]
    run = make_run({"loss": decay(N), "val/loss": evals, "step_time": slow})
    assert "where an evaluation is logged" in only(run, "PERF006").message
