"""The best evaluation lies before the end."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView, Series
from postrun.model import Finding, Severity
from postrun.model.text import number
from postrun.rules.base import END, Rule, evidence
from postrun.rules.gen.evaluation import HELD_OUT
from postrun.rules.gen.overfitting import holds
from postrun.rules.gen.turns import Turned, damaged, steering, turn
from postrun.training.checkpoints import go_back


class BestNotLast(Rule):
    """The best evaluation is not the last one.

    ## What it does
    Names the best evaluation, how much worse the last one is, and whether one event did it.

    ## Why it matters
    Whoever takes the last checkpoint takes a worse one.

    ## How it decides
    At least `min_points` evaluations of a metric with a better direction (an accuracy, if nothing says on which
    data anything was measured), whose level turned: the best one is
    better than the end beyond what noise does in one series of a hundred, by more than `share` of the
    whole gain and by more than `least` of its value. `warning` if more than `serious` of the gain was lost
    (of a loss: unless an evaluation accuracy ends as good as it ever was), if
    the end is worse than the first evaluation, or if evaluation and training loss jumped at the same place;
    else `info`.

    ## What to do
    Keep the best checkpoint (`load_best_model_at_end`, `ModelCheckpoint(monitor=...)`).

    ## Example
    "val/accuracy was best at step 4,000 (0.871) and ends at 0.846"

    ## References
    Prechelt 1998, "Early stopping - but when?".
    """

    code = "GEN004"
    name = "best-not-last"
    live = END
    needs = (*HELD_OUT, "accuracy.train")
    symptom_of = ("GEN001", "OPT001", "OPT002", "RL015", "RL007", "GEN007")
    slack = 0.5  # one metric is often best long before another
    thresholds = {"min_points": 6, "share": 0.1, "least": 0.002, "serious": 0.25}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding for the metric that lost most."""
        worst: tuple[float, Series, Turned] | None = None
        for series in steering(view, *HELD_OUT) or view.by_role("accuracy.train"):
            if len(series.finite) < self.limits["min_points"]:
                continue
            turned = turn(view, series)
            if turned is None:
                continue
            gain = abs(turned.best - turned.first)
            lost = abs(turned.best - turned.end)
            share = lost / gain if gain else 10.0
            if lost <= self.limits["least"] * abs(turned.best):
                continue
            if share > self.limits["share"] and (worst is None or share > worst[0]):
                worst = (min(share, 10.0), series, turned)
        if worst is None:
            return
        share, series, turned = worst
        kept = series.info.role == "loss.eval" and holds(view)
        serious = share > self.limits["serious"] and not kept
        where = damaged(view, series, turned)
        proof = evidence(
            series.finite, turned.at, before=turned.best, after=turned.end, effect=share
        )
        if where:
            yield self.finding(
                Severity.WARNING,
                0.75,
                f"{series.key} was best at {view.axis.at(turned.at)} ({number(turned.best)}) and ends at "
                f"{number(turned.end)}: it got worse at once, in {view.axis.span(*where)}, where the training "
                "loss jumps as well: one event damaged the weights",
                f"{go_back(view, where[0])} Look at the batches there; clip gradients or lower the peak rate.",
                [proof, evidence(series.finite, where[0], where[1])],
            )
            return
        yield self.finding(
            Severity.WARNING if serious else Severity.INFO,
            0.8,
            f"{series.key} was best at {view.axis.at(turned.at)} ({number(turned.best)}) and ends at "
            f"{number(turned.end)}",
            go_back(view, turned.at),
            [proof],
        )
