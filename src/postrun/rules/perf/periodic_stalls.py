"""Slow steps at regular intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import LATE, Rule
from postrun.rules.perf.evaluations import at_evaluations
from postrun.stats.periodic import regular_period
from postrun.stats.rates import in_bursts
from postrun.stats.robust import Floats, mad_sigma, median, rolling_median

#: A slow step is above the running median by so many deviations as well, however small its factor is then.
_SIGMAS = 6.0
#: A period within this share of the checkpoint interval is that interval.
_NEAR = 0.15


class PeriodicStalls(Rule):
    """The run pauses at regular intervals.

    ## What it does
    Finds slow steps that come at a regular distance, their period and their cost.

    ## Why it matters
    Something is done every so many steps (a checkpoint, an evaluation, a garbage collection, the end
    of an epoch); its cost is the first thing that can be saved.

    ## How it decides
    Step times (or, where none are logged, times between rows) above `factor` times the running
    median; at least `min_stalls` of them, at most `most_share` of all, of whose distances at least `regular`
    are within 15% of one period or of twice it. Events less than `jitter` times as slow as the slowest are
    jitter and not counted. Reported where they cost at least `share` of the time; times between rows only
    where they cost `least_seconds` at least. Where the slow rows are those that log an evaluation, or
    the period is the checkpoint interval of the config, that is named.

    ## What to do
    See what runs at that interval; make it rarer, asynchronous or faster.

    ## Example
    "time/step is 3.1 times as long every 50 steps (20 times): 4.2% of the time"
    """

    code = "PERF006"
    name = "periodic-stalls"
    live = LATE
    thresholds = {
        "factor": 1.5,
        "regular": 0.7,
        "share": 0.03,
        "least_seconds": 10.0,
        "min_stalls": 4,
        "most_share": 0.1,
        "jitter": 0.2,
        "min_rows": 50,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        series = view.first("time.step")
        if series is not None and len(series.finite) >= self.limits["min_rows"]:
            y = series.finite
            key, x, values, proof = y.key, y.x, y.y, y.info.role
        else:
            steps, seconds = view.clock
            if len(steps) < self.limits["min_rows"] + 1 or view.parts or in_bursts(seconds):
                return
            key, x, values, proof = "the time between rows", steps[1:], np.diff(seconds), None
        level = rolling_median(values, 31)
        with np.errstate(divide="ignore", invalid="ignore"):
            tall = values > np.maximum(
                self.limits["factor"] * level, level + _SIGMAS * mad_sigma(values - level)
            )
        tall[: max(2, len(values) // 100)] = False
        tall &= level > 0
        if not tall.any():
            return
        height = values - level
        slowest = float(np.quantile(height[tall], 0.9))
        tall &= height >= self.limits["jitter"] * slowest
        at = np.flatnonzero(tall)
        at = at[np.diff(at, prepend=-2) > 1]  # the first of adjacent ones
        most = self.limits["most_share"] * len(values)
        if not self.limits["min_stalls"] <= len(at) <= most:
            return
        found = regular_period(x[at])
        if found is None or found[1] < self.limits["regular"]:
            return
        period, regular = found
        lost = float((values[at] - level[at]).sum())
        share = lost / float(values.sum())
        if share < self.limits["share"] or (proof is None and lost < self.limits["least_seconds"]):
            return
        ratio = median(values[at] / level[at])
        named, remedy = self._named(view, x[at], period)
        yield self.finding(
            Severity.INFO,
            0.6 + 0.3 * regular,
            f"{key} is {ratio:.1f} times as long every {view.axis.count(period)} ({len(at)} times){named}: "
            f"{100 * share:.1f}% of the time",
            remedy,
            [
                Evidence(
                    key,
                    proof,
                    float(x[at[0]]),
                    float(x[at[-1]]),
                    median(level),
                    median(values[at]),
                    share,
                    len(values),
                )
            ],
        )

    def _named(self, view: RunView, slow: Floats, period: float) -> tuple[str, str]:
        """Return what the run does at slow steps, in words, and what to do about it."""
        config = view.number("checkpoint_interval")
        if config is not None and abs(period / config[1] - 1) <= _NEAR:
            named = f", which is the checkpoint interval ({config[0]})"
            return named, "If that is too much, save asynchronously or less often."
        if at_evaluations(view, slow):
            named = ", where an evaluation is logged"
            return named, "If that is too much, evaluate less often or on fewer batches."
        return "", "See what runs at that interval; make it rarer, asynchronous or faster."
