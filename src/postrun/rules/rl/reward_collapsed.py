"""The reward fell from its best and stayed down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import Rule, evidence
from postrun.rules.rl.shapes import one_hill
from postrun.stats.levels import begins
from postrun.stats.robust import (
    bin_medians,
    mad_sigma,
    median,
    noise_sigma,
    rolling_median,
    smoothed,
)
from postrun.training.checkpoints import go_back

#: A gain of at most so many deviations between levels, or so many standard errors of one, is noise.
_GAIN_SIGMAS, _GAIN_ERRORS = 4.0, 3.0
#: Without a gain, the fall must also exceed so many deviations of the levels before the best one; always, this
#: share of the best level: a reward near a bound that falls by less is no collapse.
_SPREADS, _OF_BEST = 4.0, 0.02
#: The best level was held until the last level within this share of the fall below it.
_HELD = 0.3


class RewardCollapsed(Rule):
    """The reward fell from its best and stayed down.

    ## What it does
    Reports a reward that lost much of what it had gained.

    ## Why it matters
    The policy got worse than it had been: the last checkpoint is not the one to take, and every step
    since the fall was wasted.

    ## How it decides
    Levels are medians of at most 60 groups. The last tenth lies below the best level by more than
    `lost_share` of the gain from start to best, and by more than `std_errors` standard errors of a level (and
    `sigmas` standard deviations between neighbouring levels); at most `high_share` of its levels lie higher.
    A reward that fell before and came back swings: a fall of at most `swing` times that is not reported.
    `critical` where at most `left_share` of the gain is left; if it had gained no more than noise, only if it
    lost `lost_share` of its best level. A smaller fall without a gain is not told if the mean rises meanwhile
    (rare successes).

    ## What to do
    Go back to the best checkpoint; look at KL, entropy, gradient norm and trainer-inference
    mismatch where the fall begins.

    ## Example
    "reward/mean fell from 0.71 (step 420) to 0.12: all of its gain is lost"
    """

    code = "RL007"
    name = "reward-collapsed"
    lasting = True
    needs = ("reward",)
    symptom_of = ("RL001", "OPT001", "RL006", "RL005", "RL017", "OPT008", "RL014")
    thresholds = {
        "lost_share": 0.35,
        "std_errors": 6.0,
        "sigmas": 3.0,
        "high_share": 1 / 3,
        "swing": 1.5,
        "left_share": 0.1,
        "min_rows": 40,
    }

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.by_role("reward"):
            y = series.finite
            n = len(y)
            if n < self.limits["min_rows"]:
                continue
            if view.curve(series.key).turned is None and not one_hill(
                series.finite, series.info.sign
            ):
                continue
            _, levels, first = bin_medians(y.x, y.y, min(60, n // 5))
            between = noise_sigma(levels)
            error = max(noise_sigma(y.y) / (n / len(levels)) ** 0.5 * 1.25, 0.0)
            smooth = rolling_median(levels, 3)
            k = int(np.argmax(smooth))
            best, start = float(smooth[k]), float(levels[0])
            tail = levels[-max(2, len(levels) // 10) :]
            end, gain = median(tail), best - start
            spread = mad_sigma(levels[: max(k, 5)]) if gain <= _GAIN_SIGMAS * between else 0.0
            bar = max(
                self.limits["lost_share"] * gain,
                self.limits["std_errors"] * error,
                self.limits["sigmas"] * between,
                _SPREADS * spread,
                _OF_BEST * abs(best),
            )
            if (
                k >= len(levels) - len(tail)
                or best - end <= bar
                or float(np.mean(tail > best - bar)) > self.limits["high_share"]
            ):
                continue
            # A reward that swings has been as low before and came back.
            held = int(np.flatnonzero(smooth >= best - _HELD * (best - end))[-1])
            swing = float(np.max(np.maximum.accumulate(smooth[: held + 1]) - smooth[: held + 1]))
            if best - end <= self.limits["swing"] * swing:
                continue
            peak = _peak(y, first, k, held)
            rest = smoothed(y.y[first[k] :])
            at = float(
                y.x[first[k] + begins(rest, best, end, mad_sigma(y.y[first[k] : first[k] + 20]))]
            )
            # A gain within the noise is none: then only a fall by a large part of the level is grave.
            gained = gain > max(_GAIN_SIGMAS * between, _GAIN_ERRORS * error)
            deep = gained or best - end > self.limits["lost_share"] * abs(best)
            lost = deep and end <= start + self.limits["left_share"] * max(gain, 0.0)
            late = y.y[first[-len(tail)] :]
            if not deep and float(late.mean()) > float(y.y[: first[k] + len(late)].mean()):
                continue  # rare successes: medians fall while the mean rises
            yield self.finding(
                Severity.CRITICAL if lost else Severity.WARNING,
                0.9,
                f"{y.key} fell from {number(best)} (best at {view.axis.at(peak)}) to {number(end)}, "
                f"from {view.axis.at(at)} on"
                + (": all that it had gained is lost" if lost and gained else ""),
                f"{go_back(view, peak)} Look at KL, entropy, gradient norm and mismatch where the fall "
                "begins.",
                [
                    evidence(
                        y,
                        at,
                        before=best,
                        after=end,
                        effect=(best - end) / gain if gain > 0 else None,
                    )
                ],
            )
            return


def _peak(reward: Series, first: NDArray[np.int64], k: int, held: int) -> float:
    """Return the step of the highest value in the groups that held the best level, and in their neighbours."""
    start, stop = int(first[max(k - 1, 0)]), int(first[held + 2]) if held + 2 < len(first) else None
    return float(reward.x[start + int(np.argmax(reward.y[start:stop]))])
