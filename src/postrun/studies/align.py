"""Curves of several runs on common ground, without inventing data.

Runs log at different steps, and end at different ones. Nothing here interpolates or extrapolates: a level
is the median of values that were logged, and where a run has none, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.records.project import Curve
from postrun.stats.curve.parting import part
from postrun.stats.robust import Floats, ar_noise, mad_sigma, smoothed

#: A level is read from the last twentieth of the way to its place.
_WINDOW = 0.05
#: A run is set aside if it got less far than this share of the reference: one that ended by itself, and one
#: that was cut short.
_SHORT, _SHORT_IF_CUT = 0.8, 0.95
#: A run that got less far than this share of the median run is a try, and no reference.
_TRIED = 0.2
_BINS = 120


@dataclass(frozen=True, slots=True)
class Ground:
    """Where curves are compared: from `start` to `end` of their axis; `short` got less far (indices)."""

    start: float
    end: float
    short: tuple[int, ...] = ()


def common_ground(
    curves: Sequence[Curve | None],
    complete: Sequence[bool] = (),
    parts: Sequence[Sequence[int]] = (),
    timed: bool = False,
) -> Ground | None:
    """Return the ground on which as many runs as possible are compared; None if no run has the metric.

    Three quarters of the runs that ended by themselves got as far as the reference. Runs that got less
    far are set aside. There are always two runs, and two parts, to compare: if too few got as far, the
    ground ends earlier.

    Args:
        curves: One per run.
        complete: Whether each run ended by itself; all did by default.
        parts: The runs of each group that will be compared (indices); every run by default.
        timed: The axis is time: a run that ended by itself was fast rather than cut short.
    """
    lasts = np.array([c.x[-1] if c is not None else np.nan for c in curves])
    firsts = np.array([c.x[0] if c is not None else np.nan for c in curves])
    known = np.isfinite(lasts)
    if not known.any():
        return None
    whole = np.array(complete, dtype=bool) if len(complete) else np.ones(len(curves), dtype=bool)
    share = np.where(whole, _TRIED if timed else _SHORT, _SHORT_IF_CUT)
    groups = [list(part) for part in parts] or [[i] for i in range(len(curves))]
    able = min(2, sum(bool(known[part].any()) for part in groups))
    enough = known
    for reference in _references(lasts, known, whole):
        enough = known & (lasts >= share * reference)
        if enough.sum() >= min(2, known.sum()) and sum(enough[g].any() for g in groups) >= able:
            break
    short = tuple(np.flatnonzero(known & ~enough).tolist())
    return Ground(float(np.max(firsts[enough])), float(np.min(lasts[enough])), short)


def _references(lasts: Floats, known: NDArray[np.bool_], whole: NDArray[np.bool_]) -> list[float]:
    """Return how far runs may have to get, the farthest first."""
    population = known & whole if (known & whole).sum() > 1 else known
    ends = np.sort(lasts[population])
    ends = ends[ends >= _TRIED * np.median(ends)]
    first = float(ends[len(ends) // 4])
    return [first, *sorted(lasts[known & (lasts < first)].tolist(), reverse=True)]


def level_at(curve: Curve, x: float) -> float:
    """Median of the values in the last twentieth of the way to `x`; NaN where the run has none there."""
    window = _between(curve, x - _WINDOW * max(abs(x), 1e-12), x)
    if window.start == window.stop:
        # Rare values (an evaluation every tenth of the run): the last one, unless the run ended before.
        at = int(np.searchsorted(curve.x, x, side="right")) - 1
        if at < 1 or x - curve.x[at] > 1.5 * float(np.max(np.diff(curve.x[: at + 1][-5:]))):
            return float(curve.y[at]) if at >= 0 and curve.x[at] == x else float("nan")
        return float(curve.y[at])
    return float(np.median(curve.y[window]))


def _between(curve: Curve, low: float, high: float) -> slice:
    """The values at x in (low, high]."""
    start, stop = np.searchsorted(curve.x, (low, high), side="right")
    return slice(int(start), int(stop))


def area(curve: Curve, start: float, end: float) -> float:
    """Mean level over [start, end]: the area under the curve over its width (trapezoids)."""
    inside = _between(curve, np.nextafter(start, -np.inf), end)
    x, y = curve.x[inside], curve.y[inside]
    if len(x) < 2 or x[-1] <= x[0]:
        return float("nan")
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def levels_along(curve: Curve) -> tuple[NDArray[np.int64], Floats]:
    """The curve's level along its way: indices, and medians over a twentieth of the values around each.

    About a hundred of them; of short curves, every value by itself.
    """
    n = len(curve)
    window = n // 20
    if window < 2:
        return np.arange(n), curve.y
    views = np.lib.stride_tricks.sliding_window_view(curve.y, window)[:: max(1, n // 100)]
    at = np.arange(len(views)) * max(1, n // 100) + window // 2
    return at, np.median(views, axis=1)


def stability(curve: Curve, end: float) -> float:
    """Spread of the values around their level in the last fifth of the way to `end` (robust sigma)."""
    tail = curve.y[_between(curve, 0.8 * end, end)]
    return mad_sigma(tail - smoothed(tail)) if len(tail) >= 8 else float("nan")


def level_error(curve: Curve, x: float) -> float:
    """Standard error of `level_at`, from the curve's own noise; what another seed would change is not in it."""
    window = curve.y[_between(curve, x - _WINDOW * max(abs(x), 1e-12), x)]
    tail = curve.y[_between(curve, 0.8 * x, x)]
    if len(tail) < 8 or not len(window):
        return float("nan")
    return _median_error(tail, len(window))


