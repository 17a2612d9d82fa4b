"""Numerics against well-kept libraries, and against simulations of known truth."""

from __future__ import annotations

import numpy as np
import pytest
import ruptures
from scipy import stats

from postrun.stats.changepoint import segments
from postrun.stats.levels import begins, change, departure, lowest
from postrun.stats.oscillation import noise_growth, zigzag
from postrun.stats.periodic import regular_period
from postrun.stats.robust import ar_noise, median, of_three
from postrun.stats.smoothing import time_weighted_ema
from postrun.stats.tails import hogg_ratio, slow_share
from postrun.stats.trend import mann_kendall, trend

RNG = np.random.default_rng


@pytest.mark.parametrize("seed", range(8))
def test_theil_sen_is_scipys(seed: int) -> None:
    rng = RNG(seed)
    x = np.sort(rng.uniform(0, 100, 80))
    y = 0.3 * x + rng.standard_t(2, 80)
    assert trend(x, y).slope == pytest.approx(stats.theilslopes(y, x).slope, rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_mann_kendall_agrees_with_kendalls_tau(seed: int) -> None:
    """The test of a trend in time is Kendall's test of y against its index (with continuity)."""
    rng = RNG(seed)
    y = np.asarray(np.round(rng.normal(size=40) + 0.03 * np.arange(40), 1), np.float64)  # ties
    ours, theirs = mann_kendall(y), stats.kendalltau(np.arange(40), y, method="asymptotic").pvalue
    assert ours == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("penalty", [5.0, 20.0])
def test_optimal_partitioning_finds_what_pelt_finds(seed: int, penalty: float) -> None:
    rng = RNG(seed)
    levels = np.repeat(rng.normal(0, 3, 5), 30)
    y = levels + rng.normal(0, 1, len(levels))
    pelt = ruptures.Pelt(model="l2", min_size=3, jump=1).fit(y).predict(pen=penalty)
    assert segments(y, 3, penalty) == pelt[:-1]


def test_the_default_penalty_finds_changes_and_few_in_noise() -> None:
    y = np.repeat([0.0, 3.0, 1.0], 60) + RNG(0).normal(0, 0.5, 180)
    found = segments(y)
    assert len(found) == 2 and abs(found[0] - 60) <= 2 and abs(found[1] - 120) <= 2
    false = sum(bool(segments(RNG(seed).normal(size=200))) for seed in range(200))
    assert false <= 10
    correlated = 0
    for seed in range(100):
        e = RNG(seed).normal(size=200)
        for i in range(1, 200):
            e[i] += 0.5 * e[i - 1]
        correlated += bool(segments(e))
    assert correlated <= 20
    assert segments(np.ones(4)) == []


def test_noise_with_memory() -> None:
    for rho in (0.0, 0.5, 0.8):
        found = []
        for seed in range(40):
            e = RNG(seed).normal(0, (1 - rho**2) ** 0.5, 400)
            for i in range(1, 400):
                e[i] += rho * e[i - 1]
            e[200:] += 20  # a change of level is not memory
            found.append(ar_noise(e))
        sigma, memory = np.mean(found, axis=0)
        assert sigma == pytest.approx(1, rel=0.2) and memory == pytest.approx(rho, abs=0.08)
    assert ar_noise(np.ones(3)) == (0, 0) and ar_noise(np.ones(10)) == (0, 0)


def test_trends_of_smooth_curves_are_seen_and_slow_noise_is_not() -> None:
    x = np.arange(600.0)
    assert trend(x, np.exp(-x / 200)).significant
    false = 0
    for seed in range(200):
        e = RNG(seed).normal(size=600)
        for i in range(1, 600):
            e[i] += 0.9 * e[i - 1]
        false += trend(x, e).significant
    assert false <= 8


def test_change_and_its_error() -> None:
    z = []
    for seed in range(300):
        moved = change(RNG(seed).normal(size=400))
        z.append(moved.sigmas)
    assert 0.6 < float(np.std(z)) < 1.25  # conservative at most by a third
    moved = change(np.r_[np.ones(100), 3 * np.ones(100)])
    assert (moved.before, moved.after, moved.size, moved.ratio) == (1, 3, 2, 3)
    assert moved.sigmas == np.inf and np.isnan(change(np.zeros(0)).before)


def test_where_a_move_begins() -> None:
    y = np.r_[np.zeros(100), np.linspace(0, 1, 50), np.ones(100)] + RNG(0).normal(0, 0.01, 250)
    assert abs(departure(y, 0, 1) - 125) <= 2
    assert 98 <= begins(y, 0, 1, 0.01) <= 108
    assert departure(np.zeros(0), 0, 1) == 0


def test_the_lowest_part_of_a_series() -> None:
    y = np.full(100, 3.0)
    y[35:45] = 1.0
    y[60:70] = 1.0
    assert lowest(y, 10) == (1.0, 35)  # the first of two that are equal
    assert lowest(np.arange(100.0), 10) == (4.5, 0)
    assert lowest(-np.arange(10.0), 10) == (-4.5, 0)
    # Windows begin at 0, 5, ..., 90 only.
    assert lowest(-np.arange(103.0), 10) == (-94.5, 90)


def test_oscillation() -> None:
    n = 400
    assert zigzag(np.tile([1.0, -1.0], n // 2))[0] < -0.9
    r = [zigzag(RNG(seed).normal(size=n))[0] for seed in range(100)]
    assert -0.25 < float(np.mean(r)) < 0 and min(r) > -0.36
    y = RNG(0).normal(size=n) * np.where(np.arange(n) < 200, 1, 5)
    assert 3 < noise_growth(y)[2] < 8 and noise_growth(y[:20])[2] == 1


def test_tails() -> None:
    assert hogg_ratio(RNG(0).normal(size=50_000)) == pytest.approx(2.59, abs=0.03)
    assert hogg_ratio(RNG(0).standard_t(2, 50_000)) > 3.2 and np.isnan(hogg_ratio(np.ones(5)))
    count, cost = slow_share(np.r_[np.ones(95), 11 * np.ones(5)])
    assert count == 0.05 and cost == pytest.approx(50 / 150)


def test_periods() -> None:
    found = regular_period(np.array([50.0, 101, 150, 201, 300, 351]))
    assert found is not None and found[0] == pytest.approx(50, abs=2) and found[1] == 1
    uneven = regular_period(np.sort(RNG(0).uniform(0, 1000, 30)))
    assert uneven is not None and uneven[1] < 0.6
    assert regular_period(np.array([1.0, 2.0])) is None


def test_smoothing_is_that_of_the_dashboard() -> None:
    """The reference is W&B's documented JavaScript, written out."""
    x, y = np.array([0.0, 1, 2, 5, 10]), np.array([1.0, 3, 2, 5, 4])
    weight = min(0.6**0.5, 0.999)
    last = debias = 0.0
    want = []
    for i in range(5):
        step = (x[i] - x[max(0, i - 1)]) / 10 * 1000
        last = last * weight**step + y[i]
        debias = debias * weight**step + 1
        want.append(last / debias)
    assert time_weighted_ema(x, y, 0.6) == pytest.approx(want)
    assert time_weighted_ema(x, y, 0.0).tolist() == y.tolist()
    dense = np.arange(1001.0)
    smooth = time_weighted_ema(dense, RNG(0).normal(size=1001), 0.9)
    assert float(np.std(smooth[100:])) < 0.3
    assert np.isnan(time_weighted_ema(x, np.array([1.0, np.nan, 2, 3, 4]))[1])


def test_medians_of_three() -> None:
    y = RNG(0).normal(size=20)
    out = of_three(y)
    assert all(out[i] == np.median(y[i - 1 : i + 2]) for i in range(1, 19))
    assert out[0] == (y[0] + y[1]) / 2 and of_three(y[:2]).tolist() == y[:2].tolist()


def test_median_is_that_of_numpy() -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 10, 999, 1001):
        y = rng.standard_cauchy(n)
        assert median(y) == np.median(y)
        y[n // 3] = np.nan
        assert np.isnan(median(y))
        y[n // 3] = np.inf
        assert median(y) == np.median(y)
    assert np.isnan(median(np.empty(0)))
