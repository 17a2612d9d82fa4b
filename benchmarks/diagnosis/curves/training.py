"""Faults of optimisation, generalisation and performance."""

from __future__ import annotations

import numpy as np
from tests.curves import make_run

from benchmarks.diagnosis.curves.parts import (
    NORM,
    NORMAL,
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
    onset,
    sort_of,
)
from benchmarks.diagnosis.labels import Labels


@generator
def nan_to_the_end(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n)
    y, g = falling(rng, n), norms(rng, n)
    lead = max(3, n // 100)
    g[k - lead : k] *= np.geomspace(2, 500, lead)
    y[k:], g[k:] = np.nan, np.nan
    columns = {sort_of(rng, *TRAIN): y, sort_of(rng, *NORM): g}
    return make_run(columns), Labels("", {"OPT001": k}, ("OPT003", "OPT004"))


@generator
def diverged(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n)
    y = falling(rng, n)
    ramp = np.clip((np.arange(n) - k) / (0.08 * n), 0, 1)
    y = y + ramp * rng.uniform(0.8, 2.5) * (y[0] - y[k])
    return make_run({sort_of(rng, *TRAIN): y}), Labels(
        "", {"OPT002": k}, ("OPT003", "OPT004", "OPT006")
    )


@generator
def never_falls(rng: Rng) -> Case:
    n = length(rng)
    level = float(rng.choice([np.log(2), np.log(10), 4.3]))
    y = level * (1 + ar(rng, n, rng.uniform(0.005, 0.08)))
    return make_run({sort_of(rng, *TRAIN): y}), Labels("", {"OPT006": None}, ("OPT003", "OPT004"))


@generator
def spike_that_stays(rng: Rng) -> Case:
    n = length(rng, 400)
    k = onset(rng, n)
    y = falling(rng, n, 0.03)
    low = float(y[-1])
    y[k] += rng.uniform(2, 4) * (float(y[0]) - low)
    y[k + 1 :] += rng.uniform(0.8, 1.5) * (float(y[0]) - low)
    return make_run({sort_of(rng, *TRAIN): y}), Labels(
        "", {"OPT002": k}, ("OPT003", "OPT004", "OPT006")
    )


@generator
def gradients_explode(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n)
    g = norms(rng, n) * 10 ** (np.clip((np.arange(n) - k) / (0.05 * n), 0, 1) * rng.uniform(1.4, 3))
    columns = {sort_of(rng, *TRAIN): falling(rng, n), sort_of(rng, *NORM): g}
    return make_run(columns), Labels("", {"OPT008": k}, NORMAL)


@generator
def gradients_vanish(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.15, 0.6)
    y = falling(rng, n)
    y = np.maximum(y, 0.3 * y[0])
    y[k:] = y[k] * (1 + ar(rng, n - k, 0.02))
    drop = 10 ** -(np.clip((np.arange(n) - k) / (0.03 * n), 0, 1) * rng.uniform(4, 7))
    columns = {
        sort_of(rng, *TRAIN): y,
        sort_of(rng, *NORM): norms(rng, n) * drop,
    }
    return make_run(columns), Labels("", {"OPT009": k}, ("OPT003", "OPT006", "OPT004", "DAT006"))


@generator
def oscillates(rng: Rng) -> Case:
    n = length(rng)
    y = falling(rng, n, 0.01)
    y *= 1 + rng.uniform(0.1, 0.3) * np.where(np.arange(n) % 2 == 0, 1, -1) * np.abs(
        1 + 0.3 * rng.normal(size=n)
    )
    return make_run({sort_of(rng, *TRAIN): y}), Labels("", {"OPT011": None}, NORMAL)


@generator
def rate_exhausted(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.3, 0.8)
    rate = 3e-4 * np.maximum(0.0, 1 - np.arange(n) / k)
    y = falling(rng, n, 0.02)
    y[k:] = y[k] * (1 + ar(rng, n - k, 0.02))
    columns = {sort_of(rng, *TRAIN): y, "lr": rate}
    return make_run(columns), Labels("", {"OPT014": k}, ("OPT003", "OPT015"))


@generator
def schedule_unfinished(rng: Rng) -> Case:
    n = length(rng)
    rate = 3e-4 * 0.5 * (1 + np.cos(np.pi * np.arange(n) / n * rng.uniform(0.2, 0.55)))
    config = {"lr": 3e-4, "lr_scheduler_type": "cosine"}
    columns = {sort_of(rng, *TRAIN): falling(rng, n), "lr": rate}
    return make_run(columns, config=config), Labels("", {"OPT015": None}, NORMAL)


@generator
def frozen(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.1, 0.5)
    y = falling(rng, n)
    y[k:] = y[k]
    return make_run({sort_of(rng, *TRAIN): y}), Labels("", {"DAT006": k}, ("OPT003",))


@generator
def stopped_metric(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.3, 0.6)
    step = max(1, n // 60)
    val = every(falling(rng, n), step)
    val[k:] = [None] * (n - k)
    columns = {"train/loss": falling(rng, n), "val/loss": val}
    return make_run(columns), Labels("", {"DAT005": k}, (*NORMAL, "GEN002", "GEN001", "GEN004"))


@generator
def overfits(rng: Rng) -> Case:
    n = length(rng, 300)
    k = onset(rng, n, 0.2, 0.5)
    t = np.arange(n)
    down = np.exp(-np.minimum(t, k) / (0.3 * k))
    up = rng.uniform(0.3, 1.5) * np.maximum(0, t - k) / n
    val = (0.6 + down + up) * (1 + rng.normal(0, 0.005, n))
    train = 0.05 + np.exp(-t / (0.25 * n)) * (1 + ar(rng, n, 0.02))
    columns = {
        sort_of(rng, *TRAIN): train,
        sort_of(rng, *VAL): every(val, max(1, n // 60)),
    }
    return make_run(columns), Labels("", {"GEN001": k}, (*NORMAL, "GEN004", "GEN007"))


@generator
def leaks(rng: Rng) -> Case:
    n = length(rng)
    train = falling(rng, n, 0.02)
    columns = {sort_of(rng, *TRAIN): train, sort_of(rng, *VAL): every(0.6 * train, max(1, n // 30))}
    return make_run(columns), Labels("", {"GEN002": None}, NORMAL)


@generator
def gap(rng: Rng) -> Case:
    n = int(rng.integers(20, 200))
    t = np.arange(n) / n
    columns = {
        "train_acc": 0.5 + 0.49 * (1 - np.exp(-5 * t)) + rng.normal(0, 0.003, n),
        "val_acc": 0.5 + rng.uniform(0.05, 0.2) * (1 - np.exp(-8 * t)) + rng.normal(0, 0.008, n),
    }
    return make_run(columns), Labels("", {"GEN006": None}, NORMAL)


@generator
def slows_down(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n)
    speed = (
        rng.uniform(1e3, 1e5)
        * np.where(np.arange(n) < k, 1, rng.uniform(0.4, 0.7))
        * np.exp(ar(rng, n, 0.04))
    )
    columns = {
        sort_of(rng, "tokens_per_sec", "train/tokens_per_second"): speed,
        "loss": falling(rng, n),
    }
    return make_run(columns), Labels("", {"PERF001": k}, NORMAL)


@generator
def stalls_regularly(rng: Rng) -> Case:
    n = length(rng, 400)
    period = int(rng.integers(20, 60))
    t = rng.uniform(0.2, 3) * np.exp(ar(rng, n, 0.05))
    t[period::period] *= rng.uniform(4, 12)
    return make_run({"step_time": t, "loss": falling(rng, n)}), Labels(
        "", {"PERF006": None}, (*NORMAL, "PERF007")
    )


@generator
def starves(rng: Rng) -> Case:
    n = length(rng)
    step = rng.uniform(0.2, 3) * np.exp(ar(rng, n, 0.05))
    columns = {"step_time": step, "data_time": step * rng.uniform(0.25, 0.6) * np.exp(ar(rng, n, 0.05)),
               "loss": falling(rng, n)}  # fmt: skip
    return make_run(columns), Labels("", {"PERF003": None}, NORMAL)


@generator
def leaks_memory(rng: Rng) -> Case:
    n = length(rng)
    memory = 10 + rng.uniform(4, 20) * np.arange(n) / n + ar(rng, n, 0.05)
    return make_run({"peak_memory_gb": memory, "loss": falling(rng, n)}), Labels(
        "", {"PERF013": None}, NORMAL
    )
