"""What the numerics say of some sixty series, number by number: nothing changes unseen.

That it is right is shown by references and simulations (`test_stats_references.py`, `test_curve_families.py`).
After a change that is meant: pytest tests/test_stats_pinned.py --snapshot-update
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from syrupy.assertion import SnapshotAssertion

from postrun.stats import (
    aggregate,
    association,
    changepoint,
    decimate,
    levels,
    oscillation,
    periodic,
    rates,
    robust,
    siblings,
    smoothing,
    spikes,
    tails,
    trend,
)
from postrun.stats.curve import Curve, read_curve
from postrun.stats.curve.parting import part
from postrun.stats.importance import Feature, importance

Floats = NDArray[np.float64]


def normal(n: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=n)


def slow(n: int, rho: float = 0.8) -> Floats:
    y = normal(n)
    for i in range(1, n):
        y[i] += rho * y[i - 1]
    return y


def stairs(n: int) -> Floats:
    return 2.0 - 0.3 * (np.arange(n) // max(1, n // 5)) + 0.02 * normal(n)


#: Kinds of series; t runs from 0 to 1.
KINDS: dict[str, Callable[[Floats], Floats]] = {
    "falls": lambda t: 1 + 2 * np.exp(-4 * t) + 0.05 * normal(len(t)),
    "falls without noise": lambda t: 1 + 2 * np.exp(-4 * t),
    "power law": lambda t: 3 * (1 + 50 * t) ** -0.4 + 0.02 * normal(len(t)),
    "turns": lambda t: 1 + 4 * (t - 0.4) ** 2 + 0.05 * normal(len(t)),
    "turns late": lambda t: np.exp(-3 * t) + 3 * np.maximum(0, t - 0.8) + 0.02 * normal(len(t)),
    "flat": lambda t: 0.7 + 0.1 * normal(len(t)),
    "flat after a fall": lambda t: 1 + np.maximum(0, 0.3 - t) + 0.01 * normal(len(t)),
    "constant": lambda t: np.full(len(t), 0.25),
    "jumps": lambda t: 1 + 2.0 * (t > 0.6) + 0.1 * normal(len(t)),
    "jumps and returns": lambda t: 1 + 3.0 * ((t > 0.5) & (t < 0.55)) + 0.1 * normal(len(t)),
    "swings": lambda t: 1 + np.sin(40 * t) * (0.2 + t) + 0.02 * normal(len(t)),
    "zigzags": lambda t: 1 + 0.3 * (-1.0) ** np.arange(len(t)) + 0.02 * normal(len(t)),
    "stairs": lambda t: stairs(len(t)),
    "slow noise": lambda t: 5 + slow(len(t)),
    "heavy tails": lambda t: 1 - t + 0.05 * np.random.default_rng(1).standard_t(2, len(t)),
    "noise grows": lambda t: 2 - t + (0.01 + 0.4 * t) * normal(len(t)),
    "decades": lambda t: 10.0 ** (3 - 6 * t) * np.exp(0.2 * normal(len(t))),
    "share": lambda t: np.minimum(1, np.round(1 - 0.6 * np.exp(-5 * t) + 0.02 * normal(len(t)), 2)),
    "diverges": lambda t: np.where(t > 0.8, np.exp(20 * (t - 0.8)), 1 - 0.5 * t) + 0.01 * normal(len(t)),
    "ends in NaN": lambda t: np.where(t > 0.9, np.nan, 2 - t + 0.05 * normal(len(t))),
    "holes": lambda t: np.where(np.arange(len(t)) % 7 == 3, np.inf, 2 - t + 0.05 * normal(len(t))),
    "counts": lambda t: np.floor(100 * t),
    "negative": lambda t: -5 * t + 0.3 * normal(len(t)),
}  # fmt: skip
LENGTHS = (4, 7, 12, 40, 250)


def series(kind: str, n: int) -> tuple[Floats, Floats]:
    t = np.linspace(0, 1, n)
    return 10 * np.arange(n, dtype=np.float64), KINDS[kind](t)


def plain(value: Any) -> Any:
    """Return a result as text and lists, numbers with four digits: the last ones differ between machines."""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}" if not abs(float(value)) < 1e-9 else "0"
    if isinstance(value, np.ndarray) and value.size > 8:
        return [len(value), plain(value.sum()), plain(value[0]), plain(value[-1])]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return value if isinstance(value, int | str | None) else repr(value)


def lines(told: dict[Any, Any]) -> list[str]:
    """Return a line for each answer."""
    return [
        f"{key}: {json.dumps(plain(value), separators=(',', ':'))}" for key, value in told.items()
    ]


def answers(curve: Curve) -> dict[str, Any]:
    """Return all that a curve tells without being asked for a place."""
    names = [
        name
        for name, value in vars(type(curve)).items()
        if not name.startswith("_") and isinstance(value, property | cached_property)
    ]
    return {n: getattr(curve, n) for n in names if n not in ("x", "y", "order")}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_curve_tells(kind: str, snapshot: SnapshotAssertion) -> None:
    told: dict[Any, Any] = {}
    for n in LENGTHS:
        x, y = series(kind, n)
        for sign in (-1, 1) if n in (40, 250) else (-1,):
            curve = read_curve(x, y, sign)
            ahead = [curve.forecast(place) for place in (11.0 * n, 20.0 * n)]
            told |= {f"{n} {sign:+} {k}": v for k, v in answers(curve).items()}
            told[f"{n} {sign:+} ahead"] = ahead
    assert lines(told) == snapshot


#: Functions of a series, with what else they are given.
OF_VALUES: dict[str, Callable[[Floats], Any]] = {
    "zigzag": oscillation.zigzag,
    "noise_growth": oscillation.noise_growth,
    "hogg_ratio": tails.hogg_ratio,
    "slow_share": lambda y: tails.slow_share(np.abs(y)),
    "trend": lambda y: trend.trend(np.arange(len(y), dtype=np.float64), y),
    "mann_kendall": trend.mann_kendall,
    "lag1": trend.lag1,
    "in_bursts": lambda y: rates.in_bursts(np.cumsum(np.abs(y))),
    "running_mean": rates.running_mean,
    "change": levels.change,
    "lowest": lambda y: levels.lowest(y, 5),
    "departure": lambda y: levels.departure(y, float(y[0]), float(y[-1])),
    "begins": lambda y: levels.begins(y, float(y[0]), float(y[-1]), 0.1),
    "margin": lambda y: siblings.margin(y[:8], 0.05),
    "mad_sigma": robust.mad_sigma,
    "noise_sigma": robust.noise_sigma,
    "ar_noise": robust.ar_noise,
    "bin_medians": lambda y: robust.bin_medians(np.arange(len(y), dtype=np.float64), y, 7),
    "rolling_median": lambda y: robust.rolling_median(y, 5),
    "of_three": robust.of_three,
    "smoothed": robust.smoothed,
    "split": changepoint.split,
    "onset": lambda y: changepoint.onset(y, float(np.median(y)), float(np.median(y)) + 0.3),
    "segments": changepoint.segments,
    "upward_spikes": spikes.upward_spikes,
    "min_max": lambda y: decimate.min_max(y, 20),
    "ema": lambda y: smoothing.time_weighted_ema(np.arange(len(y), dtype=np.float64), y),
    "regular_period": lambda y: periodic.regular_period(np.cumsum(1 + np.abs(y))),
}


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("ends in NaN", "holes")])
def test_what_functions_of_values_tell(kind: str, snapshot: SnapshotAssertion) -> None:
    told: dict[Any, Any] = {}
    for n in (11, 24, 60, 250):
        _, y = series(kind, n)
        told |= {f"{n} {name}": function(y) for name, function in OF_VALUES.items()}
    assert lines(told) == snapshot


def test_what_scores_tell(snapshot: SnapshotAssertion) -> None:
    told: dict[Any, Any] = {}
    for runs, tasks in ((3, 1), (5, 1), (8, 4), (20, 1)):
        a = normal(runs * tasks, 1).reshape(runs, tasks) + 1
        b = normal(runs * tasks, 2).reshape(runs, tasks)
        one, two = a[:, 0], b[:, 0]
        every = {
            "iqm": aggregate.iqm(a),
            "mean": aggregate.mean(a),
            "median": aggregate.median(a),
            "gap": aggregate.optimality_gap(a),
            "improves": aggregate.probability_of_improvement(a, b),
            "profile": aggregate.performance_profile(a, np.linspace(-1, 2, 5)),
            "rank": aggregate.rank_test(one, two),
            "paired": aggregate.paired_test(one - two),
            "holm": aggregate.holm(np.array([0.01, 0.04, 0.03, 0.2])),
            "wilson": [aggregate.wilson(k, runs) for k in range(0, runs, 2)],
            "student": [aggregate.student_t(p, runs - 1.0) for p in (0.5, 0.9, 0.95, 0.99)],
            "enough": [aggregate.enough(k, runs) for k in (100, 2_000, 50_000)],
        }
        told |= {f"{runs} x {tasks} {name}": value for name, value in every.items()}
    told["fisher"] = [association.fisher_exact((k, 4, 2, m)) for k in range(4) for m in (1, 5)]
    assert lines(told) == snapshot


@pytest.mark.slow
def test_what_a_forest_tells(snapshot: SnapshotAssertion) -> None:
    if [int(part) for part in sklearn.__version__.split(".")[:2]] < [1, 9]:
        pytest.skip("forests of older versions of scikit-learn have other trees")
    rng = np.random.default_rng(0)
    codes = np.column_stack(
        [rng.uniform(size=40), rng.integers(0, 3, 40), np.where(rng.random(40) < 0.3, np.nan, 1)]
    )
    y = 3 * codes[:, 0] + (codes[:, 1] == 1) * codes[:, 0] + 0.2 * rng.normal(size=40)
    features = [
        Feature("lr", codes[:, 0]),
        Feature("optimizer", codes[:, 1], category=True),
        Feature("dropout", codes[:, 2] * rng.uniform(size=40)),
    ]
    found, _ = importance(features, y, seed=3)
    told = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    assert lines(told) == snapshot


@pytest.mark.parametrize("other", ["falls", "turns late", "jumps", "slow noise"])
def test_where_two_curves_part(other: str, snapshot: SnapshotAssertion) -> None:
    told: dict[Any, Any] = {}
    for n in (11, 60, 250):
        x, second = series(other, n)
        told[n] = part(series("falls", n), (x, second + 0.01 * normal(n, 5)))
    assert lines(told) == snapshot
