"""The reward: collapsed, without spread, or saturated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.stats.levels import begins, change
from postrun.stats.robust import (
    bin_medians,
    mad_sigma,
    median,
    noise_sigma,
    rolling_median,
    smoothed,
)
from postrun.training.checkpoints import go_back


def one_hill(series: Series, sign: int) -> bool:
    """Return whether a series climbs one hill and comes down again, by levels of twelve parts.

    The reading of a curve takes a hill as wide as the run for slow noise. Slow noise wanders: here no move
    against the climb or the descent is larger than a fifth of them, and both are larger than half the first
    level and 20 noise levels.
    """
    if len(series) < 48 or not sign:
        return False
    levels = bin_medians(series.x, series.y, 12)[1] * sign
    k = int(np.argmax(levels))
    size = float(levels[k] - max(levels[0], levels[-1]))
    if not 1 < k < len(levels) - 2 or size <= max(
        0.5 * abs(float(levels[0])), 20 * noise_sigma(series.y)
    ):
        return False
    up, down = levels[: k + 1], levels[k:]
    against = max(
        float((np.maximum.accumulate(up) - up).max()),
        float((down - np.minimum.accumulate(down)).max()),
    )
    return against <= 0.2 * size


class RewardCollapsed(Rule):
    """The reward fell from its best and stayed down.

    ## What it does
    Reports a reward that lost much of what it had gained.

    ## Why it matters
    The policy got worse than it had been: the last checkpoint is not the one to take, and every step
    since the fall was wasted.

    ## How it decides
    Levels are medians of at most 60 groups. The last tenth lies below the best level by more than
    `lost_share` of the gain from start to best, and by more than 6 standard errors of a level (and 3
    standard deviations between neighbouring levels); so do two thirds of its levels. A reward that
    fell by two thirds of that before and came back swings, and is not reported. `critical` where no more
    than a tenth of the gain is left; if it had gained no more than noise, only if it lost `lost_share` of its
    best level. A smaller fall without a gain is not told if the mean rises meanwhile (rare successes).

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
    thresholds = {"lost_share": 0.35, "min_rows": 40}

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
            spread = mad_sigma(levels[: max(k, 5)]) if gain <= 4 * between else 0.0
            bar = max(
                self.limits["lost_share"] * gain,
                6 * error,
                3 * between,
                4 * spread,
                0.02 * abs(best),
            )
            if (
                k >= len(levels) - len(tail)
                or best - end <= bar
                or float(np.mean(tail > best - bar)) > 1 / 3
            ):
                continue
            # A reward that swings has been as low before and came back.
            held = int(np.flatnonzero(smooth >= best - 0.3 * (best - end))[-1])
            swing = float(np.max(np.maximum.accumulate(smooth[: held + 1]) - smooth[: held + 1]))
            if best - end <= 1.5 * swing:
                continue
            peak = float(y.x[first[k]])
            rest = smoothed(y.y[first[k] :])
            at = float(
                y.x[first[k] + begins(rest, best, end, mad_sigma(y.y[first[k] : first[k] + 20]))]
            )
            # A gain within the noise is none: then only a fall by a large part of the level is grave.
            gained = gain > max(4 * between, 3 * error)
            deep = gained or best - end > self.limits["lost_share"] * abs(best)
            lost = deep and end <= start + 0.1 * max(gain, 0.0)
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


