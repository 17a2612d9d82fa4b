"""Which configuration is best, and how sure that is, when the best of many noisy results is picked."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from postrun.compare.parameters import Parameter
from postrun.stats.robust import Floats

#: Draws from the posterior.
_DRAWS = 20_000


@dataclass(slots=True)
class Configuration:
    """Runs of equal settings. `mean` of their results; `shrunk` and `error`: what to expect of a new run's
    mean, and its standard error; `p_best`: probability that it is the best of those tried.
    """

    settings: dict[str, str]
    members: list[int]
    mean: float
    shrunk: float = float("nan")
    error: float = float("nan")
    p_best: float = float("nan")


@dataclass(slots=True)
class Ranking:
    """Configurations, best first by `mean`. `noise` is the standard deviation between runs of equal settings,
    told by `source`: "seeds", "forest" (errors of unseen predictions: an upper bound) or "curves" (only the
    noise within runs: a lower bound).
    """

    configurations: list[Configuration]
    noise: float
    source: str

    @property
    def curse(self) -> float:
        """How far the best result lies beyond what is to be expected of it: the winner's curse."""
        best = self.configurations[0]
        return abs(best.mean - best.shrunk)

    def could_be_best(self, share: float = 0.05) -> list[Configuration]:
        """Configurations that may be the best with at least this probability, the likeliest first."""
        likely = [c for c in self.configurations if c.p_best >= share]
        return sorted(likely, key=lambda c: -c.p_best)


def rank_configurations(
    params: list[Parameter],
    values: Floats,
    sign: int,
    residual: float = float("nan"),
    error: float = float("nan"),
    seed: int = 0,
) -> Ranking:
    """Configurations by their results, with empirical-Bayes shrinkage.

    Results are taken as true means plus noise, and true means as draws from one normal distribution, whose mean
    and variance are those of the results (Robbins 1956; Efron and Morris 1973): the expected true mean of a
    configuration lies between its result and the mean of all, the more so the noisier it is. Results far on the
    bad side (diverged runs) are drawn in to three quartile ranges first: they tell nothing of the good ones.

    Args:
        params: The hyper-parameters.
        values: Result per run, NaN where there is none.
        sign: +1 where higher is better, -1 where lower is.
        residual: Standard deviation of a forest's errors on unseen runs, where there is one.
        error: Typical standard error of one result by the noise within its run.
        seed: Of the draws.
    """
    groups: dict[str, list[int]] = {}
    for i in np.flatnonzero(np.isfinite(values)).tolist():
        mark = json.dumps([p.values[i] for p in params], default=str)
        groups.setdefault(mark, []).append(i)
    y = draw_in(values * sign)
    found = [
        Configuration(
            {p.key: "not set" if p.values[m[0]] is None else p.text(p.codes[m[0]]) for p in params},
            m,
            float(np.mean(values[m])),
        )
        for m in groups.values()
    ]
    counts = np.array([len(c.members) for c in found], dtype=np.float64)
    means = np.array([float(np.mean(y[c.members])) for c in found])
    freedom = int((counts - 1).sum())
    squares = sum(float(((y[c.members] - y[c.members].mean()) ** 2).sum()) for c in found)
    if freedom >= 3:
        noise, source = (squares / freedom) ** 0.5, "seeds"
    elif np.isfinite(residual):
        noise, source = residual, "forest"
    else:
        noise, source = (error if np.isfinite(error) else 0.0), "curves"
    variance = noise**2 / counts
    centre, between = _prior(means, variance)
    weight = between / (between + variance) if between > 0 else np.zeros(len(means))
    if not noise:
        weight = np.ones(len(means))
    expected = centre + weight * (means - centre)
    spread = np.sqrt(np.maximum(weight * variance, 0))
    rng = np.random.default_rng(seed)
    drawn = expected + spread * rng.normal(size=(_DRAWS, len(expected)))
    # Equal ones share the chance.
    top = drawn == drawn.max(axis=1, keepdims=True)
    chances = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    for c, e, s, p in zip(found, expected, spread, chances, strict=True):
        c.shrunk, c.error, c.p_best = float(e * sign), float(s), float(p)
    found.sort(key=lambda c: -sign * c.mean)
    return Ranking(found, noise, source)


def _prior(means: Floats, variance: Floats) -> tuple[float, float]:
    """Mean and variance of the true means, by moments, weighted by what each result is worth; iterated."""
    between = max(0.0, float(np.var(means) - variance.mean())) if len(means) > 1 else 0.0
    centre = float(means.mean())
    for _ in range(50):
        weights = 1 / (between + variance + 1e-300)
        centre = float((weights * means).sum() / weights.sum())
        if len(means) < 2:
            break
        update = float((weights * ((means - centre) ** 2 - variance)).sum() / weights.sum())
        update = max(0.0, update * len(means) / (len(means) - 1))
        if abs(update - between) < 1e-12 * (1 + between):
            break
        between = update
    return centre, between


def draw_in(y: Floats) -> Floats:
    """Results (higher is better) with those far on the bad side drawn in to three quartile ranges."""
    known = y[np.isfinite(y)]
    if len(known) < 4:
        return y
    low, high = np.quantile(known, [0.25, 0.75])
    return np.where(np.isfinite(y), np.maximum(y, low - 3 * (high - low)), y)
