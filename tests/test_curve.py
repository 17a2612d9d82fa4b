"""What a curve says of series whose truth is plain: contract, events, phases, values."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import ArrayLike

from postrun.stats.curve import Curve, read_curve
from postrun.stats.curve.order import turning_residual
from postrun.stats.robust import Floats


def read(y: ArrayLike, sign: int = -1, log: bool | None = None) -> Curve:
    values = np.asarray(y, dtype=np.float64)
    return read_curve(np.arange(float(len(values))), values, sign, log=log)


def noise(n: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def falling(n: int, size: float = 10.0, rate: float = 5.0) -> Floats:
    return np.asarray(size * np.exp(-rate * np.arange(n) / n))


def test_rows_are_read_in_the_order_of_x() -> None:
    x = np.array([3.0, 1.0, 2.0, 1.0, np.nan])
    curve = read_curve(x, np.array([30.0, 10.0, 20.0, 11.0, 99.0]))
    assert curve.x.tolist() == [1.0, 1.0, 2.0, 3.0]
    assert curve.y.tolist() == [10.0, 11.0, 20.0, 30.0]
    assert curve.order.tolist() == [1, 3, 2, 0]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        read_curve(np.arange(3.0), np.arange(4.0))
    with pytest.raises(ValueError, match="sign"):
        read_curve(np.arange(3.0), np.arange(3.0), 2)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_too_few_values_say_nothing(n: int) -> None:
    curve = read(noise(n))
    assert curve.turned is None
    assert curve.flat_since is None
    assert not curve.jumps and not curve.bursts
    assert not curve.is_running_mean
    assert math.isnan(curve.last.value) == (n == 0)
    assert len(curve.phases) == (n >= 3)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-30, 1e30])
@pytest.mark.parametrize("n", [2, 12, 1_000])
def test_a_constant_never_moved(value: float, n: int) -> None:
    curve = read(np.full(n, value))
    assert curve.never_moved is True
    assert curve.noise == 0
    assert curve.last.value == pytest.approx(value)
    assert curve.turned is None and curve.flat_since is None
    assert curve.repeats == 1


def test_noise_is_that_of_single_values_whatever_the_curve() -> None:
    for n in (100, 1_000, 20_000):
        curve = read(50 * (1 + np.arange(n)) ** -0.5 + 0.3 * noise(n), log=False)
        assert curve.noise == pytest.approx(0.3, rel=0.25)


@pytest.mark.parametrize("n", [12, 40, 128, 1_000])
def test_smooth_curves_have_no_noise(n: int) -> None:
    for y in (falling(n), 10 * (1 + np.arange(n)) ** -0.3, np.sqrt(np.arange(float(n)))):
        assert read(y, log=False).noise < 1e-2 * abs(float(y[-1] - y[0])) / n


def test_noise_is_local() -> None:
    """Noise of 1 for the first half and of 0.01 for the second: a late turn of 0.3 is seen."""
    n = 2_000
    y = noise(n) * np.where(np.arange(n) < n // 2, 1.0, 0.01)
    y[-400:] += np.linspace(0, 0.3, 400)
    turn = read(y).turned
    assert turn is not None and turn.start >= n // 2


def test_autocorrelation_is_seen() -> None:
    rng = np.random.default_rng(3)
    y = np.zeros(120)
    for i in range(1, 120):
        y[i] = 0.9 * y[i - 1] + rng.standard_normal()
    assert read(y).autocorrelation > 0.6
    assert read(noise(120)).autocorrelation < 0.4


def test_the_best_of_noise_is_not_its_minimum() -> None:
    held = 0
    for seed in range(40):
        best = read(noise(300, seed)).best
        assert best is not None
        held += best.level.low <= 0 <= best.level.high
    assert held >= 36
    assert read(noise(300), sign=0).best is None


def test_best_and_last_of_a_curve_without_noise() -> None:
    y = np.concatenate([np.linspace(5, 1, 30), np.linspace(1.1, 2, 20)])
    curve = read(y)
    assert curve.best is not None
    assert curve.best.level.value == pytest.approx(1.0, abs=0.15)
    assert curve.best.start <= 29 < curve.best.stop
    assert curve.last.value == pytest.approx(2.0, abs=0.05)
    assert curve.slope.low <= 0.9 / 19 <= curve.slope.high


def test_the_direction_decides_what_turning_is() -> None:
    y = np.concatenate([np.linspace(0, 1, 30), np.linspace(1, 0.5, 15)]) + 0.01 * noise(45)
    assert read(y, 1).turned is not None
    assert read(-y, -1).turned is not None
    turn = read(y, 1).turned
    assert turn is not None and abs(turn.start - 30) < 5
    assert turn.lost == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("first", [True, False])
def test_an_overfit_of_eight_evaluations(first: bool) -> None:
    found = 0
    for seed in range(40):
        rise = np.linspace(0, 12, 8) if first else np.array([40, 14, 3, 0, 4, 8, 12, 16.0])
        found += read(rise + noise(8, seed)).turned is not None
    assert found >= 30


def test_a_level_shift_is_a_jump_where_it_is() -> None:
    y = falling(400) + 0.1 * noise(400)
    y[237:] += 3
    (jump,) = read(y, log=False).jumps
    assert abs(jump.at - 237) <= 1
    assert jump.size == pytest.approx(3, abs=0.3)
    assert not jump.recovered and not jump.reset


def test_a_jump_may_recover_or_reset() -> None:
    y = np.full(300, 1.0) + 0.05 * noise(300)
    y[100:180] += 2
    first, second = read(y).jumps
    assert (first.recovered, first.size > 0, second.size > 0) == (True, True, False)
    restart = np.concatenate([falling(60), falling(60)]) + 0.02 * noise(120)
    (reset,) = read(restart, log=False).resets
    assert abs(reset.at - 60) <= 1


def test_a_gap_in_x_is_no_jump() -> None:
    """Logged at each step, then at each hundredth: the level moves between two rows, not at once."""
    x = np.concatenate([np.arange(60.0), 60 + 100 * np.arange(1.0, 61)])
    y = 10 * np.exp(-x / 300) + 0.02 * noise(120)
    assert read_curve(x, y, -1, log=False).jumps == ()


def test_bursts_stand_out_on_both_sides() -> None:
    y = falling(500) + 0.1 * noise(500)
    y[200] += 20
    y[300:303] += 25
    y[499] += 20
    bursts = read(y, log=False).bursts
    assert [(b.start, b.stop, b.recovered) for b in bursts] == [
        (200, 201, True),
        (300, 303, True),
        (499, 500, False),
    ]
    assert bursts[0].sigmas > 100
    assert read(falling(500, rate=200.0), log=False).bursts == ()


def test_heavy_tails_are_no_bursts() -> None:
    rng = np.random.default_rng(5)
    told = sum(bool(read(rng.standard_t(3, 300)).bursts) for _ in range(60))
    assert told <= 3


def test_values_that_are_not_finite() -> None:
    y = falling(100)
    y[20] = np.nan
    y[50:53] = np.inf
    y[90:] = np.nan
    curve = read(y)
    assert [(s.start, s.stop, s.recovered) for s in curve.not_finite] == [
        (20, 21, True),
        (50, 53, True),
        (90, 100, False),
    ]
    assert [p.kind for p in curve.phases].count("broken") == 3
    assert curve.count == 86
    assert read([math.nan] * 20).not_finite[0].stop == 20
    assert [p.kind for p in read([math.nan] * 20).phases] == ["broken"]


def test_indices_are_rows_where_values_are_missing() -> None:
    y = np.full(200, np.nan)
    y[::2] = falling(100) + 0.05 * noise(100)
    y[121::2] = np.nan
    y[120::2] += 4
    (jump,) = read(y, log=False).jumps
    assert jump.at in (118, 120, 122)


@pytest.mark.parametrize(
    ("y", "kinds"),
    [
        (falling(200) + 0.05 * noise(200), ["falling"]),
        (-falling(200) + 0.05 * noise(200), ["rising"]),
        (noise(200), ["flat"]),
        (
            np.concatenate([np.linspace(9, 0, 100), np.linspace(0, 5, 100)]) + 0.2 * noise(200),
            ["falling", "rising"],
        ),
        (
            np.concatenate([np.linspace(9, 0, 100), np.zeros(100)]) + 0.1 * noise(200),
            ["falling", "flat"],
        ),
        (
            np.concatenate([np.zeros(100), np.linspace(0, 9, 100)]) + 0.1 * noise(200),
            ["flat", "rising"],
        ),
        (np.repeat([5.0, 3.0, 2.0, 1.2, 0.7], 24) + 0.02 * noise(120), ["stepwise"]),
        (5 * np.sin(np.arange(120) / 4) + 0.1 * noise(120), ["oscillating"]),
        (np.where(np.arange(60) % 2, 1.0, -1.0) + 0.05 * noise(60), ["oscillating"]),
    ],
)
def test_phases(y: Floats, kinds: list[str]) -> None:
    phases = read(y, log=False).phases
    assert [p.kind for p in phases] == kinds
    assert (phases[0].start, phases[-1].stop) == (0, len(y))
    assert all(a.stop == b.start for a, b in pairwise(phases))
    assert all(p.confidence > 0.5 for p in phases)


def test_flat_since_when_it_is_flat() -> None:
    y = np.concatenate([np.linspace(9, 0, 500), np.zeros(500)]) + 0.1 * noise(1_000)
    since = read(y).flat_since
    assert since is not None and 490 <= since <= 620


def test_flatness_is_not_said_of_what_goes_on() -> None:
    n = 1_000
    for y in (
        falling(n),
        5 * (1 + np.arange(n)) ** -0.4,
        5 * (1 + np.arange(n)) ** -0.1 + noise(n),
    ):
        assert read(y).flat_since is None
    assert read(np.concatenate([np.linspace(9, 0, 8), np.zeros(11)])).flat_since is None
    assert read(noise(n)).flat_since is None  # it never moved


def test_a_drift_is_a_move() -> None:
    assert read(noise(400)).never_moved is True
    assert read(noise(400) + np.linspace(0, 1, 400)).never_moved is False
    assert read(noise(400) + (np.arange(400) < 2) * 30).never_moved in (False, None, True)
    assert read(noise(5)).never_moved is None


def test_what_a_continuation_brings() -> None:
    n = 400
    truth = 5 * (1 + np.arange(2 * n)) ** -0.4
    found = read(truth[:n] + 0.01 * noise(n), log=False).continuation
    assert found is not None
    assert found.shape == "power law"
    for part, interval in ((0.1, found.tenth), (0.25, found.quarter)):
        change = truth[int((1 + part) * n) - 1] - truth[n - 1]
        assert interval.low <= change <= interval.high
        assert interval.value == pytest.approx(change, rel=0.5)
    gone = read(np.concatenate([falling(200, rate=20.0), np.zeros(200)]), log=False).continuation
    assert gone is not None and abs(gone.double.value) < 0.05


def test_ten_decades_are_read_as_logarithms() -> None:
    n = 300
    y = np.exp(np.linspace(np.log(1e5), np.log(1e-5), n) + 0.1 * noise(n))
    curve = read(y)
    assert curve.log
    assert curve.noise == pytest.approx(0.1, rel=0.2)
    assert [p.kind for p in curve.phases] == ["falling"]
    assert curve.last.value == pytest.approx(1e-5, rel=0.3)
    found = curve.continuation
    assert found is not None and -1.1e-5 < found.quarter.value < 0
    assert not read(y, log=False).log
    assert read(np.array([5.0, -1, 3, 2, 1, 0.5, 0.4]), log=True).not_finite[0].start == 1


def test_what_the_values_give_away() -> None:
    assert read(np.arange(50)).is_counter
    assert not read(np.arange(50) % 10).is_counter
    assert not read(falling(50)).is_counter
    assert read(np.repeat([3.0, 2.0], 5)).repeats == pytest.approx(8 / 9)
    full = read(np.concatenate([np.linspace(0.2, 0.99, 20), np.ones(10)]), 1).saturation
    assert full is not None and (full.bound, full.start) == (1.0, 20)
    assert read(np.linspace(0, 0.99, 30), 1).saturation is None


def test_a_running_mean_is_told_from_what_is_mean_free() -> None:
    found = 0
    for seed in range(20):
        z = 2 + noise(400, seed)
        found += read(np.cumsum(z) / np.arange(1, 401)).is_running_mean
        assert not read(z).is_running_mean
        assert not read(falling(400) + 0.1 * z).is_running_mean
    assert found >= 14


def test_rounded_values_are_no_trend() -> None:
    """An accuracy of 100 samples: steps of 0.01, most values repeat."""
    for seed in range(20):
        y = np.round(0.9 + 0.005 * noise(200, seed), 2)
        assert read(y, 1).turned is None
        assert read(y, 1).jumps == ()


def test_the_order_fit_is_exact() -> None:
    assert turning_residual(np.array([5.0, 3, 1, 2, 8])) == 0
    assert turning_residual(np.array([1.0, 3, 7, 2, 0])) == 0
    # 1, 3, 2, 3, 2, 0: pooling 3 and 2 on the way up leaves 0.5.
    assert turning_residual(np.array([1.0, 3, 2, 3, 2, 0])) == pytest.approx(0.5)
