"""What level a curve will have at a later position, with an interval that holds.

The expected level is that of `continuation`: power laws and exponentials, averaged by how well they fit. The
interval cannot come from the fits alone. They assume that the course goes on as it began, and courses change:
a learning rate decays, a model begins to overfit. So its width is measured: it is a sum of what a forecast may
be wrong by (`_UP`, `_DOWN`), scaled until nine of ten real trainings end inside (`benchmarks.forecast`), which
is split conformal prediction (Lei et al. 2018) with a scale that depends on the curve. Towards the better side
it is wider: a decay of the learning rate, which most trainings end with, brings more than the course before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.curve.continuation import Fits, fit
from postrun.stats.curve.extremes import Interval, last_level
from postrun.stats.curve.groups import Groups
from postrun.stats.curve.noise import Noise
from postrun.stats.robust import Floats

#: A forecast needs so many values.
LEAST = 12
#: Weights of the parts of the scale: expected change; range of the latter half; range of the fit; standard
#: error of level and change; noise of single values; misfit of the fit. Better side, then worse side.
_UP = np.array([0.4, 0.1, 0.17, 1.0, 0.5, 1.0])
_DOWN = np.array([0.8, 0.2, 0.02, 1.0, 0.5, 1.0])
#: Scales of the 90% interval, fitted by `python -m benchmarks.forecast --fit`.
_BETTER, _WORSE = 1.46, 0.91
#: How the parts grow with the horizon over the length so far: ranges, and the range of the whole fit.
_GROWS, _GROWS_SLOWLY = 0.5, 0.3
#: Few levels make all of it uncertain: the scale is 1 + this over their number.
_FEW = 15.0


@dataclass(frozen=True, slots=True)
class Ahead:
    """A curve that can be continued. Made by `prepare`.

    Attributes:
        fits: The fitted shapes.
        begin: First position of the curve.
        end: Its last position.
        last: Its level there.
        late: Range of the levels of the latter half.
        whole: Range of the levels that were fitted.
        misfit: Root mean square of what the fitted curve leaves over.
        single: Noise of single values.
        reach: Standard errors of the intervals of `fits` and `last`.
        few: Factor for few levels.
    """

    fits: Fits
    begin: float
    end: float
    last: Interval
    late: float
    whole: float
    misfit: float
    single: float
    reach: float
    few: float

    def fitted(self, positions: Floats) -> Floats:
        """Return the fitted curve at positions, through the level at the end. Shape (n,)."""
        levels = self.fits.levels(np.append(positions, self.end))
        return np.asarray(self.last.value + levels[:-1] - levels[-1])

    def scales(self, position: float) -> tuple[float, float, float]:
        """Return the expected level at a position, and its scales to the better and the worse side."""
        change = self.fits.change(self.end, position)
        error = math.hypot(self.last.high - self.last.value, change.high - change.value)
        ahead = max(position - self.end, 0.0) / (self.end - self.begin)
        parts = np.array(
            [
                abs(change.value),
                self.late * ahead**_GROWS,
                self.whole * ahead**_GROWS_SLOWLY,
                error / self.reach,
                self.single,
                self.misfit * ahead**_GROWS,
            ]
        )
        up, down = (self.few * float(np.linalg.norm(weights * parts)) for weights in (_UP, _DOWN))
        return self.last.value + change.value, up, down

    def interval(self, position: float, sign: int) -> Interval:
        """Return the expected level at a position with its 90% interval.

        `sign` is 1 if higher is better, -1 if lower is; 0 takes the wider side for both.
        """
        level, up, down = self.scales(position)
        better, worse = _BETTER * up, _WORSE * down
        if not sign:
            better = worse = max(better, worse)
        low, high = (worse, better) if sign >= 0 else (better, worse)
        return Interval(level, level - low, level + high)


def prepare(groups: Groups, noise: Noise, start: int) -> Ahead | None:
    """Return what continues a curve, fitted to the groups from `start` on; None if nothing can be."""
    k = len(groups.level)
    if k >= 20:  # the first steps follow another law (warm-up)
        start = max(start, k // 10)
    fits = fit(groups, noise, start, k)
    begin, end = float(groups.centre[0]), float(groups.centre[-1])
    if fits is None or end <= begin:
        return None
    smooth = groups.smooth
    half = int(np.searchsorted(groups.centre, (begin + end) / 2))
    return Ahead(
        fits, begin, end, last_level(groups, noise), float(np.ptp(smooth[half:])),
        float(np.ptp(smooth[start:])), _misfit(smooth[start:], fits.levels(groups.centre[start:])),
        noise.single, noise.reach, 1 + _FEW / k,
    )  # fmt: skip


def _misfit(levels: Floats, fitted: Floats) -> float:
    """Return the root mean square of what a fitted curve leaves over, up to a constant."""
    rest = levels - fitted
    return float(np.sqrt(np.mean((rest - np.median(rest)) ** 2)))
