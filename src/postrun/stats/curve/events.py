"""What happens at one place: jumps of the level, bursts of single values, resets to the start."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.stats.curve.groups import Groups, middle
from postrun.stats.curve.noise import Noise, variance
from postrun.stats.robust import MAD_TO_SIGMA, Floats

#: A jump is this many standard errors; about a hundred places are looked at.
_JUMP = 5.5
#: A burst is this many noise units high; tails below this ratio are light.
_BURST, _LIGHT = 8.0, 1.8
#: Distances in x that differ by more than this are not alike.
_UNEVEN = 3.0


@dataclass(frozen=True, slots=True)
class Jump:
    """A sudden change of level.

    Attributes:
        at: Index of the first value at the new level.
        before: Level to which the course before leads.
        size: Change of the level, signed, on the scale of the reading.
        sigmas: Its size in standard errors of the change (infinite without noise).
        recovered: True if the level later comes back by two thirds of the change.
        reset: True if it leads back to where the series began.
    """

    at: int
    before: float
    size: float
    sigmas: float
    recovered: bool
    reset: bool


@dataclass(frozen=True, slots=True)
class Burst:
    """Consecutive values that stand out from their neighbours.

    Attributes:
        start: Index of the first of them.
        stop: Index after the last of them.
        height: Farthest distance from the level, signed, on the scale of the reading.
        sigmas: That in noise units.
        recovered: True if values at the former level follow.
    """

    start: int
    stop: int
    height: float
    sigmas: float
    recovered: bool


def find_jumps(values: Floats, groups: Groups, noise: Noise) -> tuple[Jump, ...]:
    """Return the jumps of the level, in order.

    At each place two lines of 4 to 8 levels, before and after, are led to it by least squares; a jump is a
    gap between them that neither noise nor the lines' own misfit explains.
    """
    k = len(groups.level)
    if k < 12:
        return ()
    width = int(np.clip(k // 8, 4, 8))
    gap, before, error = _gaps(groups.smooth, noise, width)
    certain = (np.abs(gap) > _JUMP * error) & _even(groups.centre, width)
    found: list[Jump] = []
    strength = np.abs(gap) / np.maximum(error, 1e-300)
    for place in np.flatnonzero(certain).tolist():
        near = slice(max(0, place - width // 2), place + width // 2 + 1)
        if (
            strength[place] < strength[near].max()
            or (strength[near] == strength[place]).argmax() + (near.start) < place
        ):
            continue
        group = place + width
        size, base = float(gap[place]), float(before[place])
        later = groups.smooth[group + 1 :]
        back = math.copysign(1, size) * (later - base) < abs(size) / 3
        sigmas = float(strength[place]) if error[place] > 0 else math.inf
        start = float(groups.smooth[0])
        gained = abs(start - base)
        reset = abs(size) >= 0.5 * gained and abs(base + size - start) < 0.25 * gained
        at = _sharpen(values, groups, group, base + size / 2, size)
        found.append(Jump(at, base, size, sigmas, bool(back.any()), reset))
    return tuple(found)


def _gaps(level: Floats, noise: Noise, width: int) -> tuple[Floats, Floats, Floats]:
    """Return for each place between `width` levels on each side: the gap, the level before, the error."""
    views = np.lib.stride_tricks.sliding_window_view(level, width)
    t = np.arange(width) - (width - 1) / 2
    mean = views.mean(axis=1)
    slope = (views @ t) / float(t @ t)
    misfit = np.abs(views - mean[:, None] - slope[:, None] * t).max(axis=1)
    left, right = slice(0, len(mean) - width), slice(width, len(mean))
    # The course before is led to the first value after it, the course after to the same place.
    before = mean[left] + slope[left] * (width / 2)
    after = mean[right] - slope[right] * (width / 2)
    local = np.sqrt(
        np.maximum(
            noise.local[width - 1 : -width] ** 2, noise.local[width : len(level) - width + 1] ** 2
        )
    )
    sampling = local * math.sqrt(8 * max(variance(width, noise.rho), 1 / width))
    # A misfit beyond what noise brings is curvature.
    bent = np.maximum(np.maximum(misfit[left], misfit[right]) - 2.5 * local, 0)
    error = np.sqrt(sampling**2 + bent**2)
    return after - before, before, error


def _even(centre: Floats, width: int) -> NDArray[np.bool_]:
    """Return for each place whether values are spaced alike before and after it: a gap in x is no jump."""
    step = np.diff(centre)
    lengths = centre[width - 1 :] - centre[: 1 - width]
    left, right = lengths[: len(centre) - 2 * width + 1], lengths[width:]
    across = step[width - 1 : len(centre) - width] * (width - 1)
    least, most = np.minimum(left, right), np.maximum(left, right)
    return np.asarray((most <= _UNEVEN * least) & (across <= _UNEVEN * least))


def _sharpen(values: Floats, groups: Groups, group: int, half: float, size: float) -> int:
    """Return the index in a group's neighbourhood from which values lie beyond half of a jump."""
    if groups.size == 1:
        return groups.first(group)
    start, stop = groups.first(group - 1), groups.first(group + 1)
    side = np.where((values[start:stop] - half) * size > 0, 1.0, -1.0)
    score = np.concatenate([[0.0], np.cumsum(-side)])
    return start + int(np.argmax(score))


