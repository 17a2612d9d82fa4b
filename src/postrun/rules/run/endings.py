"""Ends that look better than they are: a swallowed error, a plan that was overrun."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import NOW, Rule, evidence
from postrun.rules.run.words import at_the_end, error, shortened
from postrun.training.end_words import where
from postrun.training.ending import how_it_ended
from postrun.training.planned import OTHER_GROUPS


class ErrorSwallowed(Rule):
    """The run finished, but its console ends with an error.

    ## What it does
    Reports a run with exit code 0 whose console ends with a traceback or a logged error.

    ## Why it matters
    A script that catches its own exception and exits normally looks finished on every dashboard; its
    last values are not those of a whole training.

    ## How it decides
    Exit code 0, and a whole traceback with fewer than 6 lines after it, those of the SDK not counted. Without
    one, and unless the training was complete: an error among the last 8 lines ("ERROR ...", "ValueError: ...",
    "training failed"). What the user stopped is told by RUN001.

    ## What to do
    Let the process fail: `wandb.finish(exit_code=1)`, or raise again.

    ## Example
    "Finished with exit code 0, but the console ends with ValueError at train.py:61 in main"
    """

    code = "RUN008"
    name = "error-swallowed"
    live = NOW
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        cause = how_it_ended(view).swallowed
        if cause is None:
            return
        shown = error(cause) if cause.exception else f'the error "{shortened(cause.text)}"'
        yield self.finding(
            Severity.WARNING,
            0.75 if cause.exception else 0.6,
            f"Finished with exit code 0{where(view)}, but the console ends with {shown}",
            "Let the process fail (raise again, or wandb.finish(exit_code=1)); treat this run as failed.",
            at_the_end(view),
        )


class PlanOverrun(Rule):
    """The run went on beyond the steps that its config plans.

    ## What it does
    Reports a step counter that ends beyond the configured number of steps.

    ## Why it matters
    A schedule that was made for the plan is over by then: the learning rate is at its end or starts
    again, and runs that are compared at equal configs were not trained equally.

    ## How it decides
    The run's own step counter (never `_step`, which counts calls of `log`) ends beyond `max_steps`
    by more than `share` and 2 steps, and by less than half: beyond that, counter and plan are not in
    one unit. Steps of an environment or an evaluation are no plan.

    ## What to do
    Look for a resume that counted on, or a second stage with the same counter.

    ## Example
    "Ran 1,100 steps of 1,000 planned (max_steps)"
    """

    code = "RUN009"
    name = "plan-overrun"
    scope = "process"
    thresholds = {"share": 0.02}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        plan, counter = view.number("max_steps"), view.first("progress.step")
        if (
            plan is None
            or OTHER_GROUPS.search(plan[0])
            or counter is None
            or not len(counter.finite)
        ):
            return
        done = float(counter.finite.y.max())
        name, planned = plan
        if not planned + max(2.0, self.limits["share"] * planned) < done <= 1.5 * planned:
            return
        yield self.finding(
            Severity.INFO,
            0.7,
            f"Ran {done:,.0f} steps of {planned:,.0f} planned ({name})",
            "Look for a resume that counted on or a second stage; the schedule was made for the plan.",
            [evidence(counter, before=planned, after=done, effect=done / planned)],
        )
