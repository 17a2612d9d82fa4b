"""Loss spikes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.opt.settings import allowed_by
from postrun.stats.robust import Floats, median, rolling_median
from postrun.stats.spikes import upward_spikes
from postrun.stats.tails import hogg_ratio

#: A spike stands above the values just before it by this share of its height.
_STEEP = 0.5
#: How many times as high as the largest other value a spike is, and where the noise has heavy tails.
_OTHERS, _OTHERS_OF_TAILS = 2.0, 3.0
#: Values after a spike (or all before it) that show a level; rows between two spikes.
_AFTER, _APART = 5, 5


class LossSpike(Rule):
    """Sudden jumps of a loss, and whether it recovered.

    ## What it does
    Counts spikes of training losses, names the largest, and says whether the loss came back.

    ## Why it matters
    Spikes that recover cost a little time and warn of a learning rate near its limit or of bad
    batches; one that does not recover is the beginning of divergence.

    ## How it decides
    Hampel's identifier: a value more than `sigmas` local standard deviations above the running
    median of 31 values, and higher than that median by at least `share` of the series' own range of
    levels (5% to 95% quantile) and `level_share` of the level, and above the values just before it by half of
    that height (a steep start is no spike). The first `warm_up` share of the run is left out, `warm_rows`
    values at the least. Not recovered: the median of the 15 values from 5 after the spike on is still above the
    median of the 15 before it by `stuck_share` of the spike's height. Recovered spikes are `info`, and reported
    only where they are at most `most_share` of all values and the largest is at least twice as high as the
    largest other value (three times where the noise has heavy tails: Hogg's ratio above `tails`; 2.6 is
    normal). Otherwise such values are the loss's own noise.

    ## What to do
    Look at the batches of those steps; clip gradients; lower the peak learning rate or raise Adam's
    epsilon or beta2 if they come again.

    ## Example
    "train/loss has 3 spikes that recovered, the largest at step 5,120: 4.1 against 2.2"

    ## References
    Pearson 2002 (Hampel identifier); Hogg 1974 (tail weight).
    """

    code = "OPT004"
    name = "loss-spike"
    needs = ("loss.train", "loss.value")
    symptom_of = ("OPT001", "OPT002", "OPT008", "OPT011", "OPT012", "OPT027")
    thresholds = {
        "sigmas": 8.0,
        "share": 0.25,
        "level_share": 0.5,
        "stuck_share": 0.3,
        "most_share": 0.02,
        "warm_up": 0.02,
        "warm_rows": 10,
        "tails": 3.6,
        "min_rows": 50,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per training loss."""
        for series in view.by_role("loss.train", "loss.value"):
            finding = self._judge(view, series.finite)
            if finding:
                yield finding

    def _judge(self, view: RunView, series: Series) -> Finding | None:
        y = series.y
        n = len(y)
        if n < self.limits["min_rows"]:
            return None
        found = upward_spikes(y, sigmas=self.limits["sigmas"])
        low, high = np.quantile(y, [0.05, 0.95])
        level = y[found.at] - found.height
        # A steep start lies above the median of the window around it, but not above what went before.
        earlier = np.array(
            [median(y[max(0, i - 9) : i - 1]) if i > _AFTER else np.inf for i in found.at]
        )
        begun = max(self.limits["warm_rows"], self.limits["warm_up"] * n)
        big = (found.at >= begun) & (
            (found.height >= self.limits["share"] * (high - low))
            & (found.height >= self.limits["level_share"] * np.abs(level))
            & (y[found.at] - earlier >= _STEEP * found.height)
        )
        at, height = found.at[big], found.height[big]
        if not len(at):
            return None
        events = 1 + int(np.count_nonzero(np.diff(at) > _APART))
        worst = int(np.argmax(height))
        i = int(at[worst])
        before, later = median(y[max(0, i - 16) : max(1, i - 1)]), y[i + 5 : i + 20]
        bar = before + self.limits["stuck_share"] * float(y[i] - before)
        stuck = len(later) >= _AFTER and median(later) > bar
        if not stuck and (
            len(at) > max(self.limits["most_share"] * n, 1)
            or self._ordinary(y, at, float(height[worst]))
        ):
            return None
        step, first, last = (float(series.x[k]) for k in (i, at[0], at[-1]))
        many = f"{events} spikes" if events > 1 else "a spike"
        largest = "the largest " if events > 1 else ""
        end = "did not recover from it" if stuck else "recovered"
        return self.finding(
            Severity.WARNING if stuck else Severity.INFO,
            0.85,
            f"{series.key} has {many}, {largest}at {series.axis.at(step)} "
            f"({number(y[i])} against {number(before)} around it), and {end}",
            "Look at the batches of those steps; if they come again, clip gradients or lower the "
            f"peak learning rate.{allowed_by(view)}",
            [
                evidence(
                    series,
                    first,
                    last,
                    before=before,
                    after=float(y[i]),
                    effect=float(found.sigmas[big][worst]),
                )
            ],
        )

    def _ordinary(self, y: Floats, at: NDArray[np.int64], worst: float) -> bool:
        """True where the largest spike is hardly higher than what the noise does anyway.

        Twice as high as the largest other value; three times where the noise has heavy tails.
        """
        rest = y - rolling_median(y, 31)
        near = (at[:, None] + np.arange(-2, 4)).ravel()
        rest[np.clip(near, 0, len(y) - 1)] = 0.0
        rest = rest[max(31, int(self.limits["warm_up"] * len(y))) :]  # the steep start is no noise
        factor = _OTHERS_OF_TAILS if hogg_ratio(rest) > self.limits["tails"] else _OTHERS
        return bool(len(rest)) and worst < factor * float(rest.max())
