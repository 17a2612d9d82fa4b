"""The reading of curves against simulation: few false alarms, and what is there is seen.

The full tables are `python -m benchmarks.curves`; here are fewer curves, with bounds that a sound
reading keeps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.curves import families
from benchmarks.curves.families import Maker

from postrun.stats.curve import Curve, read_curve

_RUNS = 25
_LENGTHS = (6, 8, 20, 100, 1_000)


def share(
    make: Maker, ask: Callable[[Curve], object], lengths: tuple[int, ...] = _LENGTHS
) -> float:
    said = []
    for n in lengths:
        rng = np.random.default_rng([1, n])
        said += [bool(ask(read_curve(np.arange(float(n)), make(n, rng), -1))) for _ in range(_RUNS)]
    return float(np.mean(said))


@pytest.mark.parametrize("name", families.without_turn())
def test_no_turning_point_is_made_up(name: str) -> None:
    # 125 curves: 1% leaves 4 or more once in a hundred tests. Slow noise of few values looks like a turn.
    bound = 12 if name == "plateau + AR(1) 0.9" else 4
    assert share(families.without_turn()[name], lambda c: c.turned) * 125 <= bound


@pytest.mark.parametrize("name", [f for f in families.without_turn() if "staircase" not in f])
def test_no_jump_is_made_up(name: str) -> None:
    assert share(families.without_turn()[name], lambda c: c.jumps) * 125 <= 4


@pytest.mark.parametrize("course", [families.power, families.slow_exponential])
@pytest.mark.parametrize("kind", families.NOISES)
def test_what_still_falls_is_not_flat(course: Maker, kind: str) -> None:
    plain = kind == "none"
    make = families.smooth(course) if plain else families.additive(course, families.NOISES[kind])
    assert share(make, lambda c: c.flat_since is not None, (50, 300, 1_000)) * 75 <= 2


@pytest.mark.parametrize("rise", [10, 20])
@pytest.mark.parametrize("first", [False, True])
def test_an_overfit_is_found(rise: float, first: bool) -> None:
    found = share(families.overfit(rise, first=first), lambda c: c.turned, (50, 300, 1_000))
    assert found >= 0.95


def test_an_overfit_of_twenty_noise_levels_is_found_with_eight_evaluations() -> None:
    assert share(families.overfit(20), lambda c: c.turned, (8,)) >= 0.9
    assert share(families.overfit(20, first=True), lambda c: c.turned, (8,)) >= 0.9


def test_a_flat_half_is_found() -> None:
    make = families.half_flat("linear", 100)
    assert share(make, lambda c: c.flat_since is not None, (100, 300, 1_000)) >= 0.9


def test_a_jump_is_found() -> None:
    assert share(families.jump(20), lambda c: c.jumps, (100, 300)) >= 0.9
