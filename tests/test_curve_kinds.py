"""Curves with one plain fact each: what must be said of them, and what must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import postrun
from postrun.model import Completeness, Finding, Identity, Run, Severity
from tests.curves import make_run, noise


def said(run: Run) -> dict[str, Finding]:
    return {f.rule: f for top in postrun.diagnose(run) for f in top.with_symptoms()}


def slow_overfit(evaluations: int, sigma: float, rise: float = 0.35) -> Run:
    """A language model from a random start of 5: best after a third, then a slow rise."""
    n = evaluations * 25
    t = np.arange(n) / n
    train = 0.8 + 4.2 * np.exp(-6 * t) - 0.5 * t + noise(n, 5 * sigma, 1)
    held_out: list[float | None] = [None] * n
    for i in range(24, n, 25):
        level = 2.1 + 2.9 * np.exp(-16 * t[i]) + rise * max(0.0, t[i] - 0.33) / 0.67
        held_out[i] = float(level + noise(1, sigma, i)[0])
    return make_run({"train/loss": train, "val/loss": held_out})


@pytest.mark.parametrize("sigma", [0.0, 0.004, 0.02])
@pytest.mark.parametrize("evaluations", [10, 16, 21, 33, 60])
def test_overfitting_after_a_large_fall_is_no_improvement(evaluations: int, sigma: float) -> None:
    found = said(slow_overfit(evaluations, sigma))
    assert found["GEN001"].severity is Severity.WARNING
    assert "OPT007" not in found  # a training loss of an overfitted model is no success
    assert "val/loss" not in getattr(found.get("OPT003"), "message", "")


@pytest.mark.parametrize("evaluations", [21, 60])
def test_a_loss_that_stays_near_its_best_did_improve(evaluations: int) -> None:
    found = said(slow_overfit(evaluations, 0.004, rise=0.03))
    assert "val/loss" in found["OPT007"].message and "GEN001" not in found


@pytest.mark.parametrize("points", [9, 14, 21, 22, 40])
@pytest.mark.parametrize("flat", [0, 3, 5])
def test_noise_free_overfitting(points: int, flat: int) -> None:
    """Smooth curves of few values are too correlated for a test of trend, and as clear as any."""
    held_out: list[float | None] = []
    train: list[float | None] = []
    for i in range(points):
        train += [1.2 * 0.86**i, None]
        held_out += [None, 0.7 + 0.05 * max(0, i - flat)]
    found = said(make_run({"train/loss": train, "eval/loss": held_out}))
    assert "GEN001" in found and found["GEN001"].severity >= Severity.WARNING


def test_a_flat_training_loss_is_no_overfitting() -> None:
    n = 400
    held_out = [
        float(1 + i / 800 + noise(1, 0.001, i)[0]) if i % 20 == 0 else None for i in range(n)
    ]
    found = said(make_run({"train/loss": 0.5 + noise(n, 0.05, 3), "eval/loss": held_out}))
    assert "GEN001" not in found


@pytest.mark.parametrize("name", ["loss", "train/loss", "val/loss"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_never_was_finite_is_critical(name: str, bad: float) -> None:
    (finding,) = [
        f for f in postrun.diagnose(make_run({name: np.full(30, bad)})) if f.rule == "OPT001"
    ]
    assert finding.severity is Severity.CRITICAL
    assert finding.message == f"{name} is NaN or infinite in all 30 rows: nothing was trained"


def test_another_metric_without_a_finite_value_is_info() -> None:
    run = make_run({"loss": np.linspace(2, 1, 30), "eval/ratio": np.full(30, np.nan)})
    assert said(run)["OPT001"].severity is Severity.INFO


def test_values_that_no_source_counted_are_seen() -> None:
    """A run made by hand or by a plug-in: 40% NaN in its loss."""
    values: Any = np.where(np.arange(50) % 5 < 2, np.nan, np.linspace(3, 1, 50))
    run = Run(Identity("hand"), history=make_run({"loss": values}).history)
    assert run.completeness == Completeness() and not run.completeness.nonfinite
    assert "20 of 50 rows" in said(run)["OPT001"].message


def test_zeros_that_a_trainer_logs_for_nan_are_no_improvement() -> None:
    """Hugging Face's Trainer logs 0 for a loss that is NaN; the evaluation shows what it is."""
    loss = [3.0, 2.5, 2.2, 0.0, 0.0, 0.0, 0.0, 0.0]
    held_out = [None, 2.6, None, 2.4, None, np.nan, None, np.nan]
    found = said(make_run({"train/loss": loss, "eval/loss": held_out}))
    assert found["OPT001"].severity is Severity.CRITICAL
    assert "train/loss is NaN (logged as 0 by the Trainer)" in found["OPT001"].message
    assert "OPT007" not in found