class RewardSpreadGone(Rule):
    """Samples of one prompt all get the same reward: no advantage, no gradient.

    ## What it does
    Reports a spread of rewards within groups (or the batch) that has gone, or groups without any
    spread that have become the rule.

    ## Why it matters
    Group-relative methods learn from differences within a group. Where all samples score alike, the
    advantage is 0 and the step is wasted, whatever the loss says.

    ## How it decides
    The share of groups without spread: its last fifth has a median of at least `zero_share`. Or the
    reward's standard deviation: its last fifth is below `kept_share` of its early level (first tenth).
    `info` where the reward itself is at its top (above 0.95 of a 0-to-1 scale): the task is solved.

    ## What to do
    Filter prompts that are solved always or never (dynamic sampling), raise the temperature, sample
    more per prompt, or use a finer reward.

    ## Example
    "train/frac_reward_zero_std has a median of 0.92 in the last fifth: 9 of 10 groups teach nothing"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.2, on the vanishing advantage.
    """

    code = "RL008"
    name = "reward-spread-gone"
    lasting = True
    needs = ("fraction.zero_std", "reward.std", "reward")
    symptom_of = ("RL001", "RL007")
    thresholds = {"zero_share": 0.8, "kept_share": 0.1, "min_rows": 30}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        reward = view.first("reward")
        top = (
            reward is not None
            and len(reward.finite) > 10
            and reward.finite.y.max() <= 1.0001
            and median(reward.finite.y[-max(5, len(reward.finite) // 5) :]) > 0.95
        )
        dead = view.first("fraction.zero_std")
        if dead is not None and len(dead.finite) >= self.limits["min_rows"]:
            y = dead.finite
            end = median(y.y[-max(5, len(y) // 5) :])
            if end >= self.limits["zero_share"]:
                smooth = rolling_median(y.y, 5)
                at = float(y.x[int(np.argmax(smooth >= self.limits["zero_share"]))])
                yield self._say(
                    y,
                    at,
                    change(y.y).before,
                    end,
                    bool(top),
                    f"{y.key} has a median of {end:.2f} in the last fifth of the run: "
                    f"{100 * end:.0f}% of the groups teach nothing",
                )
                return
        for spread in self._spreads(view, reward):
            y = spread.finite
            if len(y) < self.limits["min_rows"]:
                continue
            start = median(y.y[: max(5, len(y) // 10)])
            end = median(y.y[-max(5, len(y) // 5) :])
            if start > 0 and end < self.limits["kept_share"] * start:
                smooth = rolling_median(y.y, 5)
                at = float(y.x[int(np.argmax(smooth <= self.limits["kept_share"] * start))])
                yield self._say(
                    y,
                    at,
                    start,
                    end,
                    bool(top),
                    f"{y.key} fell from {number(start, 3)} to {number(end, 3)} by {view.axis.at(at)}: "
                    "all samples score alike, and the advantage is gone",
                )
                return

    def _spreads(self, view: RunView, reward: Series | None) -> list[Series]:
        found = view.by_role("reward.std")
        if reward is not None:
            own = view.companion(reward.key, "std")
            found += [own] if own is not None else []
        return found

    def _say(
        self, y: Series, at: float, before: float, after: float, top: bool, text: str
    ) -> Finding:
        return self.finding(
            Severity.INFO if top else Severity.WARNING,
            0.85,
            text + (" (the task is solved)" if top else ""),
            "Filter prompts that are solved always or never, raise the temperature, sample more per "
            "prompt, or use a finer reward.",
            [evidence(y, at, before=before, after=after, effect=after)],
        )


class SolveAllOrNone(Rule):
    """Most prompts are solved by every sample, or by none.

    ## What it does
    Reports batches in which most prompts give no signal because all their samples succeed or all
    fail.

    ## Why it matters
    Both teach nothing: the batch is as small as the rest of it. None means too hard a task, all
    means too easy a one.

    ## How it decides
    The logged share of prompts that all (none) of the samples solve has a median of at least `share`
    in the last third of the run.

    ## What to do
    Choose prompts by their current success rate; make them harder (all) or easier (none).

    ## Example
    "batch/solve_none has a median of 0.81 in the last third: 81% of the prompts are never solved"

    ## References
    Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.2 (dynamic sampling).
    """

    code = "RL009"
    name = "solve-all-or-none"
    live = LATE
    needs = ("fraction.solve_all", "fraction.solve_none")
    thresholds = {"share": 0.5, "min_rows": 20}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per kind."""
        for role, words, severity in (
            ("fraction.solve_none", "no sample solves", Severity.WARNING),
            ("fraction.solve_all", "every sample solves", Severity.INFO),
        ):
            y = self.usable(view, role)
            if y is None or y.y.max() > 1:
                continue
            end = median(y.y[-max(5, len(y) // 3) :])
            if end < self.limits["share"]:
                continue
            smooth = rolling_median(y.y, 5)
            at = float(y.x[int(np.argmax(smooth >= self.limits["share"]))])
            yield self.finding(
                severity,
                0.85,
                f"{y.key} has a median of {number(end, 2)} in the last third of the run: {words} "
                f"{100 * end:.0f}% of the prompts, and they teach nothing",
                "Choose prompts by their current success rate: easier ones where none succeeds, harder "
                "ones where all do.",
                [evidence(y, at, before=change(y.y).before, after=end, effect=end)],
            )


class RewardTermSaturated(Rule):
    """A part of the reward is at its top and says nothing any more.

    ## What it does
    Reports reward terms on a 0-to-1 scale that stay near 1 for most of the run.

    ## Why it matters
    A term that everything satisfies adds a constant: it no longer tells good samples from bad ones,
    and it hides in the total how little the other terms gained.

    ## How it decides
    A part of the reward (not the total) that is never above 1, moved before, and whose median since
    some step in the first half of the run is at least `level` to the end, with little spread.

    ## What to do
    Lower its weight, or replace it by a harder criterion.

    ## Example
    "metrics/format_reward is at 0.98 or more from step 120 on: it separates nothing any more"
    """

    code = "RL010"
    name = "reward-term-saturated"
    needs = ("reward.component",)
    thresholds = {"level": 0.95, "min_rows": 50}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for all saturated terms."""
        found = []
        for series in view.by_role("reward.component"):
            y = series.finite
            n = len(y)
            if n < self.limits["min_rows"] or y.y.max() > 1.0001 or y.y.min() == y.y.max():
                continue
            smooth = smoothed(y.y)
            low = np.flatnonzero(smooth < self.limits["level"])
            start = int(low[-1]) + 1 if len(low) else 0
            if start < n // 2:
                found.append((y, start, median(y.y[start:])))
        if not found:
            return
        y, start, level = found[0]
        names = ", ".join(item[0].key for item in found[:5]) + (" ..." if len(found) > 5 else "")
        yield self.finding(
            Severity.INFO,
            0.8,
            f"{names}: at {number(level, 3)} from {view.axis.at(y.x[start])} on; such a term separates good "
            "samples from bad ones no more",
            "Lower its weight, or replace it by a harder criterion.",
            [
                evidence(s, float(s.x[k]), before=float(s.y[0]), after=value, effect=1 - k / len(s))
                for s, k, value in found[:8]
            ],
        )
