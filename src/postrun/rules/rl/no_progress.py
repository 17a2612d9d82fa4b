"""Policies that do not get better, or do not move at all."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.rl.reward import one_hill
from postrun.stats.robust import median


class RewardNeverRose(Rule):
    """The reward ends where it began.

    ## What it does
    Reports a reward that shows no gain over the whole run.

    ## Why it matters
    A policy's loss may fall, rise or stand whatever it learns: the reward is what tells. A reward that
    never rises means that nothing was learned, most often by a wrong rate, a reward that is too rare, or
    too little exploration.

    ## How it decides
    A reward of the evaluation (or, without one, of training) with at least `min_rows` values that are not all
    equal. By mean or by median, the last tenth lies no more than `share` times the values' standard
    deviation above the first; and if the curve shows that it moved at all, no more than `little` times
    that. Not if it stands near its top from the start (0.9 of 1), nor if it rose and fell again (RL007).

    ## What to do
    Check on one fixed task that a good action earns more than a bad one; then the learning rate (the
    critic's too), exploration and the length of the run.

    ## Example
    "Episode reward never rose: -99 in the first tenth of the run, -97 in the last"
    """

    code = "RL019"
    name = "reward-never-rose"
    live = LATE
    needs = ("reward", "reward.eval")
    symptom_of = ("OPT001", "RL020", "OPT020", "RL008")
    thresholds = {"min_rows": 40, "share": 0.5, "little": 0.35}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for role in ("reward.eval", "reward"):
            long = [s for s in view.by_role(role) if len(s.finite) >= self.limits["min_rows"]]
            if not long:
                continue
            series = long[0]
            y, curve = series.finite.y, view.curve(series.key)
            tenth = max(5, len(y) // 10)
            first, last = float(y[:tenth].mean()), float(y[-tenth:].mean())
            usual = (median(y[-tenth:]) - median(y[:tenth])) * series.info.sign
            if curve.noise < self.limits["share"] * float(
                y.std()
            ):  # what came within the first tenth counts
                first = min(first, float(y[: max(3, tenth // 10)].mean()))
                usual = max(usual, median(y[-tenth:]) - first)
            if y.min() == y.max() or (0.9 <= first <= 1 and y.max() <= 1):
                return
            spread = float(y.std())
            moved = curve.never_moved is False and last - first > self.limits["little"] * spread
            if min(usual, last - first) > self.limits["share"] * spread or (moved and usual > 0):
                return
            best = curve.best.level.value if curve.best is not None else first
            gained = (best - median(y[:tenth])) * series.info.sign
            if curve.turned is not None and gained > self.limits["little"] * spread:
                return  # it rose and fell: RL007
            if one_hill(series.finite, series.info.sign):
                return
            partial = view.run.completeness.truncated
            lucky = ""
            if last - first > self.limits["little"] * spread >= usual:
                first, last = median(y[:tenth]), median(y[-tenth:])
                lucky = f" (medians; single values reach {number(float(y.max()), 3)})"
            yield self.finding(
                Severity.INFO if partial else Severity.WARNING,
                0.75,
                f"{series.key} never rose: {number(first, 3)} in the first tenth of the run, "
                f"{number(last, 3)} in the last{lucky}",
                "Check that a good action earns more than a bad one; then the learning rate (the critic's "
                "too), exploration, and the length of the run.",
                [evidence(series.finite, before=first, after=last, effect=spread)],
            )
            return


class PolicyStill(Rule):
    """The policy does not move.

    ## What it does
    Reports updates that leave the policy where it is.

    ## Why it matters
    Sampling goes on and costs what it costs, but nothing is learned: the learning rate is 0 or far too low,
    advantages are 0, or gradients do not reach the policy.

    ## How it decides
    The KL between the policy before and after an update (`approx_kl`) has a median below `kl` over at least
    `min_rows` updates and a largest value below ten times that, while the reward does not rise.

    ## What to do
    Look at the learning rate that the optimizer has (the scheduler's first value), at the advantages'
    spread, and at the gradient norm.

    ## Example
    "train/approx_kl has a median of 1.2e-09: an update does not move the policy"

    ## References
    Schulman 2020, "Approximating KL divergence"; Schulman et al. 2017, "Proximal policy optimization"
    (arXiv 1707.06347).
    """

    code = "RL020"
    name = "policy-still"
    live = LATE
    needs = ("kl.step",)
    symptom_of = ("OPT005", "RL008")
    thresholds = {"kl": 1e-5, "min_rows": 8}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        for series in view.by_role("kl.step"):
            y = series.finite
            if len(y) < self.limits["min_rows"]:
                continue
            size = abs(y.y)
            usual, high = median(size), float(size.max())
            if usual >= self.limits["kl"] or high >= 10 * self.limits["kl"]:
                continue
            reward = view.first("reward", "reward.eval")
            if reward is not None and len(reward.finite) >= 8:
                curve = view.curve(reward.key)
                gain = curve.last.value - float(reward.finite.y[0])
                if curve.never_moved is False and gain > 4 * curve.noise:
                    return
            yield self.finding(
                Severity.WARNING,
                0.8,
                f"{series.key} has a median of {number(usual, 2)}: an update does not move the policy",
                "Look at the learning rate that the optimizer has, at the advantages' spread, and at "
                "the gradient norm.",
                [evidence(y, after=usual, effect=high)],
            )
            return
