"""The run finished, but its console ends with an error."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules.base import NOW, Rule
from postrun.rules.run.words import at_the_end, error, shortened
from postrun.training.end_words import where
from postrun.training.ending import how_it_ended


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
