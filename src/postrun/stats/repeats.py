"""The noise that groups of repeated results have in common."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from postrun.stats.robust import Floats

#: Groups from which on one of them can be told to be other than the rest.
_GROUPS = 5
#: Chance that any of the groups is left out where all have one noise.
_LEVEL = 0.002


class Spread(NamedTuple):
    """A standard deviation, its degrees of freedom, and how many groups were left out of it."""

    sigma: float
    freedom: int
    left_out: int


def spread_within(groups: Sequence[Floats]) -> Spread:
    """Pooled standard deviation within groups of repeated results; 0 with no freedom if nothing is repeated.

    Of five groups or more, those whose variance is far beyond the others' are left out, as where one of three
    seeds diverged: they say nothing of the noise of the rest. Their bound is a quantile of the chi-square
    distribution (by Wilson and Hilferty, 1931) over the scaled median of all variances; if all groups have one
    noise, any is left out in one case of a hundred.
    """
    repeated = [np.asarray(g, dtype=np.float64) for g in groups if len(g) > 1]
    if not repeated:
        return Spread(0.0, 0, 0)
    freedom = np.array([len(g) - 1 for g in repeated])
    squares = np.array([float(((g - g.mean()) ** 2).sum()) for g in repeated])
    kept = np.ones(len(repeated), dtype=bool)
    if len(repeated) >= _GROUPS:
        usual = float(np.median(squares / freedom / _quantile(freedom, 0.5)))
        bound = usual * _quantile(freedom, 1 - _LEVEL / len(repeated))
        kept = squares / freedom <= bound
        kept |= usual == 0
    total = int(freedom[kept].sum())
    return Spread(float(squares[kept].sum() / total) ** 0.5, total, int((~kept).sum()))


def _quantile(freedom: np.ndarray, share: float) -> Floats:
    """Return a quantile of chi-square over its degrees of freedom."""
    part = 2 / (9 * freedom)
    return np.asarray(np.maximum(1 - part + NormalDist().inv_cdf(share) * np.sqrt(part), 0.0) ** 3)
