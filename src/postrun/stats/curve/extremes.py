"""The best level, the last one, and whether the second is worse than the first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from postrun.stats.curve.groups import Groups, middle
from postrun.stats.curve.noise import Noise, variance
from postrun.stats.robust import Floats, mean, row_means

#: A turning point moves further than this many times any move that was undone.
_CONTRAST = 2.5
#: Critical values for fewer than 12 levels: one white series of a hundred exceeds them, and from 10 on two of
#: a hundred with autoregressive noise of 0.9, which so few levels do not show.
_SHORT = {5: 14.0, 6: 10.7, 7: 7.5, 8: 7.6, 9: 7.9, 10: 9.0, 11: 10.0}
#: The share of a usual step that counts as noise where there are few values.
_STEP = 0.25
#: What few levels add to the critical value: their noise is uncertain, and so is its autocorrelation.
_FEW, _MOST = 30.0, 0.75


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Best:
    """The best level of a series.

    Attributes:
        level: The level. The lowest of many noisy values lies below the level that it comes from; what is
            expected of that is added back, and the interval holds it.
        start: Index of the first value of the stretch whose level cannot be told from the best.
        stop: Index after its last value.
    """

    level: Interval
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A turning point: the best level is significantly better than the end.

    Attributes:
        start: Index of the first value at the best level.
        stop: Index after the last value there.
        lost: How far the last level is behind the best one, above 0, on the scale of the reading.
        sigmas: That in noise units (infinite without noise).
        certainty: `lost` over what noise alone brings in one series of a hundred, at least 1.
    """

    start: int
    stop: int
    lost: float
    sigmas: float
    certainty: float


def windows(groups: Groups, width: int) -> Floats:
    """Return mean levels of `width` groups each, the last one at the end of the series."""
    level = groups.smooth
    if width == 1:
        return level
    head = len(level) % width
    return row_means(level[head:].reshape(-1, width))


def critical(count: int, levels: int) -> float:
    """Return how far, in standard errors of one, the last of `count` levels may lie above their lowest.

    The lowest of k normal values lies sqrt(2 ln k) below their mean, the last one moves by one; `levels` is
    the number of levels by which the noise was estimated: few make it uncertain. The constants are
    calibrated by simulation (`benchmarks.curves`) so that one series of a hundred exceeds them.
    """
    if levels < 12:
        return _SHORT.get(levels, 25.0)
    return (math.sqrt(2 * math.log(max(count, 2))) + 1.8) * (1 + min(_FEW / levels, _MOST))


