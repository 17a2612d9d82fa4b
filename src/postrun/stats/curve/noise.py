"""How much single values and levels differ from the curve that they follow.

The noise comes from differences, which cancel the curve, not from residuals of a fit. Sources: Gasser, Sroka
and Jennen-Steinmetz 1986 (second differences), Hall, Kay and Titterington 1990 (higher orders); the growth of
differences with their distance, which tells autocorrelated noise from white noise, is the structure function
(Allan 1966).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.curve.groups import Groups, middle, of_three, row_medians
from postrun.stats.curve.order import turning_residual
from postrun.stats.robust import MAD_TO_SIGMA, Floats, mean

#: Standard deviation of an order-k difference of unit white noise: sqrt(C(2k, k)).
_NORM = {k: math.sqrt(math.comb(2 * k, k)) for k in (2, 4, 6, 8)}
#: A smooth curve's differences shrink with each two orders by more than this; noise's by less: those of
#: first-order autoregressive noise of 0.9 by 1.4.
_SMOOTH = 2.0
_SEGMENT, _SEGMENTS = 24, 16
#: A short curve's early fall has differences of its own: its noise is this many times that of its second half
#: at most. The factor makes up for the few values.
_LATE = 1.6
#: The standard error of a median over that of a mean, for normal values.
_MEDIAN = math.sqrt(math.pi / 2)
#: Mean square of the three smallest quarters of standard normal values.
_TRIMMED = 0.368
#: The share of squared differences that shows autocorrelation, the rest may be jumps; and the mean of so many
#: smallest squares of standard normal values.
_KEPT, _HALF = 0.6, 0.2145
#: How much few levels lean towards an autocorrelation of 0.5.
_PRIOR = 8.0
_RHO = np.linspace(0.0, 0.98, 99)
#: Fewer levels than this do not show autocorrelation.
_CORRELATED = 16
_DISTANCES = (1, 2, 4, 8)
#: Growth of squared second differences with doubled distance: 1 for white noise, up to 2 for a random walk,
#: 16 for a curve.
_CURVED = 5.0
_GROWTH = np.log(
    [(1 - _RHO**d) * (3 - _RHO**d) / ((1 - _RHO) * (3 - _RHO)) for d in _DISTANCES[1:]]
)
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise around the curve, on the scale on which it is read.

    Attributes:
        single: Standard deviation of single values, the median over the series.
        local: Standard deviation of each group's level, shape (k,).
        rho: Lag-1 autocorrelation of the levels' noise, 0 to 0.98.
        rounding: What rounding adds to any value: the resolution over sqrt(12).
    """

    single: float
    local: Floats
    rho: float
    rounding: float

    @property
    def reach(self) -> float:
        """The standard errors of a 95% interval: 2, and more where few levels make the noise uncertain."""
        return 2 * (1 + 5 / max(len(self.local), 1))

    def error(self, start: int, stop: int) -> float:
        """Return the standard error of the mean level of groups `start` to `stop`."""
        part = self.local[start:stop]
        return math.sqrt(float(part @ part) / len(part) * variance(len(part), self.rho))


def variance(count: int, rho: float) -> float:
    """Variance of the mean of `count` values of autoregressive noise of unit variance."""
    if rho <= 0:
        return 1 / count
    factor = (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**count) / (count * (1 - rho) ** 2)
    return factor / count


def read_noise(y: Floats, groups: Groups) -> Noise:
    """Return the noise of a finite series and of the levels of its groups. Shape of y: (n,)."""
    k = len(groups.level)
    rounding = resolution(y) / math.sqrt(12)
    if len(y) < 4:
        return Noise(0.0, np.full(k, rounding), 0.0, rounding)
    order = _order(y)
    profile = _profile(y, order)
    single = middle(profile)
    places = np.linspace(0, len(profile) - 1, k)
    shape = np.interp(places, np.arange(len(profile)), profile) if len(profile) > 1 else profile
    # A stretch without noise still shares a little of the rest's: it may be rounded or repeated.
    shape = np.maximum(shape, max(rounding, 0.05 * single))
    if not shape.any():
        return Noise(0.0, np.zeros(k), 0.0, rounding)
    scale, rho = _levels(groups, np.broadcast_to(shape, (k,)), order > 2)
    return Noise(single, np.ascontiguousarray(np.broadcast_to(shape * scale, (k,))), rho, rounding)


