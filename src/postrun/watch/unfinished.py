"""What may be told of a run that still goes on.

Rules are written for runs that ended. On a prefix most of them say the same as later on the whole, and some
cannot: a curve is flat until it falls, an evaluation is missing until it comes. `Rule.live` says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.rules import rules
from postrun.rules.base import END, LATE, NOW, TWICE
from postrun.training.plan import plan_of

#: The share of its plan that a run has done, and the rows of one without a plan, before `LATE` rules are told.
ENOUGH, ENOUGH_ROWS = 0.3, 1_000


@cache
def policies() -> dict[str, str]:
    """Return when a finding is told, by the code of its rule."""
    return {rule.code: rule.live for rule in rules()}


@cache
def causes() -> dict[str, frozenset[str]]:
    """Return the codes of rules whose finding explains that of a rule, by its code."""
    return {rule.code: frozenset(rule.symptom_of) for rule in rules()}


@cache
def at_once() -> frozenset[str]:
    """Return the codes of rules whose findings are told at the first look."""
    return frozenset(code for code, live in policies().items() if live == NOW)


def tellable(
    view: RunView, findings: Sequence[Finding], least: Severity = Severity.WARNING
) -> list[Finding]:
    """Return the findings from `least` up that may be told of a run that goes on.

    Symptoms of one that may not be told stand for themselves.
    """
    done = enough(view)
    return [f for finding in findings for f in _admitted(finding, done) if f.severity >= least]


def enough(view: RunView) -> bool:
    """Return whether enough of a run is done to say that something never happened in it."""
    progress = plan_of(view).progress
    if progress is not None and progress.total > 1:
        return progress.share >= ENOUGH
    return view.run.history.height >= ENOUGH_ROWS


def _admitted(finding: Finding, done: bool) -> Iterator[Finding]:
    live = policies().get(finding.rule, TWICE)
    if live == END or (live == LATE and not done):
        for symptom in finding.symptoms:
            yield from _admitted(symptom, done)
    else:
        yield finding
