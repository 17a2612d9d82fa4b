"""What one event does to several metrics is told once, the rest under it."""

from __future__ import annotations

from typing import Any

import numpy as np

import postrun
from tests.curves import decay, make_run, noise
from tests.rule_cases.judged import LATE, SAW, N, X, evaluated, fits

K = np.arange(20)


def told(run: postrun.Run) -> dict[str, list[str]]:
    """Return the codes that are told, each with those under it."""
    return {f.rule: [s.rule for s in f.with_symptoms()[1:]] for f in postrun.diagnose(run)}


def held_out(values: Any) -> list[float | None]:
    column: list[float | None] = [None] * N
    column[19::20] = [float(v) for v in values]
    return column


def test_spikes_where_a_fit_starts_over_are_under_the_restart() -> None:
    restarts = (100, 200, 300)
    assert "OPT004" in told(fits(restarts, SAW))["OPT027"]
    alone = told(fits(restarts, np.full(N, 0.001)))
    assert "OPT004" in alone and "OPT027" not in alone


def test_an_accuracy_that_was_best_before_an_overfit_begins_is_under_it() -> None:
    loss = np.where(K < 10, 2.0 - 0.1 * K, 1.0 + 0.2 * (K - 10)) + noise(20, 0.005)
    accuracy = np.where(K < 6, 0.4 + 0.04 * K, 0.62 - 0.02 * (K - 6)) + noise(20, 0.001, 1)
    columns = {"train_loss": decay(N, 2.0, 0.05, 0.005), "val_loss": held_out(loss)}
    found = told(evaluated(accuracy, **columns))
    assert "GEN004" in found["GEN001"] and "GEN004" not in found


def test_noise_of_an_accuracy_that_never_moved_is_not_told_beside_that() -> None:
    stuck = make_run(
        {"loss": 2.6 + 0.2 * np.exp(-X / 4) + noise(N, 0.002), "test_acc": 0.12 + noise(N, 0.01, 1)}
    )
    assert "GEN005" not in told(stuck) and "OPT006" in told(stuck)


def test_a_rate_that_is_gone_explains_an_accuracy_that_stands_still() -> None:
    stands = np.where(K < 3, 0.80 + 0.014 * K, 0.84)
    found = told(
        evaluated(stands, train_loss=0.45 + 0.25 * np.exp(-X / 8) + noise(N, 0.02), lr=LATE)
    )
    assert "OPT014" in found and "OPT006" not in found


def test_parts_of_a_constant_reward_are_not_told_beside_it() -> None:
    columns = {"reward": np.ones(N), "rewards/format": np.ones(N), "grad_norm": np.zeros(N)}
    constant = [f for f in postrun.diagnose(make_run(columns)) if f.rule == "DAT004"]
    assert [f.evidence[0].metric for f in constant] == ["reward"]
    del columns["reward"]
    parts = [f for f in postrun.diagnose(make_run(columns)) if f.rule == "DAT004"]
    assert {f.evidence[0].metric for f in parts} == {"rewards/format", "grad_norm"}
