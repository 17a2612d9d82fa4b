"""Where two curves part: the first place from which they differ by more than their noise.

The difference of two curves at the places that both have is a series with noise of its own, which is
estimated from differences of neighbours like any other (`noise`). Its mean over windows of 2, 4, 8, ...
levels is compared with its standard error. Many windows are looked at, and many metrics: the critical value
is that of the normal distribution at a chance of `_CHANCE`, shared by all of them (Bonferroni; scan
statistics as in Arias-Castro, Donoho and Huo 2005), and larger where few levels make the noise uncertain.
`benchmarks.curves --only partings` measures how often two curves that differ in nothing but noise are said to
part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from postrun.stats.curve.extremes import critical
from postrun.stats.curve.groups import Groups, read_groups
from postrun.stats.curve.noise import Noise, read_noise, variance
from postrun.stats.robust import Floats

#: Fewer shared values than this show no difference beyond noise.
LEAST = 8
#: Chance that two equal curves are said to part.
_CHANCE = 0.05
#: Few levels raise the critical value: 1 + this over their number, at most.
_FEW, _MOST = 12.0, 1.0
#: Fewer levels than this do not show whether their noise is slow: the critical value is so much larger.
_SHORT, _DOUBT = 20, 1.5
#: Slow noise wanders to both sides, and few levels do not show how slow it is: curves that part are further
#: apart on one side than ever on the other, by this factor.
_CONTRAST = 2.5
#: Where noise is common to both curves their difference has less: a difference below this share of the noise
#: of the curves themselves is none that anybody would see.
_COMMON = 0.25
#: The size of a difference is the mean of so many levels at the least.
_SIZE = 4
#: The last share of the levels, which show whether curves stay apart, and the standard errors that they need.
_END, _APART = 0.2, 3.0


@dataclass(frozen=True, slots=True)
class Parting:
    """How two curves compare.

    Attributes:
        shared: Places at which both have values.
        equal_to: Last place up to which both have the same digits, from the first one on; None if they never
        do. at: First place from which they differ beyond noise; None if they do not.
        difference: Mean difference (first minus second) from there on over the window that shows it; over all
            places if they do not part.
        noise: Standard error of that.
        last: Difference at the end: the mean over the last fifth.
        lasting: True if they are apart at the end, on the same side as when they parted.
    """

    shared: int
    equal_to: float | None
    at: float | None
    difference: float
    noise: float
    last: float
    lasting: bool


def part(
    first: tuple[Floats, Floats], second: tuple[Floats, Floats], tests: int = 1
) -> Parting | None:
    """Return where two curves part; None for fewer than 8 shared places.

    Values are compared at the places of the curve that has fewer; the other is read between its values where it
    lacks them. Shapes: (x, y) of (n,) each, x ascending, all finite.

    Args:
        first: Positions and values of one curve.
        second: Those of the other.
        tests: Pairs of curves that are compared together.
    """
    x, a, b = common(first, second)
    if len(x) < LEAST:
        return None
    gap = a - b
    equal = _equal(x, gap)
    if not gap.any():
        return Parting(len(x), equal, None, 0.0, 0.0, 0.0, False)
    groups = read_groups(x, gap)
    noise = read_noise(gap, groups)
    own = math.hypot(*(float(np.median(read_noise(v, read_groups(x, v)).local)) for v in (a, b)))
    local = np.maximum(noise.local, _COMMON * own)
    found = _first(groups, noise, local, tests)
    k = len(groups.level)
    tail = max(1, int(_END * k))
    last = float(groups.smooth[-tail:].mean())
    if found is None:
        return Parting(
            len(x), equal, None, float(groups.smooth.mean()), _error(local, noise.rho), last, False
        )
    start, width = _begin(groups, *found)
    difference = float(groups.smooth[start : start + width].mean())
    error = _error(local[start : start + width], noise.rho)
    ends = _error(local[-tail:], noise.rho)
    lasting = last * difference > 0 and abs(last) > _APART * ends
    at = float(x[groups.first(start)])
    return Parting(len(x), equal, at, difference, error, last, lasting)


def common(
    first: tuple[Floats, Floats], second: tuple[Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Return the places of the sparser curve that both cover, and both values there. Shapes: (n,) each."""
    (xa, ya), (xb, yb) = _unique(*first), _unique(*second)
    if not len(xa) or not len(xb):
        return np.empty(0), np.empty(0), np.empty(0)
    both, left, right = np.intersect1d(xa, xb, assume_unique=True, return_indices=True)
    low, high = max(xa[0], xb[0]), min(xa[-1], xb[-1])
    inside = [int(((x >= low) & (x <= high)).sum()) for x in (xa, xb)]
    if 2 * len(both) >= min(inside):
        return both, ya[left], yb[right]
    x = xa if inside[0] <= inside[1] else xb
    x = x[(x >= low) & (x <= high)]
    return x, np.interp(x, xa, ya), np.interp(x, xb, yb)


def _unique(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the values at distinct places, the last one of each."""
    if len(x) < 2 or bool((np.diff(x) > 0).all()):
        return x, y
    kept = np.r_[np.diff(x) > 0, True]
    return x[kept], y[kept]


def _equal(x: Floats, gap: Floats) -> float | None:
    """Return the last place up to which two curves are equal to the last digit; None if not two places are."""
    apart = np.flatnonzero(gap != 0)
    count = int(apart[0]) if len(apart) else len(gap)
    return float(x[count - 1]) if count >= 2 else None


def _first(groups: Groups, noise: Noise, local: Floats, tests: int) -> tuple[int, int] | None:
    """Return the first window whose mean difference is beyond noise: its first group, and its width."""
    k = len(groups.level)
    widths = [w for w in (2**p for p in range(1, 7)) if w <= max(2, k // 3)]
    windows = sum(k - w + 1 for w in widths)
    chance = _CHANCE / (2 * windows * max(tests, 1))
    bound = max(
        NormalDist().inv_cdf(1 - chance) * (1 + min(_FEW / k, _MOST)), critical(k * tests, k)
    )
    bound *= _DOUBT if k < _SHORT else 1.0
    total = np.concatenate([[0.0], np.cumsum(groups.smooth)])
    squares = np.concatenate([[0.0], np.cumsum(local**2)])
    best: tuple[int, int] | None = None
    for width in widths:
        mean = (total[width:] - total[:-width]) / width
        error = np.sqrt(np.maximum(squares[width:] - squares[:-width], 0) / width)
        error *= math.sqrt(variance(width, noise.rho))
        high, low = float(mean.max()), float(mean.min())
        side = 1.0 if high >= -low else -1.0
        if max(high, -low) < _CONTRAST * min(high, -low):
            continue
        beyond = np.flatnonzero(side * mean > bound * error)
        if len(beyond) and (best is None or int(beyond[0]) + width < sum(best)):
            best = (int(beyond[0]), width)
    return best


def _begin(groups: Groups, start: int, width: int) -> tuple[int, int]:
    """Return where within a window the difference begins, and a width from there on that shows its size.

    The part from there to the window's end stands out most: its sum over the root of its length
    (CUSUM; Page 1954).
    """
    part = groups.smooth[start : start + width]
    tails = np.abs(np.cumsum(part[::-1])[::-1]) / np.sqrt(np.arange(len(part), 0, -1))
    begin = start + int(np.argmax(tails))
    return begin, min(max(width, _SIZE), len(groups.level) - begin)


def _error(local: Floats, rho: float) -> float:
    """Return the standard error of the mean of levels."""
    return math.sqrt(float((local**2).mean()) * variance(len(local), rho))