def resolution(y: Floats) -> float:
    """Return the step to which values are rounded: at the least what a float resolves.

    A smallest difference that many neighbours share is the step of a rounded series.
    """
    least = 8 * _EPS * float(np.abs(y).max()) if len(y) else 0.0
    part = y if len(y) <= 512 else y[:: len(y) // 256]
    ordered = np.sort(part)
    steps = np.diff(ordered)
    apart = steps[steps > least]
    if len(apart) == 0 or len(apart) > 0.8 * len(steps):
        return least
    return float(apart.min())


def _order(y: Floats) -> int:
    """Return the order of differences that sees noise alone: higher while they shrink as a curve's do."""
    part = y if len(y) <= 2048 else y[-2048:]
    order, last = 2, _scale(np.diff(part, 2), 2)
    difference = np.diff(part, 2)
    while order < 8 and len(difference) > 5 and last > 0:
        difference = np.diff(difference, 2)
        here = _scale(difference, order + 2)
        if here * _SMOOTH * (1 + 16 / len(difference)) > last:
            break
        order, last = order + 2, here
    return order


def _scale(difference: Floats, order: int) -> float:
    """Return the noise by differences of an order: robust, and efficient where they are few.

    The root mean square of the three smallest quarters, as a share of that of normal values; half of the
    values at the least must be 0 for the noise to be 0.
    """
    m = len(difference)
    if m < 40:
        square = np.sort(difference**2)[: max(1, -(-3 * m // 4))]
        return math.sqrt(mean(square) / _TRIMMED) / _NORM[order]
    size = np.abs(difference)
    half = middle(size)
    return MAD_TO_SIGMA * (half or _quantised(size)) / _NORM[order]


def _quantised(size: Floats) -> float:
    """Return a stand-in for the median size of differences most of which are 0."""
    moved = float(np.count_nonzero(size)) / len(size)
    if moved < 0.3:  # a staircase: its steps are no noise
        return 0.0
    return float(np.mean(size[size <= np.quantile(size, 0.95)])) * 0.845


def _profile(y: Floats, order: int) -> Floats:
    """Return the noise of single values in 1 to 16 consecutive segments."""
    difference = np.diff(y, order) if len(y) > order + 1 else np.diff(y, 2)
    order = order if len(y) > order + 1 else 2
    count = min(_SEGMENTS, len(difference) // _SEGMENT)
    if count < 3:
        return np.array([_short(y, difference, order)])
    size = np.abs(difference[len(difference) % count :]).reshape(count, -1)
    found = MAD_TO_SIGMA / _NORM[order] * row_medians(size)
    if not found.all() and (stand_in := _quantised(size.ravel())):
        found = np.maximum(found, MAD_TO_SIGMA / _NORM[order] * stand_in)
    return of_three(found)


def _short(y: Floats, difference: Floats, order: int) -> float:
    """Return the noise of a short series.

    A short curve's early fall has differences of its own, so the noise is at most `_LATE` times that of
    the second half. Up to 11 values, what a fit that turns at most once leaves over counts as well; the
    fit takes up half of the values.
    """
    n = len(y)
    scale = _scale(difference, order)
    late = _scale(difference[len(difference) // 2 :], order) if n >= 8 else 0.0
    if late > 0:
        scale = min(scale, _LATE * late)
    if n >= 12 or order > 2:
        return scale
    return math.sqrt((turning_residual(y) + scale**2) / (1 + n / 2))


def _levels(groups: Groups, shape: Floats, smooth: bool) -> tuple[float, float]:
    """Return the factor from single values' noise to that of levels, and its autocorrelation.

    Second differences over distance d of autoregressive noise have the variance
    s² (6 - 8 rho^d + 2 rho^2d): their growth from 1 to 2, 4 and 8 tells rho. Those of a curve grow with
    the fourth power of d, and are left out.
    """
    white = _MEDIAN / math.sqrt(groups.size) if groups.size > 1 else 1.0
    k = len(groups.level)
    if k < _CORRELATED:
        return white, 0.0
    # The first third falls steeply, as a rule: its curve would pass for slow noise.
    level, shape = groups.level[k // 3 :], shape[k // 3 :]
    found = [_structure(level, shape, d) for d in _DISTANCES if 2 * d <= len(level) // 2]
    if smooth or found[0] <= 0:
        return white, 0.0
    rho = _rho(np.array(found[1:]) / found[0], k)
    scale = math.sqrt(found[0] * 6 / (6 - 8 * rho + 2 * rho**2))
    return max(white, scale), rho


def _structure(level: Floats, shape: Floats, distance: int) -> float:
    """Return the variance of white noise, in squares of `shape`, that has such second differences."""
    d = distance
    difference = level[: -2 * d] - 2 * level[d:-d] + level[2 * d :]
    square = np.sort((difference / shape[d:-d]) ** 2)
    keep = max(1, int(_KEPT * len(square)))
    return mean(square[:keep]) / _HALF / 6


def _rho(growth: Floats, levels: int) -> float:
    """Return the autocorrelation whose growth of differences with distance is nearest to what was seen.

    Growth by more than `_CURVED` from one distance to the next is a curve's, and so is what follows.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # no growth at all: a rounded series
        steps = growth / np.concatenate([[1.0], growth[:-1]])
    curved = np.flatnonzero(steps > _CURVED)
    count = int(curved[0]) if len(curved) else len(growth)
    if not count:
        return 0.0
    off = np.log(np.maximum(growth[:count], 1.0))[:, None] - _GROWTH[:count]
    prior = _PRIOR / levels * (_RHO - 0.5) ** 2
    return float(_RHO[int(np.argmin((off**2).sum(axis=0) + prior))])
