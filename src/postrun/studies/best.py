"""Which configuration is best, and how sure that is, when the best of many noisy results is picked."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from postrun.stats.repeats import spread_within
from postrun.stats.robust import Floats
from postrun.studies.parameters import Parameter

#: Draws from the posterior, and values of the noise among them.
_DRAWS, _NOISES = 8_000, 40
#: Noise below this share of the largest result is that of rounding.
_NO_NOISE = 1e-9


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
    told by `source`: "seeds", "forest" (errors of unseen predictions: an upper bound), "curves" (only the
    noise within runs: a lower bound), or "unknown" (no curve shows any): then nothing is expected of new runs.
    `unsteady` configurations are left out of it: their runs differ far more than those of the others.
    """

    configurations: list[Configuration]
    noise: float
    source: str
    unsteady: int = 0

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
    """Configurations by their results, drawn towards the mean of all as far as noise explains them.

    Results are taken as true means plus noise, and true means as draws from one normal distribution that is
    learned from all: the expected true mean of a configuration lies between its result and the mean of all, the
    more so the noisier it is. Results far on the
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
    within = spread_within([y[c.members] for c in found])
    freedom = within.freedom
    if freedom >= 3:
        noise, source = within.sigma, "seeds"
    elif np.isfinite(residual):
        noise, source = residual, "forest"
    else:
        noise, source = (error if np.isfinite(error) else 0.0), "curves"
    if noise <= _NO_NOISE * float(np.abs(means).max()) and source != "seeds":
        found.sort(key=lambda c: -sign * c.mean)
        return Ranking(found, float("nan"), "unknown")
    rng = np.random.default_rng(seed)
    # What few repeated runs say of the noise is itself uncertain: a scaled inverse chi-square.
    sizes = [1.0] * _NOISES if freedom < 3 else (freedom / rng.chisquare(freedom, _NOISES)).tolist()
    drawn = np.concatenate(
        [_posterior(means, size * noise**2 / counts, _DRAWS // _NOISES, rng) for size in sizes]
    )
    top = drawn == drawn.max(axis=1, keepdims=True)  # equal ones share the chance
    chances = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    for c, values_of, p in zip(found, drawn.T, chances, strict=True):
        c.shrunk, c.error, c.p_best = (
            float(values_of.mean() * sign),
            float(values_of.std()),
            float(p),
        )
    found.sort(key=lambda c: -sign * c.mean)
    return Ranking(found, noise, source, within.left_out)


def _posterior(means: Floats, variance: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Draws of all true means (draws, configurations), given measured ones and their variances.

    The hierarchical normal model with flat priors on the mean and the standard deviation of the true means
    (Gelman et al., Bayesian Data Analysis, 3rd edition, section 5.4): the latter is drawn from a grid of its
    marginal posterior, the rest follows in closed form.
    """
    if len(means) < 3 or not variance.max():
        spread = np.sqrt(variance)
        return np.asarray(means + spread * rng.normal(size=(draws, len(means))))
    taus = np.linspace(0, 4 * float(means.std()) + 1e-300, 200)[:, None]
    total = taus**2 + variance
    precision = (1 / total).sum(axis=1)
    centre = (means / total).sum(axis=1) / precision
    log_p = -0.5 * (
        np.log(precision)
        + np.log(total).sum(axis=1)
        + ((means - centre[:, None]) ** 2 / total).sum(axis=1)
    )
    p = np.exp(log_p - log_p.max())
    pick = rng.choice(len(taus), draws, p=p / p.sum())
    between = taus[pick] ** 2
    mean = centre[pick] + rng.normal(size=draws) / np.sqrt(precision[pick])
    weight = between / (between + variance)
    spread = np.sqrt(weight * variance)
    expected = mean[:, None] + weight * (means - mean[:, None])
    return np.asarray(expected + spread * rng.normal(size=expected.shape))


def draw_in(y: Floats) -> Floats:
    """Results (higher is better) with those far on the bad side drawn in to three quartile ranges."""
    known = y[np.isfinite(y)]
    if len(known) < 4:
        return y
    low, high = np.quantile(known, [0.25, 0.75])
    return np.where(np.isfinite(y), np.maximum(y, low - 3 * (high - low)), y)
