"""Runs held against known good ones: what is worse, what only differs as repeated runs do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import postrun
from postrun.metrics import RunView
from postrun.model import Run, Severity
from postrun.rules import Selection
from postrun.stats.siblings import margin
from postrun.studies.baseline import Baseline, Held

N = 400


def made(seed: int, level: float = 0.5, speed: float = 1000.0, n: int = N, more: Any = None) -> Run:
    """A run whose evaluation loss falls to a level, which moves a little with the seed."""
    rng = np.random.default_rng(seed)
    x = np.arange(n)
    loss = level + 0.01 * rng.normal() + 2 * np.exp(-x / 40) + 0.02 * rng.normal(size=n)
    columns = {
        "eval/loss": loss,
        "perf/tokens_per_second": speed * (1 + 0.01 * rng.normal() + 0.05 * rng.normal(size=n)),
        **(more or {}),
    }
    return Run.from_frame(pl.DataFrame({"_step": x, **columns}), name=f"seed {seed}")


def held(run: Run, *baseline: Run, selection: Selection | None = None) -> Held:
    views = [RunView(one) for one in baseline]
    known = Baseline.of([(view, postrun.diagnose(view)) for view in views])
    view = RunView(run)
    return known.hold(view, postrun.diagnose(view), selection or Selection())


def test_a_worse_result_and_a_slower_training_are_told() -> None:
    found = held(made(1, level=0.9, speed=600), made(0)).worse
    assert [(f.rule, f.evidence[0].metric) for f in found] == [
        ("BASE001", "eval/loss"),
        ("BASE002", "perf/tokens_per_second"),
    ]
    proof = found[0].evidence[0]
    assert proof.before == pytest.approx(0.5, abs=0.05) and proof.after == pytest.approx(
        0.9, abs=0.05
    )
    assert proof.step_to == N - 1 and proof.effect is not None and proof.effect > 1
    assert "at step 399" in found[0].message and "repeated runs stay below" in found[0].message


@pytest.mark.parametrize("several", [False, True])
def test_repeated_runs_and_better_ones_are_not(several: bool) -> None:
    baseline = [made(seed) for seed in ((0, 1, 2) if several else (0,))]
    assert not [s for s in range(10, 30) if held(made(s), *baseline).worse]
    assert not held(made(40, level=0.2, speed=2000), *baseline).worse


def test_the_spread_of_several_baselines_counts() -> None:
    narrow = [made(s) for s in range(3)]
    wide = [made(0, 0.3), made(1, 0.5), made(2, 0.7)]
    assert held(made(9, 0.8), *narrow).worse
    assert not held(made(9, 0.8), *wide).worse


def test_runs_are_compared_at_the_last_step_that_all_reached() -> None:
    short = made(5, n=100)  # at its end the loss is higher than the baseline's at its own
    assert not held(short, made(0)).worse
    assert "at step 99" in held(made(5, level=1.2, n=100), made(0)).worse[0].message


def test_what_cannot_be_compared_is_told() -> None:
    lacking = Run.from_frame(
        pl.DataFrame({"_step": range(50), "train/loss": np.linspace(2, 1, 50)})
    )
    told = held(lacking, made(0))
    assert not told.worse
    assert told.not_compared == (
        "eval/loss (this run did not log it)",
        "perf/tokens_per_second (this run did not log it)",
    )
    few = held(made(1, n=3), made(0)).not_compared
    assert few[0] == "eval/loss (this run has too few values)"
    other = Run.from_frame(pl.DataFrame({"_step": range(9), "zzz": np.zeros(9)}))
    assert "no loss, score, reward or speed" in held(made(1), other).not_compared[0]


def test_findings_that_the_baseline_has_are_known() -> None:
    dead = {"metrics/exact_reward": np.zeros(N), "reward/mean": np.linspace(0, 1, N)}
    told = held(made(1, more=dead), made(0, more=dead))
    findings = postrun.diagnose(made(1, more=dead))
    assert [findings[at].rule for at in sorted(told.known)].count("DAT004") == 1
    assert not held(made(1, more=dead), made(0)).known & {
        at for at, f in enumerate(findings) if f.rule == "DAT004"
    }


def test_selection_and_severity_reach_the_baseline_rules() -> None:
    worse = made(1, level=0.9, speed=600)
    assert [
        f.rule for f in held(worse, made(0), selection=Selection(ignore=("BASE002",))).worse
    ] == ["BASE001"]
    strict = Selection(severity={"BASE": "critical"})
    assert {f.severity for f in held(worse, made(0), selection=strict).worse} == {Severity.CRITICAL}
    loose = Selection(thresholds={"BASE002": {"least_share": 0.9}, "BASE001": {"spread": 100}})
    assert not held(worse, made(0), selection=loose).worse


def test_odd_values_in_a_baseline_are_no_error() -> None:
    odd = {"val/loss": [np.nan] * N, "train/loss": [1e308] * (N - 1) + [np.inf], "acc": [0.5] * N}
    told = held(made(1, more=odd), made(0, more=odd))
    assert not told.worse
    nan = held(
        made(1, more={"val/loss": [np.nan] * N}), made(0, more={"val/loss": np.linspace(2, 1, N)})
    )
    assert "val/loss (this run has no finite value)" in nan.not_compared


def test_margins_hold_for_repeated_values() -> None:
    """One of a hundred repeated runs lies beyond the margin, if the noise is what it is said to be."""
    rng = np.random.default_rng(0)
    for k in (1, 2, 3, 8):
        beyond = 0
        for _ in range(2000):
            values = rng.normal(size=k + 1)
            found = margin(values[:-1], 1.0)
            beyond += values[-1] > found.centre + found.allowed
        assert beyond <= 40, k  # expected: at most 20


def test_the_library_and_the_command_agree(tmp_path: Path) -> None:
    gate = postrun.check("examples/sample_run", fail_on="critical")
    assert not gate.failed and gate.runs[0].id == "sample01"
    assert postrun.check("examples/sample_run").failed
    beside = postrun.check("examples/sample_run", baseline="examples/sample_run")
    assert not beside.failed and beside.baseline == ("int8-sampler",)
