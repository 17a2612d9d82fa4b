"""Aggregates over repeated runs, with intervals: what a few seeds can and cannot show.

Scores are matrices (runs, tasks), higher is better; one column where there is one task. The estimators are
those of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (arXiv
2108.13264), and agree with its library, rliable, figure by figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.stats.robust import Floats

Statistic = Callable[[Floats], Floats]
#: Bootstrap resamples; the quantiles that bound 95% then rest on 50 of them each.
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the bounds of its interval (NaN where `n` is too small for one)."""

    value: float
    low: float
    high: float
    n: int


def iqm(scores: Floats) -> Floats:
    """Interquartile mean: the mean of the middle half of all runs and tasks.

    Shapes: (..., runs, tasks) to (...). A quarter of the values, rounded down, is cut at each end, as
    in scipy.stats.trim_mean; below four values it is the mean.
    """
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = int(0.25 * flat.shape[-1])
    return np.asarray(flat[..., cut : flat.shape[-1] - cut].mean(axis=-1))


def mean(scores: Floats) -> Floats:
    """Mean over tasks of the means over runs. Shapes: (..., runs, tasks) to (...)."""
    return np.asarray(scores.mean(axis=-2).mean(axis=-1))


def median(scores: Floats) -> Floats:
    """Median over tasks of the means over runs. Shapes: (..., runs, tasks) to (...)."""
    return np.asarray(np.median(scores.mean(axis=-2), axis=-1))


def optimality_gap(scores: Floats, target: float = 1.0) -> Floats:
    """How far scores stay below a target on average; what is above it counts as at it."""
    return np.asarray(target - np.minimum(scores, target).mean(axis=(-2, -1)))


def performance_profile(scores: Floats, thresholds: Floats) -> Floats:
    """Share of runs whose score is above each threshold, averaged over tasks.

    Shapes: (..., runs, tasks) and (thresholds,) to (..., thresholds).
    """
    above = scores[..., None] > thresholds
    return np.asarray(above.mean(axis=-3).mean(axis=-2))


def probability_of_improvement(first: Floats, second: Floats) -> float:
    """Probability that a run of `first` beats one of `second`, averaged over tasks; ties count half.

    Per task this is the Mann-Whitney U statistic over the number of pairs. Shapes: (n, tasks), (m, tasks).
    """
    return float(np.mean([_wins(a, b).mean() for a, b in zip(first.T, second.T, strict=True)]))


def _wins(first: Floats, second: Floats) -> Floats:
    """1 where a value of the first beats one of the second, 0.5 where equal. Shapes (n,), (m,) to (n, m)."""
    difference = first[:, None] - second
    return np.asarray((difference > 0) + 0.5 * (difference == 0))


