"""Curves of known truth: courses, noises, and what is planted in them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator
#: Makes one curve of n values.
Maker = Callable[[int, Rng], Floats]

LENGTHS = (6, 8, 12, 20, 50, 100, 300, 1_000, 10_000)


def white(n: int, rng: Rng) -> Floats:
    """Independent normal noise of unit variance."""
    return rng.standard_normal(n)


def heavy(n: int, rng: Rng) -> Floats:
    """Student's t of 3 degrees of freedom, unit variance."""
    return rng.standard_t(3, n) / math.sqrt(3)


def slow(n: int, rng: Rng, rho: float = 0.9) -> Floats:
    """First-order autoregressive noise of unit variance, from its stationary distribution."""
    steps = (rng.standard_normal(n) * math.sqrt(1 - rho**2)).tolist()
    value = float(rng.standard_normal())
    out = []
    for step in steps:
        out.append(value)
        value = rho * value + step
    return np.array(out)


def none(n: int, rng: Rng) -> Floats:
    """No noise at all."""
    return np.zeros(n)


NOISES = {"white": white, "t3": heavy, "AR(1) 0.9": slow, "none": none}


def flat(n: int, rng: Rng) -> Floats:
    return np.zeros(n)


def exponential(n: int, rng: Rng) -> Floats:
    """From 1 towards 0; rates of 1 to 12 over the run."""
    return np.exp(-np.arange(n) / max(n - 1, 1) * rng.uniform(1, 12))


def slow_exponential(n: int, rng: Rng) -> Floats:
    """From 1 towards 0, still falling at the end: rates of 1 to 4 over the run."""
    return np.exp(-np.arange(n) / max(n - 1, 1) * rng.uniform(1, 4))


def power(n: int, rng: Rng) -> Floats:
    """t^-b from t = 1 on, b of 0.1 to 1."""
    return np.asarray((1.0 + np.arange(n)) ** -rng.uniform(0.1, 1))


def staircase(n: int, rng: Rng) -> Floats:
    """Falls by a factor at each of 2 to 11 epochs, and stands between."""
    epoch = np.floor(np.arange(n) / max(n - 1, 1) * rng.integers(2, 12))
    return np.asarray(np.exp(-rng.uniform(0.1, 0.8) * epoch))


COURSES = {"exponential": exponential, "power law": power, "staircase": staircase, "plateau": flat}


def additive(course: Maker, noise: Maker) -> Maker:
    """A course of 1 to 300 noise units with noise on it."""

    def make(n: int, rng: Rng) -> Floats:
        size = 10 ** rng.uniform(0, 2.5)
        return np.asarray(size * course(n, rng) + noise(n, rng))

    return make


def multiplicative(course: Maker) -> Maker:
    """A course above 0.05 with noise of 0.3% to 30% of each value."""

    def make(n: int, rng: Rng) -> Floats:
        share = 10 ** rng.uniform(-2.5, -0.5)
        return np.asarray((course(n, rng) + 0.05) * np.exp(share * rng.standard_normal(n)))

    return make


def smooth(course: Maker) -> Maker:
    """A course without noise."""
    return lambda n, rng: course(n, rng) + 0.3


def without_turn() -> dict[str, Maker]:
    """Families that neither turn, jump (but the staircases), nor burst."""
    out: dict[str, Maker] = {}
    for name, course in COURSES.items():
        for kind, noise in NOISES.items():
            if kind == "none":
                out[f"{name}, no noise"] = smooth(course)
            else:
                out[f"{name} + {kind}"] = additive(course, noise)
        if course is not flat:
            out[f"{name} x noise"] = multiplicative(course)
    return out


def overfit(rise: float, noise: Maker = white, first: bool = False) -> Maker:
    """Falls as an exponential, then rises by `rise` noise units above its lowest level to the end.

    If `first`, the first value is the best.
    """

    def make(n: int, rng: Rng) -> Floats:
        u = np.arange(n) / (n - 1)
        if first:
            return np.asarray(rise * u + noise(n, rng))
        turn = rng.uniform(0.15, 0.5)
        upward = np.maximum(u - turn, 0) / (1 - turn)
        course = rng.uniform(10, 100) * np.exp(-u / (turn / 4)) + rise * upward
        course *= rise / (course[-1] - course.min())
        return np.asarray(course + noise(n, rng))

    return make


def moving(course: Maker) -> Maker:
    """A course from 5 to 300 noise units above its end down to it."""

    def make(n: int, rng: Rng) -> Floats:
        shape = course(n, rng)
        shape = (shape - shape[-1]) / (shape[0] - shape[-1])
        return np.asarray(10 ** rng.uniform(0.7, 2.5) * shape + white(n, rng))

    return make


def half_flat(kind: str, size: float, noise: Maker = white) -> Maker:
    """Falls by `size` noise units in the first half, and stands in the second."""

    def make(n: int, rng: Rng) -> Floats:
        u = np.minimum(np.arange(n) / (n - 1), 0.5) * 2
        course = {
            "linear": 1 - u,
            "power law": ((0.02 + u) ** -0.5 - 1.02**-0.5) / (0.02**-0.5 - 1.02**-0.5),
            "exponential": np.exp(-u * rng.uniform(4, 10)),
        }[kind]
        return np.asarray(size * course + noise(n, rng))

    return make


def jump(size: float, noise: Maker = white) -> Maker:
    """An exponential of 30 noise units that jumps up in the middle half, and stays there."""

    def make(n: int, rng: Rng) -> Floats:
        at = int(rng.uniform(0.3, 0.7) * n)
        return np.asarray(
            30 * exponential(n, rng) + noise(n, rng) + np.where(np.arange(n) >= at, size, 0)
        )

    return make
