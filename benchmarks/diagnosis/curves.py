"""Runs made of curves, with faults at known places: many cases of each kind, one per seed.

Each generator draws its own length, noise, scale, onset and key names, so that no threshold can be
fitted to one shape. Seeds below 1,000 are for development; from 1,000 on they are for the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.curves import make_run

from benchmarks.diagnosis.labels import Labels
from postrun.model import Run

Rng = np.random.Generator
Floats = np.ndarray[Any, np.dtype[np.float64]]
Case = tuple[Run, Labels]
GENERATORS: dict[str, Callable[[Rng], Case]] = {}
#: True of nearly any curve that falls and levels off, or holds a good value: no fault, no alarm.
NORMAL = ("OPT003", "GEN005")


def generator(function: Callable[[Rng], Case]) -> Callable[[Rng], Case]:
    """Register a generator under its name."""
    GENERATORS[function.__name__.replace("_", "-")] = function
    return function


def cases(seeds: range) -> list[Case]:
    """All cases: each generator with each seed."""
    out = []
    for number, (name, make) in enumerate(GENERATORS.items()):
        for seed in seeds:
            run, labels = make(np.random.default_rng([number, seed]))
            labels.name = f"{name}-{seed}"
            labels.span = float(run.history["_step"][-1] - run.history["_step"][0] + 1)
            run.identity.id = labels.name
            out.append((run, labels))
    return out


# -- parts ---------------------------------------------------------------------------------------


def length(rng: Rng, low: int = 200, high: int = 4000) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high))))


def ar(rng: Rng, n: int, sigma: float, rho: float | None = None) -> Floats:
    """Autocorrelated noise of standard deviation sigma, as real metrics have."""
    rho = float(rng.uniform(0, 0.5)) if rho is None else rho
    white = rng.normal(0, sigma * (1 - rho**2) ** 0.5, n)
    out = np.empty(n)
    last = 0.0
    for i, value in enumerate(white.tolist()):
        last = rho * last + value
        out[i] = last
    return out


def falling(rng: Rng, n: int, noise: float | None = None) -> Floats:
    """A training loss as losses are: a power law or an exponential, with noise."""
    start, end = rng.uniform(1.5, 11), rng.uniform(0.1, 1.2)
    t = np.arange(n) / n
    if rng.random() < 0.5:
        shape = (1 + t * rng.uniform(20, 300)) ** -rng.uniform(0.3, 0.8)
    else:
        shape = np.exp(-t * rng.uniform(3, 12))
    shape = (shape - shape[-1]) / (shape[0] - shape[-1])
    level = end + (start - end) * shape
    relative = rng.uniform(0.01, 0.12) if noise is None else noise
    return np.asarray(np.maximum(level * (1 + ar(rng, n, relative)), 1e-4))


def rising(rng: Rng, n: int, noise: float | None = None) -> Floats:
    """A reward that grows from near 0 and levels off below 1."""
    t = np.arange(n) / n
    top = rng.uniform(0.4, 0.9)
    noise = rng.uniform(0.01, 0.06) if noise is None else noise
    return np.asarray(0.05 + top * (1 - np.exp(-t * rng.uniform(2, 8))) + ar(rng, n, noise))


def norms(rng: Rng, n: int) -> Floats:
    """Gradient norms: log-normal around a slowly falling level."""
    level = rng.uniform(0.05, 3) * (1 + np.exp(-np.arange(n) / (0.05 * n)))
    return np.asarray(level * np.exp(ar(rng, n, rng.uniform(0.1, 0.4))))


def onset(rng: Rng, n: int, low: float = 0.25, high: float = 0.75) -> int:
    return int(rng.uniform(low, high) * n)


def every(values: Floats, k: int) -> list[float | None]:
    """Only each k-th value, as an evaluation logs."""
    return [float(v) if i % k == 0 else None for i, v in enumerate(values)]


def sort_of(rng: Rng, *names: str) -> str:
    return str(rng.choice(names))


TRAIN = ("train/loss", "loss", "train_loss", "Loss/train")
VAL = ("val/loss", "eval/loss", "valid_loss")
NORM = ("grad_norm", "train/grad_norm", "optim/grad_norm")
REWARD = ("reward", "reward/mean", "train/reward", "rollout/ep_rew_mean")


# -- healthy -------------------------------------------------------------------------------------


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


# -- optimisation --------------------------------------------------------------------------------


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
    y[k:] = y[k] * (1 + ar(rng, n - k, 0.02))
    drop = 10 ** -(np.clip((np.arange(n) - k) / (0.03 * n), 0, 1) * rng.uniform(4, 7))
    columns = {
        sort_of(rng, *TRAIN): np.maximum(y, 0.3 * y[0]),
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


# -- generalisation ------------------------------------------------------------------------------


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


# -- reinforcement learning and preferences ------------------------------------------------------


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


# -- performance ---------------------------------------------------------------------------------


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
