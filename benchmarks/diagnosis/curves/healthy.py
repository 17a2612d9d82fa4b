"""Nothing is wrong: noise, spikes that recover, warm restarts, odd intervals."""

from __future__ import annotations

import numpy as np
from tests.curves import make_run

from benchmarks.diagnosis.curves.parts import (
    NORM,
    NORMAL,
    REWARD,
    TRAIN,
    VAL,
    Case,
    Rng,
    ar,
    every,
    falling,
    generator,
    length,
    norms,
    rising,
    sort_of,
)
from benchmarks.diagnosis.labels import Labels


@generator
def healthy_supervised(rng: Rng) -> Case:
    n = length(rng)
    k = max(1, n // int(rng.integers(10, 50)))
    train = falling(rng, n)
    level = falling(rng, n, 0.0)
    columns = {
        sort_of(rng, *TRAIN): train,
        sort_of(rng, *VAL): every(level * 1.05 * (1 + ar(rng, n, 0.01, 0.0)), k),
        sort_of(rng, *NORM): norms(rng, n),
        "lr": 1e-3 * 0.5 * (1 + np.cos(np.pi * np.arange(n) / n)),
    }
    # Two curves drawn apart: that one lies below the other is as drawn, not a fault.
    return make_run(columns), Labels("", may=(*NORMAL, "GEN002"), healthy=True)


@generator
def healthy_spiky(rng: Rng) -> Case:
    n = length(rng, 400)
    y = falling(rng, n, 0.03)
    for at in rng.integers(n // 10, n - 20, 3):
        height = rng.uniform(1, 4) * y[at]
        width = int(rng.integers(1, 4))
        y[at : at + width] += height
    return make_run({sort_of(rng, *TRAIN): y}), Labels("", may=(*NORMAL, "OPT004"), healthy=True)


@generator
def healthy_restarts(rng: Rng) -> Case:
    n = length(rng, 400)
    cycles = int(rng.integers(3, 7))
    phase = np.arange(n) * cycles / n % 1
    rate = 0.5 * (1 + np.cos(np.pi * phase))
    y = falling(rng, n, 0.02) * (1 + 0.25 * rate)
    columns = {sort_of(rng, *TRAIN): y, "lr": 0.1 * rate}
    return make_run(columns, config={"lr": 0.1}), Labels("", may=NORMAL, healthy=True)


@generator
def healthy_policy_gradient(rng: Rng) -> Case:
    n = length(rng)
    loss = ar(rng, n, 10 ** rng.uniform(-5, -1)) * rng.choice([-1.0, 1.0])
    columns = {
        sort_of(rng, "loss", "loss/mean", "policy_loss"): loss
        + np.linspace(0, float(loss.std()), n),
        sort_of(rng, *REWARD): rising(rng, n),
        sort_of(rng, *NORM): norms(rng, n),
        "entropy": 1.2 - 0.6 * np.arange(n) / n + ar(rng, n, 0.03),
    }
    return make_run(columns), Labels("", may=NORMAL, healthy=True)


@generator
def healthy_sync(rng: Rng) -> Case:
    n = length(rng)
    p = 0.6 + 0.2 * np.arange(n) / n + ar(rng, n, 0.02)
    columns = {
        "trainer_prob": p,
        "inference_prob": p + rng.normal(0, 0.002, n),
        "mismatch_kl": np.abs(rng.normal(1e-3, 3e-4, n)),
        sort_of(rng, *REWARD): rising(rng, n),
    }
    return make_run(columns), Labels("", may=NORMAL, healthy=True)


@generator
def healthy_interval(rng: Rng) -> Case:
    """Rows of training, evaluation and timing at different intervals; counters unlike _step."""
    n = length(rng, 400)
    every_n = int(rng.integers(2, 20))
    train: list[float | None] = [None] * n
    y = falling(rng, n)
    for i in range(0, n, 2):
        train[i] = float(y[i])
    clock = np.abs(1 + ar(rng, n, 0.05))
    clock[: max(1, n // 200)] = 0
    columns = {
        "train/loss": train,
        "eval/loss": [None if v is None or i < 5 else v * 1.1 for i, v in enumerate(every(y, 41))],
        "train/global_step": np.arange(n) * every_n,
        "tokens_per_sec": np.where(clock > 0, 1e4 / np.maximum(clock, 1e-3), 0.0),
    }
    config = {"max_steps": n * every_n}
    return make_run(columns, config=config), Labels("", may=(*NORMAL, "OPT004"), healthy=True)


@generator
def healthy_dpo(rng: Rng) -> Case:
    n = length(rng, 150, 1500)
    t = 1 - np.exp(-np.arange(n) / n * rng.uniform(1.5, 3))
    margin = rng.uniform(0.6, 2) * t + ar(rng, n, 0.06)
    columns = {
        "train/rewards/margins": margin,
        "train/rewards/chosen": 0.5 * margin,
        "train/rewards/rejected": -0.5 * margin,
        "train/rewards/accuracies": np.clip(0.5 + 0.3 * t + ar(rng, n, 0.05), 0, 1),
        "train/logps/chosen": -200 - 8 * t + ar(rng, n, 6),
        "train/logps/rejected": -210 - 30 * t + ar(rng, n, 6),
        "train/loss": np.log1p(np.exp(-margin)) + np.abs(ar(rng, n, 0.01)),
    }
    return make_run(columns), Labels("", may=NORMAL, healthy=True)


@generator
def healthy_few_epochs(rng: Rng) -> Case:
    n = int(rng.integers(6, 30))
    t = np.arange(n)
    train = 0.2 + np.exp(-t / 4) + rng.normal(0, 0.005, n)
    val = 0.3 + np.exp(-t / 4) + rng.normal(0, 0.01, n)
    columns = {
        "epoch": t,
        "train_loss": train,
        "val_loss": val,
        "train_acc": 0.9 - 0.4 * np.exp(-t / 4) + rng.normal(0, 0.004, n),
        "val_acc": 0.87 - 0.4 * np.exp(-t / 4) + rng.normal(0, 0.008, n),
    }
    return make_run(columns), Labels("", may=NORMAL, healthy=True)
