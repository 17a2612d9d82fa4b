"""Run the rules over a run, or over the runs of one training together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run, ranked
from postrun.plugins import RAISED
from postrun.rules.base import Rule
from postrun.rules.causes import under_causes
from postrun.rules.registry import Selection
from postrun.rules.rule_failed import RuleFailed
from postrun.rules.whole import whole

#: Findings of one rule on one run; one that has more does not end by itself.
_MOST_FINDINGS = 1_000


def diagnose(
    run: Run | RunView, selection: Selection | None = None, rules: Sequence[Rule] | None = None
) -> list[Finding]:
    """What the rules find in a run, worst and surest first, symptoms under their causes.

    A run that is joined of several (`postrun.join`) is read as one training; rules that are about
    processes read each of its parts. A rule that fails does not hide the others: it becomes a
    warning of its own (RUN000). `rules` are those to run, if they were made of the selection already.
    """
    view = run if isinstance(run, RunView) else RunView(run)
    chosen = selection or Selection()
    found: list[Finding] = []
    asked = chosen.active() if rules is None else rules
    for rule in sorted(asked, key=lambda rule: rule.beside):
        before = tuple(found)
        found += [chosen.settled(finding, type(rule)) for finding in _check(rule, view, before)]
    return ranked(under_causes(found))


def _check(rule: Rule, view: RunView, before: Sequence[Finding]) -> Iterator[Finding]:
    if rule.scope == "process" and view.parts:
        for part in view.parts:
            for finding in _run(rule, part, before):
                proofs = tuple(replace(e, run=part.run.id) for e in finding.evidence)
                yield replace(
                    finding, message=f"{part.run.name}: {finding.message}", evidence=proofs
                )
        return
    for finding in _run(rule, view, before):
        yield _with_runs(finding, view) if view.parts else finding


def _with_runs(finding: Finding, view: RunView) -> Finding:
    """The finding with the run that logged each metric named, where the rule did not."""
    proofs = tuple(
        replace(e, run=view.metrics[e.metric].run) if not e.run and e.metric in view.metrics else e
        for e in finding.evidence
    )
    return replace(finding, evidence=proofs)


def _run(rule: Rule, view: RunView, before: Sequence[Finding] = ()) -> list[Finding]:
    found: list[Finding] = []
    try:
        if rule.needs and not view.has(*rule.needs):
            return []
        # Values near the limits of floats overflow in variances: infinite spread, no warning.
        with np.errstate(all="ignore"):
            for finding in rule.check_beside(view, before) if rule.beside else rule.check(view):
                if len(found) == _MOST_FINDINGS:
                    raise RuntimeError(f"it has more than {_MOST_FINDINGS:,} findings")
                found.append(_placed(whole(finding), rule, view))
    except RAISED as error:  # a defect of one rule, maybe of another package's
        return [*found, RuleFailed().about(rule, error)]
    return found


def _placed(finding: Finding, rule: Rule, view: RunView) -> Finding:
    """Return a finding whose evidence names the axis of its steps, and the rows where they lie."""
    if rule.of_rows:
        unit = view.log_axis.unit
        return replace(finding, evidence=tuple(replace(e, unit=unit) for e in finding.evidence))
    return replace(finding, evidence=tuple(_on_axis(proof, view) for proof in finding.evidence))


def _on_axis(proof: Evidence, view: RunView) -> Evidence:
    if proof.row_from is not None or proof.step_from is None or proof.step_to is None:
        return proof
    rows = view.rows_of(proof.step_from, proof.step_to)
    axis = view.axis
    return replace(proof, axis=axis.key, unit=axis.unit, row_from=rows[0], row_to=rows[1])
