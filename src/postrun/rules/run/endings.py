"""Ends that look better than they are: a swallowed error, a plan that was overrun."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.rules.base import Rule
from postrun.training.crash import find_cause


class ErrorSwallowed(Rule):
    """The run finished, but its console ends with an error.

    ## What it does
    Reports a run with exit code 0 whose console ends with a traceback.

    ## Why it matters
    A script that catches its own exception and exits normally looks finished on every dashboard; its
    last values are not those of a whole training.

    ## How it decides
    State finished, and a whole traceback whose last line is among the console's last `lines` lines.
    What the user interrupted is not reported.

    ## What to do
    Let the process fail: `wandb.finish(exit_code=1)`, or raise again.

    ## Example
    "Finished with exit code 0, but the console ends with ValueError at train.py:61 in main"
    """

    code = "RUN008"
    name = "error-swallowed"
    scope = "process"
    thresholds = {"lines": 6}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.state is not State.FINISHED or not run.console.height:
            return
        lines = run.console["line"].to_list()
        cause = find_cause(lines, 0)
        if cause is None or not cause.exception or cause.end is None:
            return
        later = sum(1 for line in lines[cause.end + 1 :] if line.strip())
        interrupted = cause.kind is not None and cause.kind.name == "stopped"
        if interrupted or later >= self.limits["lines"]:
            return
        where = f" at {cause.frame}" if cause.frame else ""
        text = f": {cause.text[:160]}" if cause.text else ""
        last = run.completeness.last_step
        at = None if last is None else float(last)
        yield self.finding(
            Severity.WARNING,
            0.75,
            f"Finished with exit code 0, but the console ends with {cause.exception}{where}{text}",
            "Let the process fail (raise again, or wandb.finish(exit_code=1)); treat this run as failed.",
            [Evidence("_step", None, at, at, None, at, None, run.history.height)],
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
    one unit.

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
        if plan is None or counter is None or not len(counter.finite):
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
            [
                Evidence(
                    counter.key,
                    "progress.step",
                    float(counter.x[0]),
                    float(counter.x[-1]),
                    planned,
                    done,
                    done / planned,
                    len(counter),
                )
            ],
        )
