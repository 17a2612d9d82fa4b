"""One reading of a curve, for every rule: what an expert sees in it, with what he cannot see."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import numpy as np

from postrun.stats.curve import events, extremes, signature
from postrun.stats.curve import forecast as forecasts
from postrun.stats.curve.continuation import Continuation, expect
from postrun.stats.curve.events import Burst, Jump
from postrun.stats.curve.extremes import Best, Interval, Turn
from postrun.stats.curve.flatness import flat_from, never_moved
from postrun.stats.curve.groups import Groups, read_groups
from postrun.stats.curve.noise import Noise, read_noise
from postrun.stats.curve.phases import Phase, find_phases
from postrun.stats.curve.rows import Rows, Stretch, read_rows
from postrun.stats.curve.signature import Saturation
from postrun.stats.robust import Floats, Ints

#: Levels that span a factor of this, with noise that shrinks as they do, are read as logarithms.
_SPAN, _SHRINKS = 30.0, 0.3


class Curve:
    """What one series shows. Made by `read_curve`; each answer is computed when it is first asked for.

    Indices are those of `x` and `y`; `order[i]` is the index of row i in the arrays that were given. Spans are
    half-open. Noise, changes and sizes are on the scale of the reading (natural logarithms if `log`), levels
    in the units of y. What cannot be known from so few values is None or NaN.

    Attributes:
        sign: 1 if higher is better, -1 if lower is, 0 if neither or not known.
        log: True if logarithms of the values were read.
    """

    def __init__(self, rows: Rows, sign: int, log: bool) -> None:
        self._rows = rows
        self.sign = sign
        self.log = log
        self._values = np.log(rows.values) if log else rows.values

    @property
    def x(self) -> Floats:
        """The positions, ascending. Shape (n,)."""
        return self._rows.x

    @property
    def y(self) -> Floats:
        """The values, NaN and infinities among them. Shape (n,)."""
        return self._rows.y

    @property
    def order(self) -> Ints:
        """The index of each row in the arrays that were given. Shape (n,)."""
        return self._rows.order

    @property
    def count(self) -> int:
        """The number of finite values."""
        return len(self._values)

    @cached_property
    def _groups(self) -> Groups:
        return read_groups(self._rows.at, self._values)

    @cached_property
    def _noise(self) -> Noise:
        return read_noise(self._values, self._groups)

    @property
    def noise(self) -> float:
        """The standard deviation of single values around the curve; 0 if nothing but a curve is there."""
        return self._noise.single

    @property
    def autocorrelation(self) -> float:
        """The lag-1 autocorrelation of the noise of the levels, 0 to 0.98."""
        return self._noise.rho

    @cached_property
    def best(self) -> Best | None:
        """The best level and where it lies; None without a sign or any finite value."""
        if not self.sign or not self.count:
            return None
        found = extremes.find_best(self._groups, self._noise, self.sign)
        return Best(self._levels(found.level), *self._span(found.start, found.stop))

    @cached_property
    def last(self) -> Interval:
        """The level at the end, in the units of y; NaN without finite values."""
        if not self.count:
            return Interval(math.nan, math.nan, math.nan)
        return self._levels(extremes.last_level(self._groups, self._noise))

    @cached_property
    def slope(self) -> Interval:
        """The slope over the last quarter, per unit of x, on the scale of the reading; NaN if unknown."""
        if self.count < 3:
            return Interval(math.nan, math.nan, math.nan)
        return extremes.last_slope(self._groups, self._noise)

    @cached_property
    def turned(self) -> Turn | None:
        """The turning point, if the best level is significantly better than the end. Needs a sign."""
        if not self.sign or self.count < 5:
            return None
        found = extremes.find_turn(self._groups, self._noise, self.sign)
        if found is None:
            return None
        start, stop = self._span(found.start, found.stop)
        return replace(found, start=start, stop=stop)

    @cached_property
    def jumps(self) -> tuple[Jump, ...]:
        """Sudden changes of the level. Needs 12 values."""
        found = events.find_jumps(self._values, self._groups, self._noise)
        places = self._rows.places
        return tuple(replace(j, at=int(places[j.at]), before=self._level(j.before)) for j in found)

    @cached_property
    def bursts(self) -> tuple[Burst, ...]:
        """Values that stand out from their neighbours. Needs 10 values."""
        found = events.find_bursts(self._values, self._groups, self._noise)
        spans = [self._span(b.start, b.stop) for b in found]
        return tuple(
            replace(b, start=start, stop=stop)
            for b, (start, stop) in zip(found, spans, strict=True)
        )

    @property
    def resets(self) -> tuple[Jump, ...]:
        """The jumps that lead back to where the series began."""
        return tuple(j for j in self.jumps if j.reset)

    @cached_property
    def _flat_group(self) -> int | None:
        return flat_from(self._groups, self._noise, self.count)

    @property
    def flat_since(self) -> int | None:
        """The index since which the level is flat to the end, or None.

        Said only if the series gained before, and since then clearly less than its course before would have
        brought: never of fewer than 20 values, of a power law, or of a curve that still falls.
        """
        at = self._flat_group
        return None if at is None else int(self._rows.places[self._groups.first(at)])

    @cached_property
    def never_moved(self) -> bool | None:
        """True if the level stands where it began throughout; None if there are too few values to tell."""
        return never_moved(self._values, self._groups, self._noise) if self.count >= 2 else None

    @cached_property
    def continuation(self) -> Continuation | None:
        """What more of the same would bring, in the units of y; None for fewer than 5 values.

        Rests on the values since the last turn.
        """
        found = expect(self._groups, self._noise, self._course) if self.count >= 5 else None
        if found is None or not self.log:
            return found
        tenth, quarter, double = map(self._change, (found.tenth, found.quarter, found.double))
        return Continuation(tenth, quarter, double, found.shape)

    @cached_property
    def _course(self) -> int:
        """The first group of the course that goes on at the end: what follows the last turn."""
        groups = self._groups
        moves = [p for p in self._finite_phases if p.kind in ("falling", "rising")]
        turn = groups.of(moves[-1].start) if len(moves) > 1 else 0
        return turn if len(groups.level) - turn >= 8 else 0

    @property
    def no_forecast(self) -> str:
        """Why the curve has no forecast: "few", "not-finite", "oscillating", "turned", "flat"; "" if it has.

        "flat" never moved beyond its noise: nothing shows when it will.
        """
        if self.count < forecasts.LEAST or len(self._groups.level) < 5:
            return "few"
        if any(s.stop >= len(self.y) for s in self.not_finite):
            return "not-finite"
        if any(p.kind == "oscillating" for p in self._finite_phases):
            return "oscillating"
        if self.turned is not None:
            return "turned"
        return "flat" if self.never_moved else ""

    @cached_property
    def _ahead(self) -> forecasts.Ahead | None:
        if self.no_forecast:
            return None
        return forecasts.prepare(self._groups, self._noise, self._course)

    def forecast(self, position: float) -> Interval | None:
        """Return the expected level at a later position with its 90% interval, in the units of y.

        None where `no_forecast` says why, or if the position lies before the end. The bounds stay within what
        the values show to be possible: not below 0, nor above 1 if no value is.
        """
        ahead = self._ahead
        if ahead is None or not position >= ahead.end:
            return None
        told, y = self._levels(ahead.interval(position, self.sign)), self._rows.values
        low = 0.0 if float(y.min()) >= 0 else -math.inf
        high = 1.0 if low == 0 and float(y.max()) <= 1 and self.sign > 0 else math.inf
        parts = (min(max(v, low), high) for v in (told.value, told.low, told.high))
        return Interval(*parts)

    def fitted(self, count: int) -> tuple[Floats, Floats]:
        """Return so many points of the fit that a forecast extends, in the units of y; none without a forecast.

        Returns:
            x from where the fit begins to the end, and y. Shapes (count,).
        """
        ahead = self._ahead
        if ahead is None:
            return np.zeros(0), np.zeros(0)
        x = np.linspace(ahead.fits.start, ahead.end, count)
        return x, np.array([self._level(float(v)) for v in ahead.fitted(x)])

    @cached_property
    def _finite_phases(self) -> list[Phase]:
        if self.count < 3:
            return []
        found = events.find_jumps(self._values, self._groups, self._noise)
        return find_phases(self._groups, self._noise, found, self._flat_group)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """What happens when: falling, flat, rising, oscillating, stepwise, and broken where not finite."""
        parts = [
            replace(p, start=self._span(p.start, p.stop)[0], stop=self._span(p.start, p.stop)[1])
            for p in self._finite_phases
        ]
        parts += [
            Phase("broken", s.start, s.stop, math.nan, math.nan, 1.0) for s in self.not_finite
        ]
        return tuple(sorted(parts, key=lambda p: (p.start, p.stop)))

    @cached_property
    def not_finite(self) -> tuple[Stretch, ...]:
        """The stretches of values that are NaN or infinite."""
        return self._rows.stretches()

    @cached_property
    def repeats(self) -> float:
        """The share of values that equal the one before."""
        return signature.repeats(self._rows.values)

    @cached_property
    def is_counter(self) -> bool:
        """True if the values count something."""
        return signature.is_counter(self._rows.values)

    @cached_property
    def is_running_mean(self) -> bool:
        """True if each value looks like the mean of all before it."""
        return signature.is_running_mean(self._rows.values)

    @cached_property
    def saturation(self) -> Saturation | None:
        """The bound (0, 1, 100) at which the values end, or None."""
        found = signature.saturation(self._rows.values)
        return found and replace(found, start=int(self._rows.places[found.start]))

    def _span(self, start: int, stop: int) -> tuple[int, int]:
        """Return the rows of a span of finite values."""
        return int(self._rows.places[start]), int(self._rows.places[stop - 1]) + 1

    def _level(self, value: float) -> float:
        return math.exp(min(value, 700.0)) if self.log else value

    def _levels(self, found: Interval) -> Interval:
        return Interval(self._level(found.value), self._level(found.low), self._level(found.high))

    def _change(self, found: Interval) -> Interval:
        """Return a change of the logarithm as one of the level at the end."""
        end = self.last.value
        parts = (end * math.expm1(min(v, 700.0)) for v in (found.value, found.low, found.high))
        return Interval(*parts)


def read_curve(x: Floats, y: Floats, sign: int = 0, *, log: bool | None = None) -> Curve:
    """Read a series once, for all that is to be asked of it. Shapes: (n,), (n,).

    Rows are read in the order of x; rows of one x keep their order, and rows whose x is not finite
    are left out. `sign` is 1 if higher is better, -1 if lower is, 0 if neither or not known. `log`
    reads logarithms (values that are not positive count as not finite then); None decides: for
    positive values over more than a factor of 30 whose variation shrinks with them. Scale and offset
    of y and scale of x do not change the story, except that an offset may change this decision.

    Raises ValueError if the shapes differ or `sign` is none of these.
    """
    if sign not in (-1, 0, 1):
        raise ValueError(f"sign must be -1, 0 or 1, not {sign}")
    if log:
        y = np.where(np.asarray(y, np.float64) > 0, y, np.nan)
    rows = read_rows(x, y)
    return Curve(rows, sign, _by_factors(rows) if log is None else log)


def _by_factors(rows: Rows) -> bool:
    """Return whether a series moves by factors rather than by amounts."""
    y = rows.values
    if len(y) < 6 or float(y.min()) <= 0:
        return False
    level = read_groups(rows.at, y).smooth
    if float(level.max()) < _SPAN * float(level.min()):
        return False
    steps, middles = np.abs(np.diff(level)), np.sqrt(level[1:] * level[:-1])
    by_level = steps[np.argsort(middles, kind="stable")]
    third = max(1, len(by_level) // 3)
    return float(np.median(by_level[:third])) < _SHRINKS * float(np.median(by_level[-third:]))
