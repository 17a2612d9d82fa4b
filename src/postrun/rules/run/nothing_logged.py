"""The run ended well and logged nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity, State
from postrun.model.text import duration
from postrun.rules.base import END, Rule

#: Jobs that log no metric by design.
_OTHER_JOBS = re.compile(
    r"upload|data|download|pre-?process|prepar|artifact|regist|deploy|launch|agent|report|export|split|label|"
    r"token|convert|publish|visuali[sz]|setup",
    re.IGNORECASE,
)


class NothingLogged(Rule):
    """The run ended well and logged nothing.

    ## What it does
    Reports a finished run without a single history row.

    ## Why it matters
    There is nothing to analyse; usually metrics were logged by another process, or the script ended
    before its training loop.

    ## How it decides
    No history record, and exit code 0. Runs that failed or were killed have findings of their own, and
    a run whose history could not be read is not accused of having none. Jobs that log no metric by design are
    left out: their type or name says so (upload, dataset, preprocess, ...), or they wrote artifacts.

    ## What to do
    Check that `run.log` is reached on the process that called `wandb.init`.

    ## Example
    "No metric was ever logged in 40 s"
    """

    code = "RUN004"
    name = "nothing-logged"
    live = END
    scope = "process"

    def check(self, view: RunView) -> Iterator[Finding]:
        """One finding at most."""
        run = view.run
        done = run.completeness
        logged = run.history.height and not done.from_console
        if logged or run.state is not State.FINISHED or done.no_history:
            return
        if _OTHER_JOBS.search(run.identity.job_type) or any(
            a.direction == "output" and not a.name.startswith("source-") for a in run.artifacts
        ):
            return
        time = f" in {duration(run.runtime)}" if run.runtime else ""
        printed = f": the {done.rows:,} rows here were printed" if done.from_console else ""
        yield self.finding(
            Severity.WARNING,
            1.0,
            f"No metric was ever logged{time}{printed}",
            "Check that run.log() is reached, on the process that called wandb.init().",
        )