def find_bursts(values: Floats, groups: Groups, noise: Noise) -> tuple[Burst, ...]:
    """Return the values that stand out from the level, joined where they follow each other.

    Hampel's identifier (1974) on the distance from the groups' levels. Heavy-tailed noise has many values
    beyond any fixed bound, so a burst must also lie beyond what such tails bring.
    """
    n = len(values)
    if n < 10:
        return ()
    k = len(groups.level)
    middles = (
        np.array([groups.first(0), *(groups.first(g) for g in range(1, k))]) + (groups.size - 1) / 2
    )
    level = _median_of_five(groups.smooth)
    course = level if groups.size == 1 else np.interp(np.arange(n), middles, level)
    distance = values - course
    unit = np.maximum(noise.single, MAD_TO_SIGMA * middle(np.abs(distance)))
    size = np.abs(distance)
    bound = max(_BURST * unit, _tail(size))
    if bound <= 0:
        return ()
    out = np.flatnonzero(size > bound)
    if not len(out):
        return ()
    apart = np.flatnonzero(np.diff(out) > 2)
    starts = out[np.concatenate([[0], apart + 1])]
    stops = out[np.concatenate([apart, [len(out) - 1]])] + 1
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        top = start + int(np.argmax(size[start:stop]))
        height = _height(values, start, stop, top)
        if height is not None and abs(height) > bound:
            sigmas = abs(height) / unit if unit > 0 else math.inf
            found.append(Burst(start, stop, height, sigmas, stop < n))
    return tuple(found)


def _tail(size: Floats) -> float:
    """Return the size that noise exceeds in one series of a hundred, if its tails are heavy.

    Tails as heavy as Student's t of 3 degrees of freedom fall with the cube: what one value in 25
    exceeds is led on to one in 100 n. Of 1,000 values and more the tails are seen to be light, by the
    ratio to what one value in 5 exceeds (1.6 for normal values, 2.1 for t of 3): no bound is needed then.
    """
    n = len(size)
    few, many = n - 1 - max(1, n // 25), n - 1 - n // 5
    parted = np.partition(size, (many, few))
    rare, usual = float(parted[few]), float(parted[many])
    if n >= 1_000 and rare < _LIGHT * usual:
        return 0.0
    return rare * float(np.cbrt(4 * n))


def _height(values: Floats, start: int, stop: int, top: int) -> float | None:
    """Return how far a value stands out from both its sides; None if it lies between them, as on a slope.

    The last values of a series have one side: they must stand out from how the values before moved.
    """
    if start == 0:
        return None
    before, value = float(values[start - 1]), float(values[top])
    way = math.copysign(1.0, value - before)
    if stop < len(values):
        height = min(way * (value - before), way * (value - float(values[stop])))
        return way * height if height > 0 else None
    usual = float(np.abs(np.diff(values[max(0, start - 12) : start])).max(initial=0.0))
    return value - before if abs(value - before) > 4 * usual else None


def _median_of_five(level: Floats) -> Floats:
    """Return running medians of five levels; the ends keep their values."""
    if len(level) < 5:
        return level
    out = level.copy()
    out[2:-2] = np.median(np.lib.stride_tricks.sliding_window_view(level, 5), axis=1)
    return out
