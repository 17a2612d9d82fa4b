"""The noise between repeated results: pooled, without groups that differ far more than the others."""

from __future__ import annotations

import numpy as np
import pytest

from postrun.stats.repeats import spread_within
from postrun.studies.best import rank_configurations
from postrun.studies.parameters import Parameter


def test_the_variance_is_pooled_over_groups() -> None:
    groups = [np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0]), np.array([4.0])]
    assert spread_within(groups).sigma == pytest.approx(((2.0 + 2.0) / 3) ** 0.5)
    assert spread_within(groups)[1:] == (3, 0)
    assert spread_within([np.array([1.0])]) == (0.0, 0, 0)


def test_groups_in_which_a_run_collapsed_do_not_count() -> None:
    rng = np.random.default_rng(0)
    groups = [0.8 + 0.01 * rng.normal(size=3) for _ in range(10)]
    broken = [*groups[:9], np.array([0.8, 0.0, 0.81])]
    assert spread_within(broken).left_out == 1 and spread_within(broken).freedom == 18
    assert spread_within(broken).sigma == pytest.approx(0.01, rel=0.4)
    assert (
        spread_within(broken[-4:]).left_out == 0
    )  # of four groups none can be told to be the odd one


@pytest.mark.parametrize(("size", "groups"), [(2, 10), (3, 5), (3, 20), (5, 7)])
def test_equal_noise_is_told_without_bias(size: int, groups: int) -> None:
    rng = np.random.default_rng(1)
    told = [spread_within(list(rng.normal(size=(groups, size)))) for _ in range(1500)]
    assert np.mean([one.sigma**2 for one in told]) == pytest.approx(1, abs=0.06)
    assert np.mean([one.left_out > 0 for one in told]) < 0.06


def test_without_noise_nothing_is_left_out() -> None:
    assert spread_within([np.array([1.0, 1.0])] * 6) == (0.0, 6, 0)


def test_a_sweep_with_a_collapsed_seed_is_as_sure_as_one_without() -> None:
    settings = np.repeat(np.arange(8.0), 3)
    values = 0.5 + 0.04 * settings + 0.005 * np.random.default_rng(2).normal(size=24)
    values[1] = 0.0
    ranking = rank_configurations([Parameter("lr", "linear", list(settings), settings)], values, 1)
    assert ranking.unsteady == 1 and ranking.noise == pytest.approx(0.005, rel=0.5)
    assert ranking.configurations[0].p_best > 0.99
