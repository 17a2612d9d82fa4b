"""The parts of a step's time."""

from __future__ import annotations

import numpy as np

from postrun.metrics import RunView, Series, paired

_PARTS = (
    "time.part",
    "time.data",
    "time.wait",
    "time.generate",
    "time.evaluate",
    "time.sync",
    "time.save",
)
#: A part of nearly all the time is the step itself.
_WHOLE = 0.95
#: Fewer values say nothing about a part: of a part beside the step time, and of a part beside the clock.
_LEAST_PAIRS, _LEAST_VALUES = 20, 10
#: A part of more than all the time (and rounding) is measured in something else.
_MOST = 1.05


def share_of_step(view: RunView, role: str) -> tuple[Series, Series, float] | None:
    """Return a part of the step time, the step time, and the part's share of all time, or None.

    Of several parts with the role, the largest. Both are of one run: a trainer's wait is no part of
    an orchestrator's step.
    """
    best: tuple[Series, Series, float] | None = None
    for whole in view.by_role("time.step"):
        for part in view.by_role(role):
            if part.info.run != whole.info.run:
                continue
            a, b = paired(part.finite, whole.finite)
            if len(a) < _LEAST_PAIRS or b.y.sum() <= 0:
                continue
            share = float(a.y.sum() / b.y.sum())
            if share <= _MOST and (best is None or share > best[2]):
                best = (a, b, share)
    return best


def main_part(view: RunView, least: float) -> tuple[Series, float] | None:
    """Return the logged part that takes most of the run's time, and its share; None below `least`.

    Its sum is compared with the time that passed between its first and last row. Of parts that lie inside each
    other, the innermost is meant: the smallest that takes as much.
    """
    found: list[tuple[Series, float]] = []
    for series in (s.finite for s in view.by_role(*_PARTS) if s.info.unit == "s"):
        if len(series) < _LEAST_VALUES or series.y.min() < 0:
            continue
        passed = view.second_at(float(series.x[-1])) - view.second_at(float(series.x[0]))
        share = float(series.y[1:].sum()) / passed if passed > 0 else 0.0
        # A time that only grows is a total since the start.
        total = bool((np.diff(series.y) >= 0).all() and series.y[-1] > series.y[0])
        if least <= share < _WHOLE and not total:
            found.append((series, share))
    return min(found, key=lambda part: part[1], default=None)
