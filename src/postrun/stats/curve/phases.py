"""The story of a series: where it falls, stands, rises, swings, steps or is broken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from postrun.stats.curve.events import Jump
from postrun.stats.curve.extremes import critical, windows
from postrun.stats.curve.groups import Groups
from postrun.stats.curve.noise import Noise
from postrun.stats.robust import Floats
from postrun.stats.trend import lag1

Kind = Literal["falling", "flat", "rising", "oscillating", "stepwise", "broken"]
#: From this many moves up and down on a series swings.
_SWINGS = 6
#: Lag-1 autocorrelation of steps of a series that overshoots each time; white noise has -1/2.
_ZIGZAG = -0.85


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a series in which one thing happens.

    Attributes:
        kind: What happens. "flat" is said where the level stands; a course too noisy to show a move is
            "flat" with low confidence.
        start: Index of its first value.
        stop: Index after its last value.
        change: Change of the level, signed, on the scale of the reading (NaN if broken).
        sigmas: The size of that in noise units (infinite without noise).
        confidence: 0 to 1.
    """

    kind: Kind
    start: int
    stop: int
    change: float
    sigmas: float
    confidence: float


@dataclass(frozen=True, slots=True)
class _Course:
    """Mean levels of equal windows, and what noise may move them by."""

    level: Floats
    head: int
    width: int
    error: Floats
    allowed: Floats


def find_phases(
    groups: Groups, noise: Noise, jumps: Sequence[Jump], flat: int | None
) -> list[Phase]:
    """Return the phases of a finite series, in order; none for fewer than 3 levels.

    `flat` is the group from which on the series is flat, if it is (see `flat_from`). A series turns where it
    moves back by more than noise explains; each part between two turns is a phase.
    """
    k = len(groups.level)
    if k < 3:
        return []
    course = _course(groups, noise)
    whole = _whole(groups, noise, course, jumps)
    if whole is not None:
        return [whole]
    turns = _turns(course)
    if len(turns) - 1 >= _SWINGS:
        return [_swinging(groups, course)]
    found: list[Phase] = []
    for start, stop in pairwise(turns):
        found += _part(groups, noise, course, start, stop, flat if stop == turns[-1] else None)
    return _joined(found)


def _joined(found: list[Phase]) -> list[Phase]:
    """Return the phases with neighbours of one kind joined."""
    out: list[Phase] = []
    for phase in found:
        last = out[-1] if out else None
        if last is None or last.kind != phase.kind:
            out.append(phase)
            continue
        change = last.change + phase.change
        sigmas, sure = max(last.sigmas, phase.sigmas), min(last.confidence, phase.confidence)
        out[-1] = Phase(phase.kind, last.start, phase.stop, change, sigmas, sure)
    return out


def _course(groups: Groups, noise: Noise) -> _Course:
    k = len(groups.level)
    width = max(1, k // 24)
    level, head = windows(groups, width), k % width if width > 1 else 0
    error = np.array(
        [noise.error(head + i * width, head + (i + 1) * width) for i in range(len(level))]
    )
    return _Course(level, head, width, error, error * critical(len(level), k))


def _turns(course: _Course) -> list[int]:
    """Return the windows at which the series turns, with its first and its last."""
    level, allowed = course.level.tolist(), course.allowed.tolist()
    turns, low, high, way = [0], 0, 0, 0
    for i, value in enumerate(level):
        if value < level[low]:
            low = i
        if value > level[high]:
            high = i
        if way >= 0 and level[high] - value > max(allowed[i], allowed[high]) and high < i:
            if way > 0 or high > 0:
                turns.append(high)
            way, low = -1, i
        elif way <= 0 and value - level[low] > max(allowed[i], allowed[low]) and low < i:
            if way < 0 or low > 0:
                turns.append(low)
            way, high = 1, i
        if way < 0 and low == i:
            high = i
        if way > 0 and high == i:
            low = i
    last = len(level) - 1
    return sorted({*turns, last})


def _part(
    groups: Groups, noise: Noise, course: _Course, start: int, stop: int, flat: int | None
) -> list[Phase]:
    """Return the phases between two turns: a flat head, a move, a flat end, as far as there are such."""
    level = course.level
    change = float(level[stop] - level[start])
    first = 0 if start == 0 else course.head + start * course.width
    last = len(groups.level) if stop == len(level) - 1 else course.head + stop * course.width
    if abs(change) <= max(course.allowed[start], course.allowed[stop]):
        return [_phase(groups, noise, "flat", first, last, course)]
    kind: Kind = "rising" if change > 0 else "falling"
    found: list[Phase] = []
    near = np.abs(level[start : stop + 1] - level[start]) <= course.allowed[start]
    begun = int(np.argmin(near)) if not near.all() else 0
    head = course.head + (start + begun - 1) * course.width
    strong = abs(change) > 3 * max(course.allowed[start], course.allowed[stop])
    if strong and begun > 1 and (head - first) >= max(5, 0.2 * len(groups.level)):
        found.append(_phase(groups, noise, "flat", first, head, course))
        first = head
    if flat is not None and first < flat < last:
        found.append(_phase(groups, noise, kind, first, flat, course))
        found.append(_phase(groups, noise, "flat", flat, last, course))
    else:
        found.append(_phase(groups, noise, kind, first, last, course))
    return found


def _phase(
    groups: Groups, noise: Noise, kind: Kind, first: int, last: int, course: _Course
) -> Phase:
    """Return a phase of groups `first` to `last`, with its change and how sure that is."""
    width = min(course.width, max(1, (last - first) // 2))
    change = float(
        groups.smooth[last - width : last].mean() - groups.smooth[first : first + width].mean()
    )
    error = max(noise.error(first, first + width), noise.error(last - width, last))
    single = float(noise.local[first:last].mean())
    sigmas = abs(change) / single if single > 0 else math.inf if change else 0.0
    moved = abs(change) / error / math.sqrt(2) if error > 0 else math.inf if change else 0.0
    sure = 1 - min(1.0, len(course.level) * math.erfc(moved / math.sqrt(2)))
    few = min(1.0, (last - first) / 20)
    confidence = sure if kind != "flat" else few * min(1.0, math.erfc(max(0.0, moved - 1.5)))
    return Phase(kind, groups.first(first), groups.first(last), change, sigmas, confidence)


def _swinging(groups: Groups, course: _Course) -> Phase:
    """Return the phase of a series that moves up and down all the time."""
    level = course.level
    reach = float(level.max() - level.min())
    error = float(course.error.mean())
    sigmas = reach / error if error > 0 else math.inf
    change = float(level[-1] - level[0])
    return Phase("oscillating", 0, groups.first(len(groups.level)), change, sigmas, 0.9)


def _whole(groups: Groups, noise: Noise, course: _Course, jumps: Sequence[Jump]) -> Phase | None:
    """Return the one phase of a series that overshoots at each value, or that moves by steps alone."""
    end = groups.first(len(groups.level))
    change = float(course.level[-1] - course.level[0])
    single = float(noise.local.mean())
    sigmas = abs(change) / single if single > 0 else math.inf
    steps = np.diff(groups.level)
    if groups.size == 1 and len(steps) >= 12 and lag1(steps) < _ZIGZAG:
        return Phase("oscillating", 0, end, change, sigmas, min(1.0, -lag1(steps)))
    same = [j for j in jumps if j.size * change > 0 and not j.recovered]
    total = abs(sum(j.size for j in same))
    if len(same) >= 3 and len(same) >= 0.7 * len(jumps) and total >= 0.7 * abs(change):
        return Phase("stepwise", 0, end, change, sigmas, min(1.0, total / abs(change)))
    return None
