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

#: From one row to the next: a rate above this share of the last one rises, one below the second falls to the
#: start of a warm-up.
_RISES, _DROPS = 1.02, 0.7
#: Settings that say that a run goes on from a checkpoint.
_RESUMED = re.compile(r"resum|from_checkpoint|ckpt_path|load_ckpt|continue_from|restore", re.I)


class RateRestarts(Rule):
    """The learning rate goes back to its peak.

    ## What it does
    Reports a schedule that starts over although nothing in the config asks for restarts.

    ## Why it matters
    A scheduler that is built anew with each call of the training loop, or stepped in the wrong place, never
    decays: the fine end of the schedule, where much of the quality is won, is never reached.

    ## How it decides
    The learning rate falls by at least `fall` of its peak and returns to at least `at_peak` of it at least
    `times` times in `min_rows` rows or more; no key or text of the config names restarts or cycles. Not if it
    fell below `deep` of its peak in between: cycles that are run to their end are meant. A rate that came back
    from below `deep` exactly once (a resume that lost the scheduler's state) in at least `once_rows` rows is
    told as well: `warning` if the config says that the run was resumed.

    ## What to do
    Build optimizer and scheduler once, before the loop, and keep their state over restarts of the fit.

    ## Example
    "lr-Adam goes back to its peak (0.0005) 2 times: the schedule starts over"
    """

    code = "OPT027"
    name = "rate-restarts"
    since = "0.2.0"
    live = LATE
    needs = ("lr",)
    thresholds = {
        "fall": 0.05,
        "deep": 0.3,
        "at_peak": 0.98,
        "times": 2,
        "once_rows": 20,
        "min_rows": 4,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        if any(_MEANT.search(f"{key} {value}") for key, value in self._of_schedules(view)):
            return
        for series in view.by_role("lr"):
            back = self._returns(series.finite)
            once = self._once(series.finite)
            if once is not None:
                yield self._resumed(view, series.finite, *once)
                return
            if not back or len(back) < self.limits["times"]:
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

    def _resumed(self, view: RunView, y: Series, low: int, high: int) -> Finding:
        """Return the finding of a schedule that was run far down once and then starts over."""
        told = any(_RESUMED.search(key) and value for key, value in view.flat_config.items())
        before, peak = float(y.y[low]), float(y.y[high])
        at = float(y.x[min(low + 1, len(y) - 1)])
        return self.finding(
            Severity.WARNING if told else Severity.INFO,
            0.75,
            f"{y.key} goes back from {number(before)} to its peak ({number(peak)}) at {view.axis.at(at)}: the "
            "schedule starts over" + (" at the resume" if told else ""),
            "Load the scheduler's state with the checkpoint, or set its last step. If the restart is meant, "
            "name it in the config.",
            [evidence(y, at, before=before, after=peak, effect=1.0)],
        )

    def _once(self, series: Series) -> tuple[int, int] | None:
        """Return the lowest row and the row at the peak of a rate that came back from far below once."""
        y = series.y
        peak = float(y.max()) if len(y) >= max(1, self.limits["once_rows"]) else 0.0
        if peak <= 0:
            return None
        low = y < self.limits["deep"] * peak
        state = np.where(y >= self.limits["at_peak"] * peak, 1, np.where(low, -1, 0))
        rows = np.flatnonzero(state)
        turns = rows[1:][np.diff(state[rows]) > 0]
        turns = turns[turns > rows[np.argmax(state[rows] > 0)]]  # a warm-up is no return
        if len(turns) != 1:
            return None
        high = int(turns[0])
        peak_before = int(rows[(rows < high) & (state[rows] > 0)][-1])
        rising = np.flatnonzero(y[peak_before + 1 : high + 1] > _RISES * y[peak_before:high])
        least = peak_before + int(rising[0])
        # A warm-up begins below where the schedule had come to.
        return (least - 1 if y[least] < _DROPS * y[least - 1] else least), high

    @staticmethod
    def _of_schedules(view: RunView) -> Iterator[tuple[str, object]]:
        for key, value in view.flat_config.items():
            if re.search(r"sched|lr|cycl|restart|anneal|t_0|t_mult", key, re.I):
                yield key, value

    def _returns(self, series: Series) -> list[int]:
        """Return the rows at which a rate that had fallen is at its peak again."""
        if len(series) < max(1, self.limits["min_rows"]):
            return []
        y = series.y
        peak = float(y.max())
        if peak <= 0 or float(y.min()) < self.limits["deep"] * peak:
            return []
        high = y >= self.limits["at_peak"] * peak
        low = y <= (1 - self.limits["fall"]) * peak
        found, was_high, fell = [], False, False
        for at in np.flatnonzero(high | low):
            if high[at]:
                if fell:
                    found.append(int(at))
                was_high, fell = True, False
            else:
                fell = was_high
        return found