def resamples(scores: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Stratified bootstrap: runs drawn with replacement within each task. Shape (count, runs, tasks).

    Of many runs fewer resamples are drawn, see `enough`.
    """
    n, tasks = scores.shape
    count = enough(count, n * tasks)
    picks = rng.integers(n, size=(count, n, tasks))
    return np.asarray(np.take_along_axis(scores[None], picks, axis=1))


def enough(count: int, scores: int) -> int:
    """Resamples that so many scores need: beyond a hundred, what resampling adds is small beside its cost."""
    return max(min(count, 500), min(count, 200_000 // scores))


def percentile_interval(
    scores: Floats,
    statistic: Statistic = iqm,
    level: float = 0.95,
    count: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """rliable's interval: quantiles of a statistic over stratified resamples.

    With fewer than about ten runs it is too narrow (see `interval`).
    """
    drawn = statistic(resamples(scores, count, np.random.default_rng(seed)))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(statistic(scores)), float(low), float(high), len(scores))


def interval(
    scores: Floats,
    statistic: Statistic = iqm,
    level: float = 0.95,
    count: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Interval of a statistic that holds its level with few runs as well.

    Value ± t · sqrt(n / (n - 1)) · standard deviation over stratified resamples, with Student's t of
    (n - 1) · max(1, tasks / 2) degrees of freedom (half of the scores are trimmed): resampling n runs
    underestimates the variance by (n - 1) / n, and quantiles of the resamples know nothing of the uncertainty
    of the spread (Hesterberg 2015, "What Teachers Should Know about the Bootstrap", section 4). The factor is
    left out for one task of more than 3 runs, whose trimming has the opposite effect. Fewer than 3 runs give no
    interval.
    """
    n, tasks = scores.shape
    value = float(statistic(scores))
    if n < 3:
        return Estimate(value, float("nan"), float("nan"), n)
    drawn = statistic(resamples(scores, count, np.random.default_rng(seed)))
    reach = student_t(level, _freedom(n, tasks)) * _few(n, tasks) ** 0.5 * float(drawn.std())
    return Estimate(value, value - reach, value + reach, n)


def difference_interval(
    first: Floats,
    second: Floats,
    statistic: Statistic = iqm,
    level: float = 0.95,
    count: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Interval of the difference of a statistic between two groups, as in `interval`.

    Degrees of freedom by Welch and Satterthwaite. `n` is that of the smaller group.
    """
    value = float(statistic(first) - statistic(second))
    n = min(len(first), len(second))
    if n < 2 or (n == 2 and max(len(first), len(second)) < 3):
        return Estimate(value, float("nan"), float("nan"), n)
    rng = np.random.default_rng(seed)
    parts, freedom = [], []
    for scores in (first, second):
        runs, tasks = scores.shape
        drawn = statistic(resamples(scores, count, rng))
        parts.append(float(drawn.var()) * _few(runs, tasks))
        freedom.append(_freedom(runs, tasks))
    total = sum(parts)
    degrees = (
        total**2 / sum(p**2 / f for p, f in zip(parts, freedom, strict=True)) if total else 1.0
    )
    reach = student_t(level, degrees) * total**0.5
    return Estimate(value, value - reach, value + reach, n)


def improvement_interval(
    first: Floats, second: Floats, level: float = 0.95, count: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Probability of improvement with the quantiles of stratified resamples of both groups."""
    rng = np.random.default_rng(seed)
    value = probability_of_improvement(first, second)
    n = min(len(first), len(second))
    if n < 3:
        return Estimate(value, float("nan"), float("nan"), n)
    count = enough(count, (len(first) + len(second)) * first.shape[1])
    drawn = np.zeros(count)
    for a, b in zip(first.T, second.T, strict=True):
        # How often each run is drawn is all that matters: resampled means are two products of matrices.
        often_a, often_b = (
            rng.multinomial(len(x), np.full(len(x), 1 / len(x)), count) for x in (a, b)
        )
        drawn += ((often_a @ _wins(a, b)) * often_b).sum(axis=1) / (len(a) * len(b))
    drawn /= first.shape[1]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n)


@lru_cache(maxsize=1024)
def student_t(level: float, freedom: float) -> float:
    """The factor that bounds a two-sided interval of this level, for any degrees of freedom above 0.

    Student's density over t = sqrt(freedom) tan(angle) is proportional to cos(angle)^(freedom - 1), which is
    smooth and bounded: its running sum is the distribution. Agrees with SciPy's quantiles to three digits and
    more; importing those would cost as much time as a whole comparison.
    """
    angle = np.linspace(0, np.pi / 2, 50_001)
    density = np.cos(angle).clip(0) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    at = float(np.interp(level * below[-1], below, angle))
    return float(freedom**0.5 * np.tan(at))


def rank_test(first: Floats, second: Floats) -> float:
    """Two-sided p value of "neither group is better", one task: the Mann-Whitney test.

    Exact over all splits of the pooled values where there are at most 50,000 of them (ties and all); else
    by the normal approximation with its correction for ties. Shapes: (n,), (m,).
    """
    pooled = np.concatenate([first, second])
    n, total = len(first), len(pooled)
    ranks = _ranks(pooled)
    centre = n * (total + 1) / 2
    seen = abs(float(ranks[:n].sum()) - centre) - 1e-9
    if comb(total, n) <= 50_000:
        picks = np.array(list(combinations(range(total), n)))
        sums = ranks[picks].sum(axis=1)
        return float((np.abs(sums - centre) >= seen).mean())
    variance = float(ranks.var()) * n * (total - n) / (total - 1)
    if not variance:
        return 1.0
    z = max(0.0, seen - 0.5) / variance**0.5
    return float(2 * (1 - NormalDist().cdf(z)))


def _ranks(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return np.asarray((ends - (counts - 1) / 2)[place], dtype=np.float64)


def holm(p: Floats) -> Floats:
    """p values adjusted so that all statements hold together (Holm 1979). Shape (n,)."""
    n = len(p)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(n, 0, -1))
    out = np.empty(n)
    out[order] = np.minimum(adjusted, 1)
    return out


def wilson(
    hits: NDArray[Any] | int, n: NDArray[Any] | int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Bounds of a share (Wilson 1927): honest for few and for none. Broadcasts."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    count = np.maximum(np.asarray(n, dtype=np.float64), 1)
    share = np.asarray(hits, dtype=np.float64) / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    # The bound of none or of all is exactly 0 or 1; rounding leaves 1e-17 of it.
    low, high = np.where(share <= 0, 0, middle - reach), np.where(share >= 1, 1, middle + reach)
    return np.asarray(low), np.asarray(high)


def _freedom(runs: int, tasks: int) -> float:
    return (runs - 1) * max(1.0, tasks / 2)


def _few(runs: int, tasks: int) -> float:
    """What makes up for the variance that resampling n runs loses, (n - 1) / n.

    Where one task's values are trimmed (from 4 runs on), resamples overstate the trimmed mean's variance by
    about as much, and nothing is to make up for: `benchmarks.many.coverage` shows both.
    """
    return 1.0 if tasks == 1 and runs > 3 else runs / (runs - 1)


def paired_test(differences: Floats) -> float:
    """Two-sided p value of "no difference" for pairs: signs flipped, all ways up to 2^14, else 20,000.

    Shape (n,).
    """
    n = len(differences)
    seen = abs(float(differences.sum())) - 1e-12
    if n <= 14:
        signs = 1 - 2 * ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ differences) >= seen).mean())
    signs = np.random.default_rng(0).choice((-1, 1), size=(20_000, n))
    return float((1 + (np.abs(signs @ differences) >= seen).sum()) / 20_001)
