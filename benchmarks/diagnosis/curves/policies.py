"""Faults of reinforcement learning and of preference tuning."""

from __future__ import annotations

import numpy as np
from tests.curves import make_run

from benchmarks.diagnosis.curves.parts import (
    NORMAL,
    REWARD,
    Case,
    Rng,
    ar,
    every,
    generator,
    length,
    onset,
    rising,
    sort_of,
)
from benchmarks.diagnosis.labels import Labels


@generator
def mismatch(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.15, 0.6)
    ramp = np.clip((np.arange(n) - k) / (0.1 * n), 0, 1)
    p = 0.65 + ar(rng, n, 0.02)
    columns = {
        "trainer_prob": p - ramp * rng.uniform(0.05, 0.25),
        "inference_prob": p + rng.normal(0, 0.003, n),
        "mismatch_kl": np.abs(rng.normal(1e-3, 3e-4, n)) + ramp**2 * 10 ** rng.uniform(-0.5, 0.7),
        "is_masked/mean": np.clip(
            ramp * rng.uniform(0.08, 0.4) + np.abs(rng.normal(0, 0.002, n)), 0, 1
        ),
        sort_of(rng, *REWARD): rising(rng, n),
    }
    return make_run(columns), Labels("", {"RL001": k}, NORMAL)


@generator
def reward_collapses(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.35, 0.7)
    y = rising(rng, n)
    drop = np.clip((np.arange(n) - k) / (rng.uniform(0.02, 0.1) * n), 0, 1)
    y = y - drop * rng.uniform(0.6, 1.0) * (y[k - 5 : k].mean() - 0.05)
    return make_run({sort_of(rng, *REWARD): y}), Labels("", {"RL007": k}, NORMAL)


@generator
def entropy_collapses(rng: Rng) -> Case:
    n = length(rng)
    fall = rng.uniform(0.02, 0.1) * n
    e = 0.1 + 1.5 * np.exp(-np.arange(n) / fall)
    columns = {"entropy": e * (1 + ar(rng, n, 0.05)), sort_of(rng, *REWARD): rising(rng, n)}
    return make_run(columns), Labels("", {"RL002": None}, NORMAL)


@generator
def entropy_explodes(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.3, 0.7)
    ramp = np.clip((np.arange(n) - k) / (0.1 * n), 0, 1)
    e = (0.5 + 0.7 * np.exp(-np.arange(n) / (0.1 * n)) + 2.5 * ramp) * (1 + ar(rng, n, 0.04))
    r = rising(rng, n)
    columns = {"entropy": e, sort_of(rng, *REWARD): r - ramp * 0.8 * (r[k] - 0.05)}
    return make_run(columns), Labels("", {"RL006": k}, (*NORMAL, "RL007"))


@generator
def kl_blows_up(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.35, 0.7)
    t = np.arange(n)
    kl = (
        0.02
        + 0.05 * np.minimum(t / k, 1)
        + rng.uniform(0.5, 4) * np.clip((t - k) / (n - k), 0, 1) ** 1.2
    )
    r = 0.1 + 0.6 * np.minimum(t / k, 1) + ar(rng, n, 0.03)
    columns = {"objective_kl": kl * np.exp(ar(rng, n, 0.1)), sort_of(rng, *REWARD): r}
    return make_run(columns), Labels("", {"RL005": k}, (*NORMAL,))


@generator
def length_collapses(rng: Rng) -> Case:
    n = length(rng)
    y = rng.uniform(8, 30) + rng.uniform(150, 600) * np.exp(
        -np.arange(n) / (rng.uniform(0.03, 0.1) * n)
    )
    columns = {
        "completion_length": y * np.exp(ar(rng, n, 0.05)),
        sort_of(rng, *REWARD): rising(rng, n),
    }
    return make_run(columns), Labels("", {"RL003": None}, NORMAL)


