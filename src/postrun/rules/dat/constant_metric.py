"""A metric that should move never does."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import LATE, Rule

#: Roles for which one value throughout is a defect, not a setting.
_ALIVE = {
    "loss.train": "the loss does not react to training",
    "loss.eval": "the evaluation does not react to training",
    "reward": "the reward carries no signal",
    "reward.component": "this reward term teaches nothing",
    "accuracy.train": "the accuracy does not react to training",
    "accuracy.eval": "the evaluation does not react to training",
    "score.eval": "the evaluation does not react to training",
    "grad_norm": "no gradient arrives",
    "entropy": "the policy does not change",
    "kl.policy": "the policy does not change",
}
#: Roles whose worst value shows that nothing was learned.
_EVALUATED = ("accuracy.eval", "score.eval")
#: What a constant reward explains.
_OF_REWARD = ("reward.component", "grad_norm")


#: So many metrics with values of their own are named with them.
_NAMED = 3
#: An error rate from here on is that of no answer.
_ALL_WRONG = 0.98
#: A loss that ends below this share of its first value fell.
_FELL = 0.9


def _worst(series: Series, value: float) -> bool:
    """Return whether a score is that of no answer at all: 0 if more is better, 1 if it is a rate of errors."""
    if series.info.sign > 0:
        return value == 0
    return series.info.role == "score.eval" and _ALL_WRONG <= value <= 1


def _loss_falls(view: RunView) -> bool:
    """Return whether a training loss ends well below where it began."""
    return any(
        view.curve(s.key).last.value < _FELL * float(s.finite.y[0])
        for s in view.by_role("loss.train")
        if len(s.finite) > 1
    )


class ConstantMetric(Rule):
    """A metric that should move never does.

    ## What it does
    Reports losses, rewards (and their parts), accuracies and gradient norms that have one value in
    every row.

    ## Why it matters
    A reward term that is 0 throughout teaches nothing; a constant loss or gradient norm means that
    nothing is trained. Dashboards with many panels hide it.

    ## How it decides
    At least `min_rows` finite values (`min_evaluations` of an evaluation's score that is as bad as no
    answer), all equal, and a role for which that is a defect. For a gradient norm only 0 is (`info` if the loss
    falls: it was taken after the gradients were cleared); parts of a loss: DAT011. Parts of a constant reward,
    and a gradient that it leaves at 0, are not told beside it. A perfect score held throughout (accuracy at
    exactly 1) is reported as `info`. A reward that never changes carries no signal, at 1 as little as at 0.

    ## What to do
    Check how the term is computed on a few samples by hand, or remove it.

    ## Example
    "metrics/exact_match_reward is 0 in all 1,000 rows: this reward term teaches nothing"
    """

    code = "DAT004"
    symptom_of = ("OPT006", "OPT009")
    name = "constant-metric"
    live = LATE
    thresholds = {"min_rows": 20, "min_evaluations": 8}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding per role."""
        constant = False
        for role, meaning in _ALIVE.items():
            if constant and role in _OF_REWARD:
                continue
            dead = []
            for series in view.by_role(role):
                y = series.finite.y
                few = role in _EVALUATED and len(y) and _worst(series, float(y[0]))
                least = self.limits["min_evaluations" if few else "min_rows"]
                if len(y) < least or y.min() != y.max():
                    continue
                # A gradient norm that is constant above 0 was logged after clipping: OPT010.
                if role != "grad_norm" or y[0] == 0:
                    dead.append((series, float(y[0])))
            if not dead:
                continue
            constant = constant or role == "reward"
            if len(dead) > 1:
                meaning = meaning.replace("this reward term teaches", "these reward terms teach")
            names = ", ".join(s.key for s, _ in dead[:6]) + (" ..." if len(dead) > 6 else "")
            values = sorted({value for _, value in dead})
            level = f"{values[0]:g}" if len(values) == 1 else "constant"
            verb = "is" if len(dead) == 1 else "are each" if len(values) == 1 else "are"
            said = f"{names} {verb} {level}"
            if len(values) > 1 and len(dead) <= _NAMED:
                said = " and ".join(f"{s.key} is {v:g}" for s, v in dead)
            colon = ":"
            if role in _EVALUATED and all(_worst(s, v) for s, v in dead):
                colon, meaning = (
                    ",",
                    "as bad as no answer: nothing was learned, or it is computed wrongly",
                )
            cleared = role == "grad_norm" and _loss_falls(view)
            if cleared:
                meaning = "the loss falls, so the norm was taken after the gradients were cleared"
            perfect = all(value == 1.0 for value in values) and not role.startswith("reward")
            meaning = "perfect from the first row on" if perfect else meaning
            yield self.finding(
                Severity.INFO if perfect or cleared else Severity.WARNING,
                0.9,
                f"{said} in all {len(dead[0][0]):,} rows{colon} {meaning}",
                "Check how it is computed on a few samples by hand; remove it if it is not meant "
                "to react.",
                [
                    Evidence(s.key, role, float(s.x[0]), float(s.x[-1]), value, value, 0.0, len(s))
                    for s, value in dead
                ],
            )
