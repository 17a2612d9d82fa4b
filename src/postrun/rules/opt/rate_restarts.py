"""Learning rates that begin their schedule again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence

_MEANT = re.compile(r"restart|cycl|sgdr|t_?mult|t_?0|triangular", re.I)


class RateRestarts(Rule):
    """The learning rate goes back to its peak again and again.

    ## What it does
    Reports a schedule that starts over although nothing in the config asks for restarts.

    ## Why it matters
    A scheduler that is built anew with each call of the training loop, or stepped in the wrong place, never
    decays: the fine end of the schedule, where much of the quality is won, is never reached.

    ## How it decides
    The learning rate falls by at least `fall` of its peak and returns to within 2% of it at least `times`
    times; no key or text of the config names restarts or cycles. Not if it fell below `deep` of its peak in
    between: cycles that are run to their end are meant.

    ## What to do
    Build optimizer and scheduler once, before the loop, and keep their state over restarts of the fit.

    ## Example
    "lr-Adam goes back to its peak (0.0005) 2 times: the schedule starts over"
    """

    code = "OPT027"
    name = "rate-restarts"
    live = LATE
    needs = ("lr",)
    thresholds = {"fall": 0.05, "deep": 0.3, "times": 2}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        if any(_MEANT.search(f"{key} {value}") for key, value in self._of_schedules(view)):
            return
        for series in view.by_role("lr"):
            back = self._returns(series.finite)
            if len(back) < self.limits["times"]:
                continue
            y = series.finite
            peak = float(y.y.max())
            yield self.finding(
                Severity.INFO,
                0.7,
                f"{series.key} goes back to its peak ({number(peak)}) {len(back)} times, first at "
                f"{view.axis.at(float(y.x[back[0]]))}: the schedule starts over",
                "Build optimizer and scheduler once, before the loop, and keep their state over restarts of "
                "the fit. If the restarts are meant, name them in the config.",
                [
                    evidence(
                        y,
                        float(y.x[back[0]]),
                        before=float(y.y.min()),
                        after=peak,
                        effect=len(back),
                    )
                ],
            )
            return

    @staticmethod
    def _of_schedules(view: RunView) -> Iterator[tuple[str, object]]:
        for key, value in view.flat_config.items():
            if re.search(r"sched|lr|cycl|restart|anneal|t_0|t_mult", key, re.I):
                yield key, value

    def _returns(self, series: Series) -> list[int]:
        """Return the rows at which a rate that had fallen is at its peak again."""
        if len(series) < 4:
            return []
        y = series.y
        peak = float(y.max())
        if peak <= 0 or float(y.min()) < self.limits["deep"] * peak:
            return []
        high, low = y >= 0.98 * peak, y <= (1 - self.limits["fall"]) * peak
        found, was_high, fell = [], False, False
        for at in np.flatnonzero(high | low):
            if high[at]:
                if fell:
                    found.append(int(at))
                was_high, fell = True, False
            else:
                fell = was_high
        return found
