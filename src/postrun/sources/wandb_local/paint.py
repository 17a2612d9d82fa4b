"""The colours of one line of a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

#: First column, end, and SGR parameters ("" for no colour); of several at one column, the last counts.
Stretch = tuple[int, int, str]


def painted(stretches: Iterable[Stretch], length: int) -> list[str]:
    """Return the colour of each of the first `length` columns."""
    paint = [""] * length
    for start, stop, colour in stretches:
        stop = min(stop, length)
        paint[start:stop] = [colour] * max(0, stop - start)
    return paint


def repainted(stretches: Iterable[Stretch], length: int) -> list[Stretch]:
    """Return the stretches that show: a progress bar paints the same columns again and again."""
    merged, at = [], 0
    for colour, run in groupby(painted(stretches, length)):
        count = sum(1 for _ in run)
        if colour:
            merged.append((at, at + count, colour))
        at += count
    return merged
