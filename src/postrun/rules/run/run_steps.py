"""Steps done against steps planned."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.rules.base import Rule


class StepsDone(Rule):
    """Steps done against the steps or epochs that the config asks for.

    ## What it does
    Says whether the run did what its config planned: all of it (`good`), or less (`warning`), or
    much more (`info`).

    ## Why it matters
    Final values of a training that ended early cannot be compared with those of one that did not; a
    learning-rate schedule that was planned for more steps never reached its end.

    ## How it decides
    `max_steps` (or `epochs`) of the config, by the framework's name for it, against the greatest
    value of the run's own step (or epoch) counter, else of `_step`. Complete means within
    `tolerance` of the plan, or within 2 steps: counters start at 0 or 1, and the last step is
    often not logged; with epochs, reaching the last one is enough. A run that is still running is
    not judged, nor is a plan in a unit that the run does not count.

    ## What to do
    Find out whether it was stopped on purpose (early stopping, time limit); resume it otherwise.

    ## Example
    "Ran 998 of 1,000 planned steps: complete"
    """

    code = "RUN003"
    name = "steps-done"
    scope = "process"
    thresholds = {"tolerance": 0.01}

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        if run.state is State.RUNNING or not run.history.height:
            return
        plan = view.number("max_steps")
        if plan is not None:
            counter = view.first("progress.step")
            done = float(counter.finite.y.max()) if counter and len(counter.finite) else None
            key = counter.key if counter and done is not None else "_step"
            if done is None:
                done = float(run.completeness.last_step or 0)
            reported = run.completeness.reported_last_step
            if reported is not None and key == "_step":
                done = max(done, float(reported))
            if key == "_step" and run.completeness.first_step == 0:
                done += 1  # steps 0 to 479 are 480 steps
            yield from self._judge(view, "steps", plan, done, key, slack=2.0)
            return
        plan = view.number("epochs")
        counter = view.first("progress.epoch")
        if plan is not None and counter is not None and len(counter.finite):
            done = float(counter.finite.y.max())
            # Epochs are counted from 0 or from 1, as whole numbers or as fractions.
            yield from self._judge(view, "epochs", plan, done, counter.key, slack=1.0)

    def _judge(
        self,
        view: RunView,
        unit: str,
        plan: tuple[str, float],
        done: float,
        key: str,
        slack: float,
    ) -> Iterator[Finding]:
        name, planned = plan
        proof = [
            Evidence(
                metric=key,
                step_from=float(view.run.completeness.first_step or 0),
                step_to=float(view.run.completeness.last_step or 0),
                before=planned,
                after=done,
                effect=done / planned,
                n=view.run.history.height,
            )
        ]
        short = planned - done
        if short <= max(slack, self.limits["tolerance"] * planned):
            if done > planned * 1.5 + slack:
                return  # the counter and the plan are not in the same unit
            if view.run.state is State.FINISHED:
                yield self.finding(
                    Severity.GOOD,
                    0.9,
                    f"Ran {done:,.0f} of {planned:,.0f} planned {unit} ({name}): complete",
                    evidence=proof,
                )
            return
        if view.run.state is State.FINISHED and view.run.completeness.truncated:
            return
        yield self.finding(
            Severity.WARNING,
            0.9 if unit == "steps" else 0.7,
            f"Ended after {done:,.0f} of {planned:,.0f} planned {unit} ({name}): "
            f"{100 * done / planned:.0f} % of the plan",
            "Find out whether it was stopped on purpose (early stopping, a time limit); "
            "otherwise resume it.",
            proof,
        )