def find_turn(groups: Groups, noise: Noise, sign: int) -> Turn | None:
    """Return the turning point, or None if noise explains the distance from the best level to the end.

    Looks at windows of 1, 2, 4, ... levels, at least 8 of each, and reports the narrowest that show it.
    `sign` is 1 if higher is better, else -1.
    """
    k = len(groups.level)
    found, width = None, 1
    while k // width >= (8 if width > 1 else 5):
        level = windows(groups, width) * -sign
        head = k % width if width > 1 else 0
        error = _errors(groups, noise, width)
        unit = np.maximum(error, error[-1])
        behind = level[-1] - level
        ratio = np.divide(behind, unit, out=np.where(behind > 0, np.inf, 0.0), where=unit > 0)
        best = int(np.argmax(ratio)) if unit.any() else int(np.argmin(level))
        lost, at = float(behind[best]), head + best * width
        undone = _undone(groups, noise, at, min(width, max(1, k // 12)), -sign)
        allowed = max(float(unit[best]) * critical(len(level), k), _CONTRAST * undone)
        certainty = lost / allowed if allowed > 0 else math.inf if lost > 0 else 0.0
        if certainty > 1 and found is None:
            single = float(noise.local[at : at + width].max())
            sigmas = lost / single if single > 0 else math.inf
            found = Turn(groups.first(at), groups.first(at + width), lost, sigmas, certainty)
        elif found is not None and certainty > found.certainty:
            found = replace(found, certainty=certainty)
        width *= 2
    return found


def _errors(groups: Groups, noise: Noise, width: int) -> Floats:
    """Return the standard error of each window's level.

    Up to 11 values show their noise badly: it counts as a quarter of a usual step at the least, so that a turn
    is always one of several steps.
    """
    local = noise.local
    if len(local) < 12:
        local = np.maximum(local, _STEP * middle(np.abs(np.diff(groups.level))))
    if width == 1:
        return local
    rows = local[len(local) % width :].reshape(-1, width)
    return np.asarray(np.sqrt(row_means(rows**2) * variance(width, noise.rho)))


def _undone(groups: Groups, noise: Noise, best: int, width: int, sign: int) -> float:
    """Return the largest rise before the best group, or fall after it: moves that were undone.

    Slow noise wanders up and down all the time; a turning point goes one way. Moves in noisier parts count for
    less, by the ratio of the errors. 0 for few levels.
    """
    k = len(groups.level)
    if k < 10:
        return 0.0
    level, error = windows(groups, width) * sign, _errors(groups, noise, width)
    at = min(max(0, (best - k % width) // width), len(level) - 1)
    before, after = level[: at + 1], level[at:]
    moves = np.concatenate(
        [before - np.minimum.accumulate(before), (np.maximum.accumulate(after) - after)[1:]]
    )
    # A move is as uncertain as the noisier of its ends.
    worst = np.concatenate(
        [np.maximum.accumulate(error[: at + 1]), np.maximum.accumulate(error[at:])[1:]]
    )
    larger = np.maximum(worst, error[at])
    weight = np.divide(error[at], larger, out=np.ones_like(larger), where=larger > 0)
    return float((moves * weight).max())


def find_best(groups: Groups, noise: Noise, sign: int) -> Best:
    """Return the best level, with what is expected of the lowest of many noisy levels added back.

    A series that cannot be told from its best at its end has its best there: nothing is selected then.
    """
    k = len(groups.level)
    width = _narrow(groups, noise, sign)
    level = windows(groups, width) * -sign
    head = k % width if width > 1 else 0
    best = int(np.argmin(level))
    error = noise.error(head + best * width, head + (best + 1) * width)
    near = level <= level[best] + 2 * math.sqrt(2) * error
    start, stop = best, best + 1
    while start > 0 and near[start - 1]:
        start -= 1
    while stop < len(level) and near[stop]:
        stop += 1
    span = groups.first(head + start * width) if start else 0, groups.first(head + stop * width)
    if stop == len(level):
        return Best(last_level(groups, noise), *span)
    value = float(level[best]) + error * _lowest(stop - start)
    reach = noise.reach * error
    low, high = sorted((-sign * (value - reach), -sign * (value + reach)))
    return Best(Interval(-sign * value, low, high), *span)


def _narrow(groups: Groups, noise: Noise, sign: int) -> int:
    """Return the width at which the best level is looked for: narrow where the curve is steep beside it."""
    width = max(1, len(groups.level) // 24)
    while width > 1:
        wide, half = windows(groups, width) * -sign, windows(groups, width // 2) * -sign
        at = len(groups.level) % (width // 2) + int(np.argmin(half)) * (width // 2)
        if float(wide.min() - half.min()) <= 4 * noise.error(at, at + width // 2):
            break
        width //= 2
    return width


def _lowest(count: int) -> float:
    """Return how far the lowest of `count` normal values is expected to lie below their mean (Blom 1958)."""
    if count < 2:
        return 0.0
    return (
        math.sqrt(2 * math.log(count))
        - 0.5
        * (math.log(math.log(count) + 0.01) + math.log(4 * math.pi))
        / math.sqrt(2 * math.log(count))
        if count > 4
        else (0.56, 0.85, 1.03)[count - 2]
    )


def last_level(groups: Groups, noise: Noise) -> Interval:
    """Return the level at the end: the mean of the last sixteenth of the levels, or of fewer.

    As long as two such parts differ by more than 3 standard errors, the part is halved: a steep end is not to
    be averaged away (Lepski 1991).
    """
    k = len(groups.level)
    width = max(1, k // 16)
    while width > 1:
        apart = mean(groups.smooth[-width:]) - mean(groups.smooth[-2 * width : -width])
        if abs(apart) <= 3 * noise.error(k - width, k):
            break
        width //= 2
    value, error = mean(groups.smooth[-width:]), noise.error(k - width, k)
    return Interval(value, value - noise.reach * error, value + noise.reach * error)


def last_slope(groups: Groups, noise: Noise) -> Interval:
    """Return the slope over the last quarter of the levels (4 at least), per unit of x.

    Least squares, with the standard error inflated by the autocorrelation of the noise.
    """
    k = len(groups.level)
    count = min(k, max(4, k // 4))
    x, y = groups.centre[-count:], groups.smooth[-count:]
    centred = x - x.mean()
    spread = float(centred @ centred)
    if count < 3 or spread <= 0:
        return Interval(math.nan, math.nan, math.nan)
    slope = float(centred @ y) / spread
    part = noise.local[-count:]
    inflation = count * variance(count, noise.rho)
    error = math.sqrt(float((centred**2) @ part**2) * inflation) / spread
    return Interval(slope, slope - noise.reach * error, slope + noise.reach * error)
