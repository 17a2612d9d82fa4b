"""Runs that ended while they still improved as fast as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.beside import doubted
from postrun.stats.robust import median, of_three
from postrun.training.ending import FINISHED, STOPPED, how_it_ended

_GOALS = ("score.eval", "accuracy.eval", "loss.eval", "reward.eval", "reward", "loss.train")
#: The last fifth of the steps begins here.
_LATE = 0.8


class StillImproving(Rule):
    """The run ended while it still improved as fast as before.

    ## What it does
    Reports a goal whose gains had not slowed down when the run ended.

    ## Why it matters
    Such a run says little about what its settings can reach: compared with others it measures the budget.
    The cheapest improvement is to train longer.

    ## How it decides
    The first goal of: a score, an accuracy, a loss or a reward of the evaluation, a reward, the training loss;
    with at least `min_rows` values. The last fifth of its steps brought at least `share` of the whole gain, the
    best level is the last one, and the whole gain is beyond `sigmas` standard deviations of single values and
    `least_gain` of the first level. Of runs that finished or were stopped by the user; not of a metric that a
    warning rests on.

    ## What to do
    Train longer, with the schedule planned for it, before you compare this run with others.

    ## Example
    "metrics/mAP_0.5 still improved as fast as before when the run ended: 37% of its gain came in the last
    fifth (0.643 to 0.781)"
    """

    code = "OPT025"
    name = "still-improving"
    since = "0.2.0"
    live = END
    needs = _GOALS
    beside = True
    thresholds = {"min_rows": 5, "share": 0.17, "sigmas": 6.0, "least_gain": 0.1}

    def check(self, view: RunView) -> Iterator[Finding]:
        """As if no other rule had found anything."""
        return self.check_beside(view, ())

    def check_beside(self, view: RunView, found: Sequence[Finding]) -> Iterator[Finding]:
        """One finding at most."""
        if how_it_ended(view).kind not in (FINISHED, STOPPED):
            return
        series = next((s for role in _GOALS for s in view.by_role(role) if self._long(s)), None)
        if series is None or series.key in doubted(found):
            return
        y = series.finite
        told = self._late_gain(view, series)
        if told is None:
            return
        then, last, share = told
        yield self.finding(
            Severity.INFO,
            0.75,
            f"{series.key} still improved as fast as before when the run ended: {100 * share:.0f}% of its "
            f"gain came in the last fifth ({number(then, 3)} to {number(last, 3)})",
            "Train longer, with the schedule planned for it, before you compare this run with others.",
            [
                evidence(
                    y,
                    float(y.x[0]) + _LATE * float(y.x[-1] - y.x[0]),
                    before=then,
                    after=last,
                    effect=share,
                )
            ],
        )

    def _long(self, series: Series) -> bool:
        return len(series.finite) >= self.limits["min_rows"] and series.info.sign != 0

    def _late_gain(self, view: RunView, series: Series) -> tuple[float, float, float] | None:
        """Return the levels a fifth before the end and at it, and the share of the gain between them."""
        y, sign, curve = series.finite, series.info.sign, view.curve(series.key)
        few = max(1, len(y) // 20)
        span = float(y.x[-1] - y.x[0])
        at = int((y.x <= float(y.x[0]) + _LATE * span).sum())
        then = median(y.y[max(0, at - few) : at])
        first, last = median(y.y[:few]), median(y.y[-few:])
        gain = (last - first) * sign
        if curve.flat_since is not None or curve.turned:
            return None
        if gain <= self.limits["sigmas"] * curve.noise:
            return None
        best = (
            float((of_three(y.y[:-few]) * sign).max())
            if few > 1
            else float((y.y[:-1] * sign).max())
        )
        least = self.limits["least_gain"] * abs(first)
        if gain <= least or last * sign < best - 2 * curve.noise:
            return None
        share = (last - then) * sign / gain
        return (then, last, share) if share >= self.limits["share"] else None
