"""What must not change the story of a curve: units, the scale of x, every second value, broken values."""

from __future__ import annotations

import numpy as np
import pytest

from postrun.stats.curve import Curve, read_curve
from postrun.stats.robust import Floats

_N = 400


def curves() -> dict[str, Floats]:
    rng = np.random.default_rng(7)
    t = np.arange(_N) / _N
    white = rng.standard_normal(_N)
    jump = np.exp(-20 * t) + 0.02 * white
    jump[200:] += 0.5
    return {
        "falls": np.exp(-5 * t) + 0.02 * white,
        "power law": (1 + np.arange(_N)) ** -0.5 + 0.01 * white,
        "overfits": np.exp(-9 * t) + 0.6 * t + 0.02 * white,
        "stands": white,
        "flat half": np.maximum(0.5 - t, 0) * 4 + 0.02 * white,
        "jumps": jump,
    }


def story(curve: Curve) -> tuple[object, ...]:
    return (
        [(p.kind, p.start, p.stop) for p in curve.phases],
        curve.flat_since,
        curve.never_moved,
        curve.turned and (curve.turned.start, curve.turned.stop),
        [(j.at, j.recovered, j.reset) for j in curve.jumps],
        [(b.start, b.stop) for b in curve.bursts],
        curve.best and (curve.best.start, curve.best.stop),
    )


@pytest.mark.parametrize("name", curves())
@pytest.mark.parametrize(("scale", "offset"), [(2.0**-20, 0.0), (2.0**30, 0.0), (1.0, 64.0)])
def test_scale_and_offset_of_y(name: str, scale: float, offset: float) -> None:
    x, y = np.arange(float(_N)), curves()[name]
    plain = read_curve(x, y, -1, log=False)
    moved = read_curve(x, y * scale + offset, -1, log=False)
    assert story(moved) == story(plain)
    assert moved.noise == pytest.approx(plain.noise * scale, rel=1e-6)


@pytest.mark.parametrize("name", curves())
def test_the_mirror_image(name: str) -> None:
    x, y = np.arange(float(_N)), curves()[name]
    one, two = read_curve(x, y, -1, log=False), read_curve(x, -y, 1, log=False)
    turned = {"falling": "rising", "rising": "falling"}
    assert [turned.get(p.kind, p.kind) for p in one.phases] == [p.kind for p in two.phases]
    assert (one.turned is None) == (two.turned is None)
    assert (one.flat_since, one.never_moved) == (two.flat_since, two.never_moved)


@pytest.mark.parametrize("name", curves())
def test_scale_of_x(name: str) -> None:
    x, y = np.arange(float(_N)), curves()[name]
    assert story(read_curve(1024 * x + 5, y, -1)) == story(read_curve(x, y, -1))


@pytest.mark.parametrize("name", curves())
def test_every_second_value_tells_the_same_story(name: str) -> None:
    x, y = np.arange(float(_N)), curves()[name]
    whole, half = read_curve(x, y, -1), read_curve(x[::2], y[::2], -1)
    assert [p.kind for p in half.phases] == [p.kind for p in whole.phases]
    assert (half.turned is None) == (whole.turned is None)
    assert (half.flat_since is None) == (whole.flat_since is None)
    assert len(half.jumps) == len(whole.jumps)


@pytest.mark.parametrize("name", curves())
def test_the_order_of_rows_does_not_matter(name: str) -> None:
    x, y = np.arange(float(_N)), curves()[name]
    shuffled = np.random.default_rng(1).permutation(_N)
    assert story(read_curve(x[shuffled], y[shuffled], -1)) == story(read_curve(x, y, -1))


def test_anything_is_read_without_a_warning() -> None:
    """Lengths, scales, ties, broken values and x of all kinds: no exception, bounds in order, spans inside."""
    rng = np.random.default_rng(11)
    for case in range(250):
        n = int(rng.integers(0, 260))
        scale = 10.0 ** float(rng.integers(-30, 30))
        y = scale * (rng.standard_normal(n).cumsum() if case % 2 else rng.standard_cauchy(n))
        y = np.round(y / scale) * scale if case % 3 == 0 else y
        y[rng.random(n) < 0.1 * (case % 4)] = rng.choice([np.nan, np.inf, -np.inf])
        x = (
            rng.integers(0, max(1, n // 2), n).astype(float)
            if case % 5 == 0
            else np.arange(n * 1.0)
        )
        curve = read_curve(x, y, (-1, 0, 1)[case % 3])
        story(curve)
        assert curve.is_counter in (True, False) and curve.is_running_mean in (True, False)
        for phase in curve.phases:
            assert 0 <= phase.start < phase.stop <= len(curve.y)
        intervals = [curve.last, curve.slope]
        if curve.continuation:
            intervals += [curve.continuation.tenth, curve.continuation.double]
        if curve.best:
            intervals.append(curve.best.level)
        for interval in intervals:
            assert interval.low <= interval.value <= interval.high or np.isnan(interval.value)
