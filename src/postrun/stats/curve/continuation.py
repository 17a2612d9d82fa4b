"""What more of the same would bring: power laws and exponentials, averaged by how well they fit.

Learning curves follow power laws with a limit (Hestness et al. 2017; Viering and Loog 2021 compare such
shapes). No single fit is to be believed: every shape of a grid is fitted by weighted least squares, and
weighted by exp(-chi²/2) (Burnham and Anderson 2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.curve.extremes import Interval
from postrun.stats.curve.groups import Groups
from postrun.stats.curve.noise import Noise, variance
from postrun.stats.robust import Floats

#: Exponents of power laws, and rates of exponentials over the length of the series.
_POWERS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0])
_RATES = np.geomspace(0.1, 60.0, 26)
#: Shares of the fit's length that a power law may have behind it at the first value, beyond what is known.
_OFFSETS = (0.0, 0.05, 0.3)
#: No shape is exact: an expected change is uncertain by this share of it at the least.
_MODEL = 0.1
#: What the expected changes are given for: shares of the length so far.
SHARES = (0.1, 0.25, 1.0)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Expected change of the level if the run goes on.

    Attributes:
        tenth: Over the next 10% of the length so far, with its interval.
        quarter: Over the next 25%.
        double: Over as much again.
        shape: The likeliest shape, "power law" or "exponential".
    """

    tenth: Interval
    quarter: Interval
    double: Interval
    shape: str


@dataclass(frozen=True, slots=True)
class Fits:
    """Every shape of the grid, fitted: the chance of each and what it says.

    Attributes:
        chance: Weights that sum to 1, shape (m,).
        slope: Factor of each shape, shape (m,).
        error: Its standard error, shape (m,).
        start: First position of the fit.
        length: Its extent in x.
        offsets: Shares of the length that power laws have behind them at the first position.
        reach: Standard errors of an interval.
    """

    chance: Floats
    slope: Floats
    error: Floats
    start: float
    length: float
    offsets: Floats
    reach: float

    @property
    def power_law(self) -> float:
        """The chance of a power law."""
        return float(self.chance[: len(_POWERS) * len(_OFFSETS)].sum())

    def levels(self, positions: Floats) -> Floats:
        """Return the fitted curve at positions, up to a constant. Shape (n,)."""
        shapes = _shapes((positions - self.start) / self.length, self.offsets)
        return np.asarray((self.chance * self.slope) @ shapes)

    def change(self, origin: float, end: float) -> Interval:
        """Return the expected change from one position to another, with its 95% interval."""
        u = (np.array([origin, end]) - self.start) / self.length
        shapes = _shapes(u, self.offsets)
        step = shapes[:, 1] - shapes[:, 0]
        each = self.slope * step
        mean = float(self.chance @ each)
        spread = float(self.chance @ ((each - mean) ** 2 + (self.error * step) ** 2))
        reach = self.reach * math.hypot(math.sqrt(spread), _MODEL * mean)
        return Interval(mean, mean - reach, mean + reach)


def fit(groups: Groups, noise: Noise, start: int, stop: int) -> Fits | None:
    """Fit all shapes to groups `start` to `stop`; None for fewer than 5 levels or without extent in x."""
    x, y = groups.centre[start:stop], groups.smooth[start:stop]
    count = len(y)
    length = float(x[-1] - x[0]) if count else 0.0
    if count < 5 or length <= 0:
        return None
    u = (x - x[0]) / length
    before = float(x[0] - groups.centre[0]) / length + 1 / count
    offsets = before + np.array(_OFFSETS)
    shapes = _shapes(u, offsets)
    local = noise.local[start:stop]
    largest = float(local.max())
    weight = 1 / np.maximum(local, 1e-3 * largest) ** 2 if largest > 0 else np.ones(count)
    total = float(weight.sum())
    centred = shapes - (shapes @ weight / total)[:, None]
    residual = y - float(weight @ y) / total
    own = (centred**2) @ weight
    slope = (centred @ (weight * residual)) / own
    rest = np.maximum(float(weight @ residual**2) - slope**2 * own, 0.0)
    unit = max(1.0 if largest > 0 else 0.0, float(rest.min()) / (count - 2))
    inflation = unit * count * variance(count, noise.rho)
    if inflation <= 0:
        chance = (rest == rest.min()).astype(np.float64)
    else:
        chance = np.exp(-0.5 * (rest - rest.min()) / inflation)
    return Fits(
        chance / chance.sum(),
        slope,
        np.sqrt(inflation / own),
        float(x[0]),
        length,
        offsets,
        noise.reach,
    )


def expect(groups: Groups, noise: Noise, start: int = 0) -> Continuation | None:
    """Return what a continuation would bring, from a fit of the groups from `start` on."""
    k = len(groups.level)
    # The first steps follow another law (warm-up); the fit is to be right at the end.
    start = max(start, k // 10) if k >= 20 else start
    found = fit(groups, noise, start, k)
    if found is None:
        return None
    end = float(groups.centre[-1])
    run = end - float(groups.centre[0])
    tenth, quarter, double = (found.change(end, end + share * run) for share in SHARES)
    likely = "power law" if found.power_law >= 0.5 else "exponential"
    return Continuation(tenth, quarter, double, likely)


def _shapes(u: Floats, offsets: Floats) -> Floats:
    """Return each shape of the grid at positions `u`, 0 to 1 over the fit. Shape (shapes, positions)."""
    powers = [np.exp(-_POWERS[:, None] * np.log(u + offset)) for offset in offsets.tolist()]
    return np.concatenate([*powers, np.exp(-_RATES[:, None] * u)])
