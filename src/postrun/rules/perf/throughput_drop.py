"""Training that became slower."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.perf.machine import at_steps
from postrun.stats.changepoint import segments
from postrun.stats.periodic import share_after_multiples
from postrun.stats.rates import running_mean
from postrun.stats.robust import bin_medians, mad_sigma, median, rolling_median

_SPEED = ("throughput.tokens", "throughput.samples", "throughput.steps")
_LENGTHS = ("length.completion", "length.sequence")
#: Time spent waiting for data is named if it more than doubled and took this share of what a step lost.
_WAITED = 0.3
#: The GPU's clock is named if it fell by this share of the drop, in at least so many samples.
_CLOCK_SHARE, _CLOCK_SAMPLES = 0.5, 20
#: Dips are looked for in at least so many rows, and intervals of at least so many steps and rows.
_DIP_ROWS, _INTERVAL, _INTERVAL_ROWS = 50, 10, 9
#: At least so many intervals and rows in dips, and at most this share of all rows: else dips are no exception.
_DIPS, _MOST_DIPS = 3, 0.3
#: A row in a dip comes at most this share of the interval after one of its multiples.
_NEAR = 0.15
#: More rows times rows of an interval would make the running median slow.
_LARGEST = 5e7

#: Stable-Baselines3 and CleanRL divide all steps by all the time since the start.
_SINCE_START = frozenset({"time/fps", "charts/SPS"})


class ThroughputDrop(Rule):
    """The run became slower.

    ## What it does
    Reports a lasting drop of throughput, with its cause where another metric shows it, and regular
    short dips with what they cost.

    ## Why it matters
    Time is money; and the cause matters more than the drop: shorter sequences make fewer tokens per
    second on healthy hardware, a failing data loader or a throttled GPU does not heal by itself.

    ## How it decides
    A speed that is a mean since the start (steps over it give the elapsed time, or each value changes it less)
    cannot show a drop and is left out.
    The first `warm_up` share of the run (2 rows at least) is left out: it holds compilation and
    warm-up, often reported as 0. The change point (optimal partitioning into constant levels, Schwarz
    penalty for autocorrelated noise) of the medians of at most 200 groups with the largest lasting
    drop; reported where the level after it is lower by more than `drop_share` and the last tenth of
    the run still is. Where completion or sequence length fell in the same window by more than
    `length_share` of the drop, or the step time fell below `step_share` of its level although throughput
    did (a step then holds less), that is named as the cause and the finding is `info`. Otherwise the time
    spent waiting for data, and the GPU's clock, are compared before and after, and named where they
    changed with it. Dips: values below the running median of one checkpoint interval by `dip` and by
    `dip_sigmas` deviations, at least `dip_regular` of which lie within 15% of the interval after its
    multiples.

    ## What to do
    As the cause says; otherwise look at data-loader time, GPU clocks and temperature, and other
    jobs on the machine at the time of the drop.

    ## Example
    "perf/throughput fell by 48%, from 15,400 to 8,000 tokens/s, around step 105"
    """

    code = "PERF001"
    name = "throughput-drop"
    lasting = True
    symptom_of = ("PERF011", "PERF003", "PERF019")
    needs = ("throughput.tokens", "throughput.samples", "throughput.steps")
    thresholds = {
        "drop_share": 0.2,
        "warm_up": 0.01,
        "min_rows": 30,
        "length_share": 0.6,
        "step_share": 0.8,
        "dip": 0.1,
        "dip_sigmas": 4.0,
        "dip_regular": 0.6,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """At most one drop and one finding on dips."""
        series = self.usable(view, *_SPEED)
        if series is None or since_the_start(view, series):
            return
        skip = max(2, int(self.limits["warm_up"] * len(series)))
        steady = series.take(slice(skip, None))
        yield from self._drop(view, steady)
        yield from self._dips(view, steady)

    def _drop(self, view: RunView, series: Series) -> Iterator[Finding]:
        _, levels, first = bin_medians(series.x, series.y, 200)
        margin = max(3, len(levels) // 50)
        found = [
            (1 - median(levels[at:]) / before, at, before)
            for start, at in itertools.pairwise([0, *segments(levels, margin)])
            if (before := median(levels[start:at])) > 0
        ]
        drop, at, before = max(found, default=(0.0, 0, 1.0))
        tail = median(levels[-max(1, len(levels) // 10) :])
        if min(drop, 1 - tail / before) < self.limits["drop_share"]:
            return
        after = median(levels[at:])
        step = float(series.x[first[at]])
        unit = series.info.unit
        cause, proof = self._shorter(view, step, drop, series)
        slower, more = ("", []) if cause else self._slower(view, step, drop)
        yield self.finding(
            Severity.INFO if cause else Severity.WARNING,
            0.9,
            f"{series.key} fell by {100 * drop:.0f}%, from {number(before)} to "
            f"{number(after)} {unit}".rstrip()
            + f", around {view.axis.at(step)}"
            + (cause or slower),
            "Compare time per sequence rather than tokens per second; the hardware is not slower."
            if cause
            else "Look at sequence lengths, data-loader time, GPU clocks and temperature, and other "
            "jobs on the machine at that time.",
            [
                evidence(series, step, before=before, after=after, effect=drop),
                *proof,
                *more,
            ],
        )

    def _slower(self, view: RunView, step: float, drop: float) -> tuple[str, list[Evidence]]:
        """What became slower with it, where data time or GPU clock show it."""
        whole = view.first("time.step")
        later = np.nan if whole is None else median(whole.finite.between(step, np.inf).y)
        for series in view.by_role("time.data", "time.wait"):
            y = series.finite
            before, after = median(y.between(-np.inf, step).y), median(y.between(step, np.inf).y)
            if after > 2 * before and after - before > _WAITED * drop * later:
                text = f"; {y.key} grew from {number(before, 2)} to {number(after, 2)} s with it"
                return text, [evidence(y, step, before=before, after=after)]
        steps, seconds = view.clock
        if not len(steps) or steps[-1] < step:
            return "", []
        at = float(seconds[np.searchsorted(steps, step)])
        for clock in view.system("system.gpu_clock"):
            y = clock.finite
            before, after = median(y.y[y.x < at]), median(y.y[y.x >= at])
            if len(y) >= _CLOCK_SAMPLES and after < before * (1 - _CLOCK_SHARE * drop):
                text = f"; the GPU's clock fell from {before:,.0f} to {after:,.0f} MHz with it"
                return text, [at_steps(view, y, at, before=before, after=after)]
        return "", []

    def _shorter(
        self, view: RunView, step: float, drop: float, series: Series
    ) -> tuple[str, list[Evidence]]:
        """The cause where lengths or step times show it: its sentence and evidence."""
        for length in view.by_role(*_LENGTHS):
            y = length.finite
            before, after = median(y.between(-np.inf, step).y), median(y.between(step, np.inf).y)
            if before > 0 and after < before * (1 - self.limits["length_share"] * drop):
                text = (
                    f"; {length.key} fell from {number(before)} to {number(after)}: shorter sequences, "
                    "not slower hardware"
                )
                return text, [evidence(y, step, before=before, after=after)]
        return self._less_work(view, step, series)

    def _less_work(self, view: RunView, step: float, series: Series) -> tuple[str, list[Evidence]]:
        """Steps that became shorter although throughput fell: they hold less."""
        clock = view.first("time.step")
        if clock is None or series.info.role == "throughput.steps":
            return "", []
        y = clock.finite
        before, after = median(y.between(-np.inf, step).y), median(y.between(step, np.inf).y)
        if not 0 < after < self.limits["step_share"] * before:
            return "", []
        speed = [median(series.between(*w).y) for w in ((-np.inf, step), (step, np.inf))]
        unit = series.info.unit.partition("/")[0] or "items"
        text = (
            f": each step holds fewer {unit} ({number(before * speed[0], 2)} to "
            f"{number(after * speed[1], 2)}), the hardware is not slower"
        )
        return text, [evidence(y, step, before=before, after=after)]

    def _dips(self, view: RunView, series: Series) -> Iterator[Finding]:
        interval = view.number("checkpoint_interval")
        if interval is None or len(series) < _DIP_ROWS:
            return
        period = interval[1]
        rows = int(period / max(float(np.median(np.diff(series.x))), 1e-9)) | 1
        if not _INTERVAL <= period <= series.x[-1] / _DIPS:
            return
        if rows < _INTERVAL_ROWS or rows * len(series) > _LARGEST:
            return
        level = rolling_median(series.y, rows)
        if (level <= 0).any():
            return
        noise = self.limits["dip_sigmas"] * mad_sigma(series.y / level)
        at = np.flatnonzero(series.y < level * (1 - max(self.limits["dip"], noise)))
        if not _DIPS <= len(at) <= _MOST_DIPS * len(series):
            return
        # Throughput averaged over several steps dips for some steps after the checkpoint.
        regular = share_after_multiples(series.x, at, period, within=_NEAR * period)
        if regular < self.limits["dip_regular"]:
            return
        dips = 1 + int(np.count_nonzero(np.diff(series.x[at]) > period / 2))
        cost = float(np.sum(level[at] / np.maximum(series.y[at], 1e-9) - 1)) / len(series)
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{series.key} dips every {view.axis.count(period)} ({dips} dips), which is the checkpoint "
            f"interval ({interval[0]}); they cost about {100 * cost:.1f}% of the time",
            "If that is too much, save asynchronously or less often.",
            [
                evidence(
                    series,
                    float(series.x[at[0]]),
                    float(series.x[at[-1]]),
                    before=median(level),
                    after=median(series.y[at]),
                    effect=cost,
                )
            ],
        )


def since_the_start(view: RunView, series: Series) -> bool:
    """Return whether a speed is a mean since the start, as `fps` and `SPS` of many trainers are."""
    if series.key in _SINCE_START:
        return True
    steps, seconds = view.clock
    if len(steps) < 2 or np.any(np.diff(steps) < 0):
        return running_mean(series.y)
    times = np.interp(series.x, steps, seconds)
    return running_mean(series.y, series.x, times)
