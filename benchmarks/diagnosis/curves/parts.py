"""What generators are made of: their registry, noise, and the shapes of real metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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
