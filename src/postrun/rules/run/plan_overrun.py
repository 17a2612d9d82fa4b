"""The run went on beyond the steps that its config plans."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import Rule, evidence
from postrun.training.planned import OTHER_GROUPS


class PlanOverrun(Rule):
    """The run went on beyond the steps that its config plans.

    ## What it does
    Reports a step counter that ends beyond the configured number of steps.

    ## Why it matters
    A schedule that was made for the plan is over by then: the learning rate is at its end or starts
    again, and runs that are compared at equal configs were not trained equally.

    ## How it decides
    The run's own step counter (never `_step`, which counts calls of `log`) ends beyond `max_steps`
    by more than `share` and 2 steps, and at no more than `other_unit` times it: beyond that, counter and
    plan are not in one unit. Steps of an environment or an evaluation are no plan.

    ## What to do
    Look for a resume that counted on, or a second stage with the same counter.

    ## Example
    "Ran 1,100 steps of 1,000 planned (max_steps)"
    """

    code = "RUN009"
    name = "plan-overrun"
    scope = "process"
    thresholds = {"share": 0.02, "other_unit": 1.5}

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
        over = planned + max(2.0, self.limits["share"] * planned)
        if not over < done <= self.limits["other_unit"] * planned:
            return
        yield self.finding(
            Severity.INFO,
            0.7,
            f"Ran {done:,.0f} steps of {planned:,.0f} planned ({name})",
            "Look for a resume that counted on or a second stage; the schedule was made for the plan.",
            [evidence(counter, before=planned, after=done, effect=done / planned)],
        )
