"""Whether a value is worse than those of earlier runs, beyond what repeating a run changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.aggregate import student_t
from postrun.stats.robust import Floats

#: Weight of what the curves' own noise says about the spread, in runs: that many degrees of freedom.
_PRIOR = 3.0


@dataclass(frozen=True, slots=True)
class Margin:
    """What is known about a value before it is seen.

    Attributes:
        centre: The mean of the earlier runs.
        spread: Standard deviation from run to run.
        allowed: Distance from the centre that one repeated run of a hundred exceeds on one side.
    """

    centre: float
    spread: float
    allowed: float


def margin(known: Floats, noise: float, level: float = 0.99) -> Margin:
    """Return the prediction interval for the next run of the same kind, one-sided.

    The variance of the earlier runs is moderated by a prior of `_PRIOR` degrees of freedom whose variance is
    `noise` squared (Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
    expression", section 4): one earlier run says nothing about the spread, two say little. The interval is that
    of a further normal value: t s sqrt(1 + 1/k) (Hahn 1970).

    Args:
        known: Values of the earlier runs, finite. Shape (k,), k at least 1.
        noise: Standard deviation that is expected from run to run before any second run is seen.
        level: Share of repeated runs that stay within the margin.
    """
    k = len(known)
    centre = float(known.mean())
    seen = float(np.square(known - centre).sum())
    freedom = _PRIOR + k - 1
    spread = math.sqrt((_PRIOR * noise**2 + seen) / freedom)
    # A one-sided level p is bounded by the two-sided level 2 p - 1.
    reach = student_t(2 * level - 1, freedom) * math.sqrt(1 + 1 / k)
    return Margin(centre, spread, reach * spread)
