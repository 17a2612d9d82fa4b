"""A rule that could not be run."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.plugins import described
from postrun.rules.base import Rule


class RuleFailed(Rule):
    """A rule could not be run on this run.

    ## What it does
    Names a rule that raised an error, with the error. All other rules ran.

    ## Why it matters
    What the rule would have found is unknown: its silence does not mean that the run is healthy.

    ## How it decides
    It has no condition of its own: it reports each rule that raises an error.

    ## What to do
    If the rule comes with postrun, report it with the run's metric names. If it comes with another
    package, tell that package's authors, or leave the rule out with `--ignore CODE`.

    ## Example
    "Rule OPT001 (not-finite) could not be run on this run: KeyError: 'loss'"
    """

    code = "RUN000"
    name = "rule-failed"

    def check(self, view: RunView) -> Iterator[Finding]:
        """Nothing: findings of this rule come from `about`."""
        yield from ()

    def about(self, rule: Rule, error: BaseException) -> Finding:
        """Return the finding that a rule failed."""
        own = type(rule).__module__.startswith("postrun.")
        remedy = (
            "Please report this with the run's metric names: it is a defect of the rule."
            if own
            else f"Tell the authors of {type(rule).__module__.split('.')[0]}, or leave the rule out with "
            f"--ignore {rule.code}."
        )
        return self.finding(
            Severity.WARNING,
            1.0,
            f"Rule {rule.code} ({rule.name}) could not be run on this run: {described(error)}",
            remedy,
        )
