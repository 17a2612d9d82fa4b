"""The learning rate that was used against the one that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence

_DECAY = re.compile(
    r"(?:.*[._/])?(?:lr|learning_?rate|rate)_?(?:decay|gamma)(?:_rate|_factor)?", re.IGNORECASE
)


class LearningRate(Rule):
    """The logged learning rate is not the configured one.

    ## What it does
    Compares the logged learning rate with the config: its peak, its shape, and whether it is 0.

    ## Why it matters
    A rate that is 0 throughout trains nothing; one that differs from the config means that a
    schedule, a resume or an override did something that nobody asked for, and that comparing runs
    by their configs compares the wrong thing.

    ## How it decides
    `zero`: no value above 0 (`critical`). `constant`: the config names a constant schedule without warm-up,
    and the rate differs by more than `constant_tolerance` after the first tenth of the run (`warning`).
    `undecayed`: one value in all of at least `undecayed_rows` rows, although the config has a decay (a factor
    between 0 and 1; `warning`). `peak`: the peak differs from the configured rate by more than `peak_tolerance`
    (and by a factor below `unit_factor`: more would be another unit), and by more than `row_moves` times what
    the rate moves between two rows (the first row of a decay is below its start); above it is a `warning`,
    below it `info` (a schedule may not have reached its peak in a run that ended early, and several parameter
    groups may have several rates). Only where one rate is logged and at least `min_rows` times.

    ## What to do
    Look for a second place that sets the rate: a scheduler restored from a checkpoint, scaling by
    batch size or world size, parameter groups.

    ## Example
    "train/lr peaks at 0.0008, twice the configured 0.0004 (lr)"
    """

    code = "OPT005"
    name = "learning-rate"
    needs = ("lr",)
    thresholds = {
        "peak_tolerance": 0.02,
        "constant_tolerance": 0.01,
        "undecayed_rows": 100,
        "unit_factor": 1000,
        "row_moves": 1.5,
        "min_rows": 10,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        rows = self.limits["min_rows"]
        logged = [s.finite for s in view.by_role("lr") if len(s.finite) >= rows]
        if len(logged) != 1:
            return
        series = logged[0]
        if not (series.y > 0).any():
            yield self.finding(
                Severity.CRITICAL,
                0.9,
                f"{series.key} is 0 in all {len(series):,} rows: nothing was trained",
                "Check the scheduler: one that is stepped before its first use, or that counts "
                "steps in another unit, often gives 0.",
                [evidence(series, before=0.0, after=0.0)],
            )
            return
        yield from self._undecayed(view, series)
        yield from self._shape(view, series)
        yield from self._peak(view, series)

    def _shape(self, view: RunView, series: Series) -> Iterator[Finding]:
        schedule = view.setting("scheduler")
        if schedule is None or str(schedule[1]).lower() != "constant":
            return
        later = series.y[len(series) // 10 :]
        low, high = float(later.min()), float(later.max())
        near = self.limits["constant_tolerance"]
        if high > low * (1 + near):
            k = int(np.argmax(np.abs(later - later[0]) > near * later[0])) + len(series) // 10
            yield self.finding(
                Severity.WARNING,
                0.9,
                f"{series.key} varies between {number(low)} and {number(high)}, although {schedule[0]} is "
                "constant",
                "Look for a second scheduler, or one restored from a checkpoint.",
                [
                    evidence(
                        series,
                        float(series.x[k]),
                        before=low,
                        after=high,
                        effect=high / low if low else None,
                    )
                ],
            )

    def _undecayed(self, view: RunView, series: Series) -> Iterator[Finding]:
        if len(series) < self.limits["undecayed_rows"] or series.y.min() != series.y.max():
            return
        asked = [
            (key, float(value))
            for key, value in view.flat_config.items()
            if _DECAY.fullmatch(key) and isinstance(value, float) and 0 < value < 1
        ]
        if not asked:
            return
        key, factor = asked[0]
        rate = float(series.y[0])
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"{series.key} is {number(rate)} in all {len(series):,} rows, although {key} is "
            f"{number(factor)}: the decay is not applied",
            "Check that the scheduler is stepped, and that its rate reaches the optimizer.",
            [evidence(series, before=rate, after=rate, effect=factor)],
        )

    def _peak(self, view: RunView, series: Series) -> Iterator[Finding]:
        asked = view.number("lr")
        if asked is None:
            return
        name, rate = asked
        peak = float(series.y.max())
        ratio = peak / rate
        most, moves = self.limits["unit_factor"], self.limits["row_moves"]
        if abs(ratio - 1) <= self.limits["peak_tolerance"] or not 1 / most < ratio < most:
            return
        if ratio < 1 and (view.run.completeness.truncated or _between_rows(series, rate, moves)):
            return
        at = float(series.x[int(np.argmax(series.y))])
        yield self.finding(
            Severity.WARNING if ratio > 1 else Severity.INFO,
            0.8 if ratio > 1 else 0.6,
            f"{series.key} peaks at {number(peak)} ({view.axis.at(at)}), {number(ratio, 3)} times the "
            "configured "
            f"{number(rate)} ({name})",
            "Look for scaling by batch or world size, a schedule that ended before its peak, or a "
            "rate restored from a checkpoint.",
            [evidence(series, at, at, before=rate, after=peak, effect=ratio)],
        )


def _between_rows(series: Series, rate: float, times: float) -> bool:
    """Return whether a rate may have been reached between two rows, or before the first one.

    That is: it lies within `times` what the logged rate moves between rows.
    """
    k = int(np.argmax(series.y))
    near = np.abs(np.diff(series.y[max(0, k - 1) : k + 2]))
    moves = float(near.max()) if len(near) else 0.0
    if k == 0 and len(series) > 1:
        # A decay: how far it went before the first row, at the pace of the next rows.
        gap = float(series.x[1] - series.x[0])
        moves *= max(1.0, float(series.x[0]) / gap if gap > 0 else 1.0)
    return rate - float(series.y[k]) <= times * moves
