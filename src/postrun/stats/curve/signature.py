"""What the values themselves give away: repeats, counters, bounds, running means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrun.stats.curve.groups import middle
from postrun.stats.robust import Floats

#: The bounds that shares and percentages have.
_BOUNDS = (0.0, 1.0, 100.0)


@dataclass(frozen=True, slots=True)
class Saturation:
    """Values that stand at a bound to the end.

    Attributes:
        bound: 0, 1 or 100.
        start: Index from which on all values are the bound.
        share: Share of all values that are.
    """

    bound: float
    start: int
    share: float


def repeats(values: Floats) -> float:
    """Return the share of values that equal the one before; 0 for fewer than two."""
    return float(np.mean(values[1:] == values[:-1])) if len(values) > 1 else 0.0


def is_counter(values: Floats) -> bool:
    """Return whether values never fall, are whole numbers, and rise as a count does.

    A count rises in at least half of the steps, or by one in all steps in which it does. 5 values at the least.
    """
    steps = np.diff(values)
    if len(values) < 5 or bool((steps < 0).any()) or bool((values != np.floor(values)).any()):
        return False
    rising = steps[steps > 0]
    return len(rising) >= 2 and (2 * len(rising) >= len(steps) or bool((rising == 1).all()))


def saturation(values: Floats) -> Saturation | None:
    """Return the bound at which the last fifth of values (3 at least) stands, or None."""
    n = len(values)
    last = float(values[-1]) if n else -1.0
    if last not in _BOUNDS:
        return None
    other = np.flatnonzero(values != last)
    start = int(other[-1]) + 1 if len(other) else 0
    if n - start < max(3, n // 5):
        return None
    return Saturation(last, start, float(np.mean(values == last)))


def is_running_mean(values: Floats) -> bool:
    """Return whether a series looks like the mean of all values so far.

    The k-th step of such a mean is (z - mean) / k: steps of both signs that shrink as 1/k and do not undo each
    other, as those of independent noise do (their lag-1 autocorrelation is -1/2). 30 values at the least.
    """
    n = len(values)
    if n < 30:
        return False
    steps = np.diff(values)
    halves = np.array_split(steps[3:] > 0, 2)
    if not all(0.3 <= float(h.mean()) <= 0.7 for h in halves):
        return False
    # Independent steps change sign half of the time, the differences of independent noise two times in three.
    signs = steps[3:] > 0
    if abs(float(np.mean(signs[1:] != signs[:-1])) - 0.5) > 0.1:
        return False
    scaled = np.abs(steps * np.arange(2, n + 1))
    parts = np.array_split(np.arange(3, n - 1), 6)
    sizes = [middle(scaled[p]) for p in parts]
    first, last = (middle(np.abs(steps[p])) for p in (parts[0], parts[-1]))
    return last > 0 and first > 4 * last and max(sizes) < 2.2 * min(sizes)
