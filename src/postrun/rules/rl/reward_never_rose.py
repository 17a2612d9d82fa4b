"""The reward ends where it began."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import LATE, Rule, evidence
from postrun.rules.opt.progress import improves
from postrun.rules.rl.shapes import one_hill
from postrun.stats.robust import median

#: Scores that tell what a policy can do, whatever it is trained on.
_EVALUATED = ("accuracy.eval", "score.eval")


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
    that. Not if it stands near its top from the start (`solved_share` of 1), nor if it rose and fell again
    (RL007), nor, for a reward of training, if a score of the evaluation gets better.

    ## What to do
    Check on one fixed task that a good action earns more than a bad one; then the learning rate (the
    critic's too), exploration and the length of the run.

    ## Example
    "Episode reward never rose: -99 in the first tenth of the run, -97 in the last"
    """

    code = "RL019"
    name = "reward-never-rose"
    since = "0.2.0"
    live = LATE
    needs = ("reward", "reward.eval")
    symptom_of = ("OPT001", "RL020", "OPT020", "RL008")
    thresholds = {"min_rows": 40, "share": 0.5, "little": 0.35, "solved_share": 0.9}

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
            solved = self.limits["solved_share"] <= first <= 1 and y.max() <= 1
            if y.min() == y.max() or solved:
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
            if role == "reward" and any(improves(view, s) for s in view.by_role(*_EVALUATED)):
                return  # what is sampled may be chosen so that its reward stands still
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
