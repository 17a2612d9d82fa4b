"""Run the rules over a run."""

from __future__ import annotations

import numpy as np

from postrun.model import Finding, Run, ranked
from postrun.rules.registry import Selection
from postrun.semantics import RunView


def diagnose(run: Run | RunView, selection: Selection | None = None) -> list[Finding]:
    """What the rules find in a run, worst and surest first.

    A rule that fails does not hide the others: it becomes a finding of its own (RUN000).
    """
    view = run if isinstance(run, RunView) else RunView(run)
    found: list[Finding] = []
    for rule in (selection or Selection()).active():
        try:
            # Values near the limits of floats overflow in variances: infinite spread, no warning.
            with np.errstate(all="ignore"):
                found.extend(rule.check(view))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            found.append(_broken(rule.code, rule.name, error))
    return ranked(found)


def _broken(code: str, name: str, error: Exception) -> Finding:
    from postrun.model import Severity

    return Finding(
        rule="RUN000",
        name="rule-failed",
        severity=Severity.INFO,
        confidence=1.0,
        message=f"Rule {code} ({name}) could not be run on this run: "
        f"{type(error).__name__}: {error}",
        remedy="Please report this with the run's metric names: it is a defect of the rule.",
    )
