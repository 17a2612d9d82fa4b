"""What got worse beside a baseline: `postrun check --baseline` finds it, and rules on this base describe it."""

from __future__ import annotations

from collections.abc import Iterator

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity
from postrun.rules.base import Rule


class BesideBaseline(Rule):
    """A finding of these rules needs other runs, so it comes from `about` and not from `check`."""

    def check(self, view: RunView) -> Iterator[Finding]:
        """Nothing: a run alone cannot be worse than another."""
        del view
        yield from ()

    def about(self, message: str, remedy: str, proof: Evidence, confidence: float) -> Finding:
        """Return the finding that a metric is worse than in the baseline."""
        return self.finding(Severity.WARNING, confidence, message, remedy, [proof])
