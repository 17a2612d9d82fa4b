"""Fits by order alone: no shape is assumed but that a series goes one way, or turns once."""

from __future__ import annotations

from postrun.stats.robust import Floats


def turning_residual(y: Floats) -> float:
    """Return the smallest residual sum of squares of a series that turns at most once, either way.

    Pools adjacent violators (Barlow, Bartholomew, Bremner and Brunk 1972) before and after each place; O(n).
    """
    return min(_once(y), _once(-y))


def _once(y: Floats) -> float:
    """Return the residual of the best fit that falls and then rises."""
    falling = _prefixes((-y).tolist())
    rising = _prefixes((-y[::-1]).tolist())
    return min(a + b for a, b in zip(falling, rising[::-1], strict=True))


def _prefixes(y: list[float]) -> list[float]:
    """Return the residuals of the rising fits to no value, the first, the first two, ... of a series."""
    blocks: list[tuple[float, int]] = []
    lost = [0.0]
    residual = 0.0
    for value in y:
        mean, count = value, 1
        while blocks and blocks[-1][0] >= mean:
            other, size = blocks.pop()
            residual += (mean - other) ** 2 * count * size / (count + size)
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
        lost.append(residual)
    return lost
