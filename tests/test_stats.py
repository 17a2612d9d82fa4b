"""Numerics against known truth and simple references."""

from __future__ import annotations

import numpy as np
import pytest

from postrun.stats.changepoint import onset, split
from postrun.stats.decimate import min_max
from postrun.stats.periodic import share_after_multiples
from postrun.stats.robust import bin_medians, mad_sigma, noise_sigma, rolling_median
from postrun.stats.spikes import upward_spikes
from postrun.stats.trend import trend

RNG = np.random.default_rng


def test_noise_ignores_trend_step_and_spikes() -> None:
    y = RNG(0).normal(0, 0.5, 4000) + np.linspace(0, 100, 4000)
    y[2000:] += 50
    y[::400] += 1000
    assert noise_sigma(y) == pytest.approx(0.5, rel=0.1)
    assert mad_sigma(RNG(1).normal(3, 2, 10_000)) == pytest.approx(2, rel=0.05)
    assert noise_sigma(np.array([1.0, 2.0])) == 0


@pytest.mark.parametrize("n", [1, 2, 5, 10, 31, 100])
@pytest.mark.parametrize("window", [1, 3, 5, 31])
def test_rolling_median(n: int, window: int) -> None:
    y = RNG(n).normal(size=n)
    out = rolling_median(y, window)
    assert out.shape == y.shape and np.isfinite(out).all()
    if n >= window:
        half = window // 2
        for i in range(half, n - half):
            assert out[i] == np.median(y[i - half : i + half + 1])


def test_bin_medians() -> None:
    x = np.arange(10.0)
    centres, levels, first = bin_medians(x, x * 2, 3)
    assert first.tolist() == [0, 3, 6] and levels.tolist() == [2, 8, 15] and len(centres) == 3
    assert bin_medians(x[:0], x[:0], 5)[1].size == 0


def test_trend_finds_slopes_and_keeps_its_error_rate() -> None:
    x = np.arange(500.0)
    assert trend(x, 0.01 * x + RNG(0).normal(0, 1, 500)).slope == pytest.approx(0.01, rel=0.1)
    false = sum(trend(x, RNG(seed).normal(size=500)).significant for seed in range(300))
    assert false <= 9  # 1% nominal
    correlated = 0
    for seed in range(200):
        e = RNG(seed).normal(size=600)
        for i in range(1, 600):
            e[i] += 0.7 * e[i - 1]
        correlated += trend(np.arange(600.0), e).significant
    assert correlated <= 10
    assert trend(x[:3], x[:3]).p == 1 and trend(x, np.ones(500)).p == 1


def test_split_finds_the_change_and_nothing_in_noise() -> None:
    y = np.concatenate([RNG(0).normal(1, 0.1, 300), RNG(1).normal(0.5, 0.1, 200)])
    found = split(y)
    assert found is not None and abs(found.at - 300) <= 2
    assert found.before == pytest.approx(1, abs=0.05)
    false = sum(split(RNG(seed).normal(size=200)) is not None for seed in range(300))
    assert false <= 15
    assert split(np.ones(100)) is None and split(np.ones(3)) is None


def test_onset() -> None:
    y = np.concatenate([np.zeros(50), np.ones(50)])
    y[10] = 5  # a single outlier is no onset
    assert onset(y, 0, 0.5) == 50
    assert onset(np.zeros(10), 0, 0.5) is None


def test_spikes() -> None:
    y = RNG(0).normal(1, 0.05, 500)
    y[[100, 300]] = 3
    found = upward_spikes(y)
    assert found.at.tolist() == [100, 300] and (found.height > 1.8).all()
    assert not len(upward_spikes(np.ones(100)).at) and not len(upward_spikes(np.ones(5)).at)


def test_min_max_keeps_spikes() -> None:
    y = RNG(0).normal(size=100_000)
    y[54_321], y[777] = 99, np.nan
    keep = min_max(y, 1000)
    assert len(keep) <= 1002 and 54_321 in keep and keep[0] == 0 and keep[-1] == 99_999
    assert (np.diff(keep) > 0).all()


def test_period() -> None:
    x = np.arange(1000.0)
    at = np.array([100, 201, 300, 399, 555])
    assert share_after_multiples(x, at, 100, 2) == pytest.approx(0.8)
    assert share_after_multiples(x, at, 3, 2) == 0
