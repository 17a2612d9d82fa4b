"""Steps done against steps planned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import END, Rule
from postrun.training.console_progress import LOOP, Progress
from postrun.training.ending import FINISHED, how_it_ended

#: Roles of metrics that early stopping may watch.
_HELD_OUT = ("loss.eval", "accuracy.eval", "score.eval", "reward.eval", "perplexity.eval")


class StepsDone(Rule):
    """Steps done against the plan.

    ## What it does
    Says whether a run that ended well did what it planned: all of it (`good`), or less (`info`, or a
    `warning` if nothing shows why).

    ## Why it matters
    Final values of a training that ended early cannot be compared with those of one that did not; a
    learning-rate schedule that was planned for more steps never reached its end.

    ## How it decides
    The finest plan that is known: the config or the arguments (`max_steps`, `total_timesteps`, rounds,
    epochs, ...; an environment's or an evaluation's own steps are no plan), or the console ("step 50/900", a
    progress bar, "Epoch 3/10"), against the trainer's own counter or what the console shows. Counters may
    start at 0 or 1, and the last step is often not logged: within `tolerance` of the plan it is done. It is
    also done if the trainer wrote its own summary (`train_runtime`) or says that its loop ended. Early
    stopping that is configured or announced, or a longest time that was used up, makes an early end the
    planned one, and so does an evaluation that was best `patience` or more evaluations before the end. Without
    any evaluation it cannot be one: an end within `share` of the plan is then a warning. Runs that failed, were
    stopped or were killed are told by RUN001 and RUN002.

    ## What to do
    Find out whether it was stopped on purpose (early stopping, a limit in the script); resume it otherwise.

    ## Example
    "Completed all 1,000 planned steps"
    """

    code = "RUN003"
    name = "steps-done"
    live = END
    scope = "process"
    thresholds = {"tolerance": 0.01, "share": 0.5, "patience": 3}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        how = how_it_ended(view)
        progress = how.plan.progress
        if how.kind != FINISHED or how.swallowed or progress is None or not progress.done:
            return
        if not how.complete and (how.complete is None or view.run.completeness.truncated):
            return
        proof = _proof(view, progress)
        full = progress.done >= progress.total * (1 - self.limits["tolerance"]) - 1
        if how.complete and full:
            yield self.finding(
                Severity.GOOD,
                0.9,
                _completed(progress),
                evidence=proof,
            )
        elif how.plan.early:
            yield self.finding(
                Severity.GOOD,
                0.8,
                f"Ended at {how.plan.words()}, probably by early stopping ({how.plan.early})",
                evidence=proof,
            )
        elif waited := self._waited(view):
            yield self.finding(
                Severity.GOOD,
                0.6,
                f"Ended at {how.plan.words()}, probably by early stopping: {waited}",
                evidence=proof,
            )
        else:
            unexplained = not view.has(*_HELD_OUT) and progress.share <= self.limits["share"]
            yield self.finding(
                Severity.WARNING if unexplained else Severity.INFO,
                0.7,
                f"Ended at {how.plan.words()} with exit code 0, and nothing shows why",
                "Find out whether it was stopped on purpose (early stopping, a limit in the script); resume it "
                "otherwise.",
                proof,
            )

    def _waited(self, view: RunView) -> str:
        """Return which evaluation did not get better for as long as early stopping waits, or ""."""
        for series in view.by_role("loss.eval", "accuracy.eval"):
            values = series.finite
            after = (
                len(values) - 1 - int(np.argmin(-series.info.sign * values.y)) if len(values) else 0
            )
            if self.limits["patience"] <= after <= len(values) / 2:
                best = view.axis.at(float(values.x[-1 - after]))
                return f"{series.key} was best at {best}, {after} evaluations before"
        return ""


def _completed(progress: Progress) -> str:
    """Return that all of a plan was done, in words."""
    if progress.unit == LOOP:
        return f"Ran its progress bar to the end ({progress.total:,.0f} of {progress.total:,.0f})"
    if progress.total == 1:
        return f"Completed the planned {progress.unit}"
    return f"Completed all {progress.total:,.0f} planned {progress.unit}s"


def _proof(view: RunView, progress: Progress) -> list[Evidence]:
    """Return evidence on the plan: planned before, done after, the share as the effect."""
    return [
        Evidence(
            metric=view.axis.key,
            step_from=view.first_x,
            step_to=view.last_x,
            before=progress.total,
            after=progress.done,
            effect=progress.share,
            n=view.run.history.height,
        )
    ]
