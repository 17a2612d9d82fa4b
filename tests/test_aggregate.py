"""Statistics over runs against rliable, SciPy and statsmodels, and against known truth."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.many.coverage import SHAPES, held
from hypothesis import given, settings
from hypothesis import strategies as st
from rliable import library, metrics
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from postrun.stats import aggregate
from postrun.stats.association import fisher_exact


@pytest.mark.parametrize("shape", [(3, 1), (5, 1), (10, 26), (7, 3), (100, 5)])
def test_estimators_agree_with_rliable(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    scores, others = rng.normal(0.6, 0.5, shape), rng.normal(0.4, 0.5, (shape[0] + 2, shape[1]))
    assert aggregate.iqm(scores) == pytest.approx(metrics.aggregate_iqm(scores), abs=1e-12)
    assert aggregate.mean(scores) == pytest.approx(metrics.aggregate_mean(scores), abs=1e-12)
    assert aggregate.median(scores) == pytest.approx(metrics.aggregate_median(scores), abs=1e-12)
    gap = metrics.aggregate_optimality_gap(scores)
    assert aggregate.optimality_gap(scores) == pytest.approx(gap, abs=1e-12)
    better = metrics.probability_of_improvement(scores, others)
    assert aggregate.probability_of_improvement(scores, others) == pytest.approx(better, abs=1e-12)
    at = np.linspace(-1, 2, 31)
    theirs = [library.run_score_deviation(scores, tau) for tau in at]
    assert aggregate.performance_profile(scores, at) == pytest.approx(theirs, abs=1e-12)


def test_ties_count_half_as_in_rliable() -> None:
    first, second = np.array([[1.0], [2.0], [2.0]]), np.array([[2.0], [2.0], [3.0]])
    better = metrics.probability_of_improvement(first, second)
    assert aggregate.probability_of_improvement(first, second) == pytest.approx(better)


def test_percentile_intervals_agree_with_rliable() -> None:
    scores = np.random.default_rng(5).gamma(2, size=(10, 8))
    np.random.seed(0)
    _, bounds = library.get_interval_estimates(
        {"a": scores}, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=5000
    )
    ours = aggregate.percentile_interval(scores, count=5000)
    width = ours.high - ours.low
    assert ours.low == pytest.approx(bounds["a"][0, 0], abs=0.05 * width)
    assert ours.high == pytest.approx(bounds["a"][1, 0], abs=0.05 * width)


@pytest.mark.slow
def test_improvement_intervals_agree_with_rliable() -> None:
    rng = np.random.default_rng(6)
    pair = rng.normal(0.5, 1, (9, 4)), rng.normal(0, 1, (8, 4))
    np.random.seed(0)
    _, bounds = library.get_interval_estimates(
        {"a,b": pair}, metrics.probability_of_improvement, reps=2000
    )
    ours = aggregate.improvement_interval(*pair, count=4000)
    assert (ours.low, ours.high) == pytest.approx(tuple(bounds["a,b"][:, 0]), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "tasks"), [(5, 1), (10, 1), (5, 10)])
def test_intervals_hold_the_truth_as_often_as_they_say(runs: int, tasks: int) -> None:
    shares = held(SHAPES["normal"], runs, tasks, seed=3)
    assert 0.93 <= shares["postrun"] <= 0.97
    assert 0.93 <= shares["difference"] <= 0.97
    assert shares["percentile"] < shares["postrun"]


def test_fewer_than_three_runs_give_no_interval() -> None:
    made = aggregate.interval(np.array([[1.0], [2.0]]))
    assert made.value == 1.5 and np.isnan(made.low) and np.isnan(made.high)
    made = aggregate.difference_interval(np.array([[1.0]]), np.array([[2.0], [3.0]]))
    assert made.value == -1.5 and np.isnan(made.low)


@pytest.mark.parametrize("freedom", [1.0, 2.0, 2.7, 4.0, 9.0, 30.0, 250.0])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 0.9967])
def test_quantiles_of_student(freedom: float, level: float) -> None:
    expected = float(stats.t.ppf((1 + level) / 2, freedom))
    assert aggregate.student_t(level, freedom) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("sizes", [(3, 3), (4, 6), (5, 5), (2, 9)])
def test_small_rank_tests_are_exact(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sizes[1])
    a, b = rng.normal(size=sizes[0]), rng.normal(0.8, size=sizes[1])
    expected = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert aggregate.rank_test(a, b) == pytest.approx(expected)


def test_large_rank_tests_with_ties() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 6, 60).astype(float), rng.integers(1, 7, 70).astype(float)
    expected = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    assert aggregate.rank_test(a, b) == pytest.approx(expected, rel=1e-6)
    assert aggregate.rank_test(np.ones(40), np.ones(40)) == 1.0


def test_paired_tests_are_exact() -> None:
    gaps = np.random.default_rng(2).normal(0.5, 1, 9)
    expected = stats.permutation_test(
        (gaps,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert aggregate.paired_test(gaps) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_fisher(table: tuple[int, int, int, int]) -> None:
    a, b, c, d = table
    if a + b + c + d:
        expected = stats.fisher_exact([[a, b], [c, d]]).pvalue
        assert fisher_exact(table) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_holm_and_wilson() -> None:
    p = np.array([0.001, 0.04, 0.03, 0.8, 0.03])
    assert aggregate.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    for hits, n in ((0, 7), (3, 10), (10, 10)):
        expected = proportion_confint(hits, n, method="wilson")
        assert tuple(map(float, aggregate.wilson(hits, n))) == pytest.approx(expected, abs=1e-9)