def grid(curves: Sequence[Curve], start: float, end: float) -> tuple[Floats, Floats]:
    """Levels of curves on common bins: right edges (bins,), medians (curves, bins), NaN where none.

    As many bins as leave even the sparsest curve about one value in each, 120 at most.
    """
    counts = [int(((c.x >= start) & (c.x <= end)).sum()) for c in curves]
    bins = int(np.clip(min(counts, default=1), 1, _BINS))
    edges = np.linspace(start, end, bins + 1)
    out = np.full((len(curves), bins), np.nan)
    for i, curve in enumerate(curves):
        place = np.clip(np.searchsorted(edges, curve.x, side="left") - 1, 0, bins - 1)
        inside = (curve.x >= start) & (curve.x <= end)
        out[i] = _bin_medians(curve.y[inside], place[inside], bins)
    return edges[1:], out


def _bin_medians(y: Floats, place: NDArray[np.int64], bins: int) -> Floats:
    """Medians of the values in each bin, NaN in empty ones."""
    ordered = y[np.lexsort((y, place))]
    counts = np.bincount(place, minlength=bins)
    starts = np.cumsum(counts) - counts
    filled = counts > 0
    first, n = starts[filled], counts[filled]
    out = np.full(bins, np.nan)
    out[filled] = (ordered[first + (n - 1) // 2] + ordered[first + n // 2]) / 2
    return out


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two groups of curves part: from `x` on they differ by `difference` (first minus second).

    `noise` is the standard error of the difference there; `lasting`: they stay apart to the end. `equal_to`
    is the last x up to which two runs are equal to the last digit, None where they never were.
    """

    x: float | None
    difference: float
    noise: float
    lasting: bool
    equal_to: float | None = None


@np.errstate(all="ignore")
def divergence(
    first: Sequence[Curve], second: Sequence[Curve], start: float, end: float
) -> Divergence:
    """First place from which two groups differ by more than noise.

    Two single runs part as their curves do (`postrun.stats.curve.parting`); groups if their levels differ over
    five bins in a row at least. With three runs or more in both groups, noise is the spread between runs in
    each bin; else it is that within the curves, which says nothing of other seeds.
    """
    if len(first) == len(second) == 1:
        return _of_two(first[0], second[0], start, end)
    _, levels = grid([*first, *second], start, end)
    edges = np.linspace(start, end, levels.shape[1] + 1)
    a, b = levels[: len(first)], levels[len(first) :]
    gap = _means(a) - _means(b)
    if min(len(first), len(second)) >= 3:
        spread = _variances(a) / len(a) + _variances(b) / len(b)
        # Few runs per bin: their spread is itself noisy, and changes slowly.
        error = np.sqrt(np.maximum(spread, np.nanmedian(spread)))
    else:
        errors = [_bin_error(c, levels.shape[1], start, end) for c in (*first, *second)]
        error = np.full(len(gap), float(np.sqrt(np.sum(np.square(errors)) / len(errors) * 2)))
    z = np.where(error > 0, gap / error, np.sign(gap) * 99)
    apart = np.isfinite(z) & (np.abs(z) > 3)
    need = min(5, max(2, len(z) // 4))
    for i in np.flatnonzero(apart).tolist():
        run = apart[i : i + need] & (np.sign(z[i : i + need]) == np.sign(z[i]))
        if len(run) == need and run.all():
            rest = z[i:][np.isfinite(z[i:])]
            later = rest[-max(1, len(rest) // 5) :]
            lasting = bool(np.median(later * np.sign(z[i])) > 2)
            return Divergence(
                float(edges[i]),
                float(np.nanmedian(gap[i : i + need])),
                float(error[i]),
                lasting,
            )
    return Divergence(None, float(np.nanmedian(gap)), float(np.nanmedian(error)), False)


def _of_two(first: Curve, second: Curve, start: float, end: float) -> Divergence:
    """Where the curves of two single runs part."""
    a, b = (
        (c.x[inside], c.y[inside])
        for c in (first, second)
        for inside in [(c.x >= start) & (c.x <= end)]
    )
    told = part(a, b)
    if told is None:
        return Divergence(None, float("nan"), float("nan"), False)
    return Divergence(told.at, told.difference, told.noise, told.lasting, told.equal_to)


def _means(levels: Floats) -> Floats:
    """Return the mean of each column's finite values, NaN if it has none. Shapes (n, bins), (bins,)."""
    finite = np.isfinite(levels)
    count = finite.sum(axis=0)
    total = np.where(finite, levels, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _variances(levels: Floats) -> Floats:
    """Return the variance of each column's finite values, NaN if it has fewer than two. Shapes as above."""
    count = np.isfinite(levels).sum(axis=0)
    around = _means(np.square(levels - _means(levels)))
    return np.asarray(np.where(count > 1, around * count / np.maximum(count - 1, 1), np.nan))


def _bin_error(curve: Curve, bins: int, start: float, end: float) -> float:
    """Standard error of a curve's level in a bin, from its own noise."""
    inside = curve.y[(curve.x >= start) & (curve.x <= end)]
    return _median_error(inside, len(inside) / bins)


def _median_error(values: Floats, count: float) -> float:
    """Standard error of the median of `count` values with the noise of `values`, which is autocorrelated.

    The median's is 1.25 times the mean's; n values of lag-1 correlation rho are worth n (1 - rho) / (1 + rho).
    """
    sigma, rho = ar_noise(values)
    worth = max(1.0, count * (1 - rho) / (1 + rho))
    return float(1.25 * sigma / worth**0.5)