@generator
def length_explodes(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.3, 0.6)
    grow = np.clip((np.arange(n) - k) / (0.2 * n), 0, 1)
    r = 0.1 + 0.5 * np.minimum(np.arange(n) / (0.8 * k), 1) + ar(rng, n, 0.03)
    columns = {
        "completion_length": 200 * (1 + rng.uniform(2, 6) * grow) * np.exp(ar(rng, n, 0.06)),
        sort_of(rng, *REWARD): r,
    }
    return make_run(columns), Labels("", {"RL011": k}, NORMAL)


@generator
def reward_hacked(rng: Rng) -> Case:
    n = length(rng, 300)
    k = onset(rng, n, 0.25, 0.5)
    t = np.arange(n)
    held = (
        0.2 + 0.4 * np.minimum(t / k, 1) - rng.uniform(0.2, 0.4) * np.clip((t - k) / (n - k), 0, 1)
    )
    columns = {
        sort_of(rng, *REWARD): 0.1 + 0.8 * t / n + ar(rng, n, 0.02),
        sort_of(rng, "eval/reward", "eval/accuracy"): every(
            held + rng.normal(0, 0.01, n), max(1, n // 40)
        ),
    }
    return make_run(columns), Labels("", {"RL015": k}, (*NORMAL, "GEN004"))


@generator
def spread_gone(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.2, 0.7)
    std = (
        0.3 * np.exp(-np.maximum(0, np.arange(n) - k) / (0.04 * n)) * np.exp(ar(rng, n, 0.1))
        + 0.001
    )
    columns = {sort_of(rng, *REWARD): rising(rng, n, 0.02), "reward_std": std}
    at = k + 0.04 * n * np.log(10)
    return make_run(columns), Labels("", {"RL008": min(at, n - 1)}, NORMAL)


@generator
def dead_term(rng: Rng) -> Case:
    n = length(rng)
    columns = {sort_of(rng, *REWARD): rising(rng, n), "metrics/format_reward": np.zeros(n)}
    return make_run(columns), Labels("", {"DAT004": None}, NORMAL)


@generator
def steps_too_large(rng: Rng) -> Case:
    n = length(rng)
    k = onset(rng, n, 0.2, 0.6)
    kl = np.where(np.arange(n) < k, 0.008, rng.uniform(0.2, 1)) * np.exp(ar(rng, n, 0.3))
    clip = np.clip(np.where(np.arange(n) < k, 0.1, rng.uniform(0.4, 0.7)) + ar(rng, n, 0.03), 0, 1)
    columns = {"approx_kl": kl, "clipfrac": clip, sort_of(rng, *REWARD): rising(rng, n)}
    return make_run(columns), Labels("", {"RL014": k}, (*NORMAL, "RL004"))


@generator
def margin_flat(rng: Rng) -> Case:
    n = length(rng, 150, 1500)
    columns = {
        "train/rewards/margins": ar(rng, n, 0.02),
        "train/rewards/accuracies": np.clip(0.5 + ar(rng, n, 0.06), 0, 1),
        "train/rewards/chosen": ar(rng, n, 0.02),
        "train/loss": np.log(2) + np.abs(ar(rng, n, 0.004)),
    }
    return make_run(columns), Labels("", {"PREF001": None}, ("OPT006",))


@generator
def chosen_falls(rng: Rng) -> Case:
    n = length(rng, 150, 1500)
    k = onset(rng, n, 0.2, 0.5)
    t = np.clip((np.arange(n) - k) / (n - k), 0, 1)
    columns = {
        "train/rewards/margins": 3 * t + 0.3 * np.arange(n) / n + ar(rng, n, 0.05),
        "train/rewards/chosen": -5 * t + ar(rng, n, 0.05),
        "train/rewards/accuracies": np.clip(0.55 + 0.3 * np.arange(n) / n + ar(rng, n, 0.03), 0, 1),
        "train/logps/chosen": -200 - rng.uniform(90, 160) * t + ar(rng, n, 4),
        "train/logps/rejected": -220 - 260 * t + ar(rng, n, 4),
    }
    return make_run(columns), Labels("", {"PREF002": k}, NORMAL)
