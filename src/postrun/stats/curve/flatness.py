"""Since when is a series flat, and did it ever move?

That no trend can be seen proves nothing: noise may hide it. A series is called flat only where it gained
significantly less than its own earlier course would have brought (an equivalence test: Schuirmann 1987).
"""

from __future__ import annotations

import math

from postrun.stats.curve.continuation import fit
from postrun.stats.curve.extremes import critical, windows
from postrun.stats.curve.groups import Groups, middle
from postrun.stats.curve.noise import Noise, variance
from postrun.stats.robust import Floats, mean, row_means

#: Autocorrelation of noise beyond which a move may be noise or not.
_DOUBT = 0.25
#: Fewer values than this are never called flat, and fewer levels show no trend.
LEAST = 20
_LEVELS = 6
#: Shares of the series after which flatness is looked for, the last first.
_CANDIDATES = (0.8, 0.7, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1)
#: A trend beyond this many standard errors is not flat. Below the usual 2: flatness is the claim here.
_TREND = 1.6
#: Flat is what gains less than this share of what the course before would have brought,
_COURSE = 0.5
#: and less than this share of all that was gained before.
_GAINED = 0.1


def flat_from(groups: Groups, noise: Noise, values: int) -> int | None:
    """Return the first group from which on the level is flat, or None.

    None too for fewer than 20 values from there on, and for a series that never moved before.
    """
    k = len(groups.level)
    if values < LEAST or k < 2 * _LEVELS:
        return None
    standing: list[int] = []
    failed = 0
    for share in _CANDIDATES:
        at = int(share * k)
        if k - at < _LEVELS or values - groups.first(at) < LEAST:
            continue
        if at < 5 or failed > 1:
            break
        if _stands(groups, noise, at):
            standing.append(at)
            failed = 0
        else:
            failed += 1
    # Where the level stands over much of the series, its earliest part decides: later ones promise less.
    return next((at for at in standing[:-6:-1] if _stopped(groups, noise, at)), None)


def _line(groups: Groups, noise: Noise, at: int) -> tuple[float, float]:
    """Return the change of level from a group to the end along a line, and its standard error."""
    x, y, local = groups.centre[at:], groups.smooth[at:], noise.local[at:]
    centred = x - mean(x)
    spread = float(centred @ centred)
    if spread <= 0:
        return 0.0, math.inf
    length = float(x[-1] - x[0])
    inflation = len(x) * variance(len(x), noise.rho)
    error = math.sqrt(float(centred**2 @ local**2) * inflation) / spread
    return float(centred @ y) / spread * length, error * length


def _stands(groups: Groups, noise: Noise, at: int) -> bool:
    """Return whether the level shows no trend from a group on, nor in the last half of what follows."""
    k = len(groups.level)
    for start in (at, at + (k - at) // 2):
        if k - start < 4:
            continue
        change, error = _line(groups, noise, start)
        if abs(change) > _TREND * error:
            return False
    rest = groups.smooth[at:]
    count = min(6, len(rest) // 2)
    parts = row_means(rest[len(rest) % count :].reshape(count, -1))
    apart = float(parts.max() - parts.min())
    return apart <= noise.error(at, at + len(rest) // count) * 2 * critical(count, k)


def _stopped(groups: Groups, noise: Noise, at: int) -> bool:
    """Return whether the gain from a group on is clearly less than the course before promised."""
    k = len(groups.level)
    width = max(1, at // 8)
    moved = middle(groups.smooth[at:]) - mean(groups.smooth[:width])
    way, gained = math.copysign(1.0, moved), abs(moved)
    change, error = _line(groups, noise, at)
    most = way * change + 2 * error
    seen = 4 * max(noise.error(0, width), noise.error(k - width, k))
    if gained <= seen or most >= _GAINED * gained:
        return False
    before = fit(groups, noise, 0, at)
    if before is None:
        return False
    promised = before.change(float(groups.centre[at]), float(groups.centre[-1]))
    if most < _COURSE * min(way * promised.low, way * promised.high):
        return True
    # An exponential that has run out promises nothing: what is left of it cannot be seen.
    left = max(abs(promised.low), abs(promised.high))
    return before.power_law < 0.05 and left < 3 * noise.error(at, k)


def never_moved(values: Floats, groups: Groups, noise: Noise) -> bool | None:
    """Return whether the level stands where it began throughout; None for too few levels to tell.

    A constant series never moved. Else no trend may show at 5%, no part may lie apart from the others, nor
    the first values from the rest. Where only the noise's autocorrelation explains a move, the answer is None.
    """
    level, k = groups.smooth, len(groups.level)
    if k >= 2 and float(values.max()) == float(values.min()):
        return True
    if k < 10:
        return None
    change, error = _line(groups, noise, 0)
    width = max(1, k // 8)
    parts = windows(groups, width)
    apart = float(parts.max() - parts.min())
    # The range of so many independent means, with one in a hundred beyond it.
    count = 1.4 * (math.sqrt(2 * math.log(len(parts))) + 1.6)
    allowed = count * (noise.error(0, width) + noise.error(k - width, k)) / 2
    began = abs(middle(values[:3]) - middle(level)) <= 5 * max(noise.single, float(noise.local[0]))
    if abs(change) > 2 * error or apart > allowed or not began:
        return False
    white = (1 - noise.rho) / (1 + noise.rho) if noise.rho > _DOUBT else 1.0
    return None if abs(change) > 2 * error * white or apart > allowed * white else True
