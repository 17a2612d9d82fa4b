"""The history is a sample of what was logged."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import END, Rule


class HistorySampled(Rule):
    """The history is a sample of what was logged.

    ## What it does
    Reports a history that has only some of the logged rows.

    ## Why it matters
    `run.history()` of the W&B API returns 500 rows by default, whatever the run's length. Spikes,
    minima and single NaNs fall through; counts and rates are wrong.

    ## How it decides
    The source says so, or the steps of all denser columns have irregular gaps in each eighth of the run,
    with less than 90% of the possible rows present. Runs that log every n-th step, or training and
    evaluation at different steps, have regular gaps.

    ## What to do
    Export again with `run.scan_history()`, or read the run's own .wandb file.

    ## Example
    "Only 500 of about 1,000 rows are here"
    """

    code = "DAT001"
    name = "history-sampled"
    live = END
    of_rows = True
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        done = view.run.completeness
        if not done.sampled:
            return
        first, last = done.first_step or 0, done.last_step or 0
        full = done.expected_rows or last - first + 1
        steps = last - first + 1
        total = f"{steps:,}" if steps == full else f"{steps:,} (the source reports {full:,})"
        yield self.finding(
            Severity.WARNING,
            0.95,
            f"The history is sampled: {done.rows:,} rows of {total} {view.log_axis.unit}s "
            f"({first:,} to {last:,}). Spikes, extremes and single bad values may be missing.",
            "Export again with run.scan_history(), which is complete, or read the run's .wandb file.",
            [
                Evidence(
                    "_step",
                    None,
                    first,
                    done.last_step,
                    full,
                    done.rows,
                    done.rows / full,
                    done.rows,
                )
            ],
        )
