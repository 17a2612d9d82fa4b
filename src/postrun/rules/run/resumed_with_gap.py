"""A resumed run lost time or steps between its segments."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import Axis, RunView
from postrun.metrics.axis import STEP, numbers, unit_of
from postrun.model import Evidence, Finding, Seam, Severity
from postrun.model.text import duration, position
from postrun.rules.base import Rule

Pairs = list[tuple[float, float]]


class ResumedWithGap(Rule):
    """A resumed run lost time or steps between its segments.

    ## What it does
    Says how often a run was resumed, how long it paused, and which steps are missing or were
    trained twice.

    ## Why it matters
    Steps that are missing were not logged, or belong to another run. Steps trained twice count
    twice in every schedule. Pauses are paid for if the machine was held.

    ## How it decides
    The seams between the segments of the log, and the trainer's own counter (steps, tokens, samples
    or epochs) before and after each; `_step` if it logs none. Missing: the counter jumps by more
    than `jump` usual intervals. Twice: it goes back, but not to its beginning. A counter that starts
    again from its beginning is told as that: the SDK counts anew when it resumes offline. `warning`
    if steps are missing, if the counter starts again, or if more than `share` of the run was trained
    twice; `info` if the run only paused for more than `least_seconds`. Rewinds are no second
    training, and segments of another job (a later evaluation) are no resume.

    ## What to do
    Save checkpoints more often, and log from the restored step on.

    ## Example
    "Resumed twice after pauses of 3.2 h; steps 900 to 1,000 were trained twice."
    """

    code = "RUN007"
    name = "resumed-with-gap"
    scope = "process"
    # share: below a twentieth, repeated steps change no conclusion. jump: evaluation and checkpoints
    # leave holes of one or two intervals. least_seconds: shorter pauses are restarts of the job.
    thresholds = {"share": 0.05, "least_seconds": 600.0, "jump": 3.0}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        seams = [s for s in view.run.completeness.seams if s.kind == "resumed"]
        if not seams:
            return
        axis, values = _counter(view)
        usual = float(np.median(np.diff(np.unique(values)))) if len(np.unique(values)) > 2 else 1.0
        told = [(seam, j) for seam in seams if (j := _around(values, seam)) is not None]
        jumps = [jump for _, jump in told]
        low = float(np.nanmin(values)) if len(values) else 0.0
        again = [(a, b) for a, b in jumps if b <= min(low, a - usual)]
        missing = [(a, b) for a, b in jumps if b > a + self.limits["jump"] * usual]
        twice = [(b, a) for a, b in jumps if low < b < a or (low < b == a and axis.key == STEP)]
        seconds = sum(seam.gap_seconds or 0.0 for seam in seams)
        if not (missing or twice or again) and seconds < self.limits["least_seconds"]:
            return
        span = float(np.nanmax(values)) - low if len(values) else 0.0
        repeated = sum(b - a for a, b in twice)
        severe = bool(missing or again) or repeated > self.limits["share"] * span
        yield self.finding(
            Severity.WARNING if severe else Severity.INFO,
            0.9,
            _sentence(len(seams), seconds, axis, missing, twice, again),
            "Save checkpoints more often, resume from the last one, and log from its step on.",
            [
                Evidence(
                    axis.key,
                    None,
                    min(a, b),
                    max(a, b),
                    a,
                    b,
                    seconds,
                    len(values),
                    axis=axis.key,
                    unit=axis.unit,
                    row_from=seam.row - 1,
                    row_to=seam.row,
                )
                for seam, (a, b) in told[:5]
            ],
        )


def _sentence(
    count: int, seconds: float, axis: Axis, missing: Pairs, twice: Pairs, again: Pairs
) -> str:
    times = "once" if count == 1 else "twice" if count == 2 else f"{count} times"
    pause = "a pause" if count == 1 else "pauses"
    text = f"Resumed {times}" + (f" after {pause} of {duration(seconds)}" if seconds >= 1 else "")
    parts = [text]
    of = "" if axis.key == STEP else f" ({axis.key})"
    parts += [
        f"no {axis.unit} between {position(a)} and {position(b)}{of} was logged"
        for a, b in missing[:3]
    ]
    parts += [f"{axis.span(a, b)}{of} were trained twice" for a, b in twice[:3]]
    parts += [
        f"the {axis.unit}s{of} start again at {position(b)} after {position(a)}: another training "
        "under the same id, or an offline resume, which counts anew"
        for a, b in again[:1]
    ]
    return "; ".join(parts)


def _counter(view: RunView) -> tuple[Axis, NDArray[np.float64]]:
    """Return the trainer's own counter, row by row (NaN if not logged); `_step` if it has none."""
    if view.axis.key != STEP:
        return view.axis, numbers(view.run.history[view.axis.key])
    roles = ("progress.step", "progress.tokens", "progress.samples", "progress.epoch")
    history = view.run.history
    for series in view.by_role(*roles):
        if len(series.finite) > 1:
            return Axis(series.key, unit_of(series.key)), numbers(history[series.key])
    return view.axis, numbers(history[STEP])


def _around(values: NDArray[np.float64], seam: Seam) -> tuple[float, float] | None:
    """Return the counter's last value before a seam and its first value after it."""
    before, after = values[: seam.row], values[seam.row :]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    return (float(before[-1]), float(after[0])) if len(before) and len(after) else None
