"""Rows that the SDK refused to log."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule


class DroppedRows(Rule):
    """The SDK refused rows because their step went back.

    ## What it does
    Counts the rows that the W&B SDK refused to log, and names their steps.

    ## Why it matters
    A step of a run can only grow: `run.log(..., step=20)` after step 100 logs nothing. The values are
    neither in the history nor on the server, and the SDK says so only in the console. It often
    loses the evaluations, or everything after a restart of the training loop.

    ## How it decides
    Counts the SDK's warnings in the console, in the words of each version of the SDK, and the refused rows
    in the SDK's own log (`logs/debug-internal.log` in the run folder) if it is there. Each refused
    call of `run.log` counts as one row. Without the SDK's own log the number is a lower limit: the SDK does
    not print the warnings that exceed its buffer, and those of the last moments do not reach the
    console log. A second call at the current step adds to the row and is not refused.

    ## What to do
    Log the counter as a metric and declare it as the x axis
    (`run.define_metric("*", step_metric="my_step")`) instead of passing `step=`. If you pass `step=`,
    pass it in every call, and never a smaller one. After a resume, go on from `run.step`.

    ## Example
    "The SDK dropped at least 149 rows of steps 50 to 198 because the run was already at step 199, so
    their values are lost"

    ## References
    W&B: Customize log axes, https://docs.wandb.ai/guides/track/log/customize-logging-axes
    """

    code = "DAT007"
    name = "dropped-rows"
    since = "0.2.0"
    of_rows = True
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not done.dropped:
            return
        least = "at least " if done.dropped_more else ""
        rows, whose = ("1 row", "its") if done.dropped == 1 else (f"{done.dropped:,} rows", "their")
        steps = f" of {view.log_axis.span(*done.dropped_steps)}" if done.dropped_steps else ""
        at = view.log_axis.span(*done.dropped_at) if done.dropped_at else "a later step"
        first, last = done.dropped_steps or (None, None)
        low, high = done.dropped_at or (None, None)
        yield self.finding(
            Severity.WARNING,
            0.95,
            f"The SDK dropped {least}{rows}{steps} because the run was already at {at}, "
            f"so {whose} values are lost",
            "Log the counter as a metric, declare it with run.define_metric(..., step_metric=...), and do not "
            "pass step=. If you pass step=, pass it in every call and never a smaller one.",
            [
                Evidence(
                    "_step",
                    None,
                    first,
                    last,
                    low,
                    high,
                    done.dropped / (done.dropped + done.rows),
                    done.dropped,
                )
            ],
            links=("https://docs.wandb.ai/guides/track/log/customize-logging-axes",),
        )
