"""One cause is one finding: symptoms go under what explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postrun.model import Finding, Severity, UsageError
from postrun.rules.registry import find_rule


def under_causes(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with those that another one explains put under it, in any order.

    A finding is a symptom where its rule names the other's in `symptom_of`, it does not end before
    the cause begins, and does not begin much earlier. The cause named first wins; a finding that
    is a symptom itself still carries its own. A cause is as severe as its worst symptom.
    """
    ends = [w[1] for f in findings if (w := f.window)]
    last = max(ends, default=0.0)
    parent: dict[int, int] = {}
    for i, finding in enumerate(findings):
        if finding.severity is Severity.GOOD:
            continue
        codes, slack = _causes(finding.rule)
        for code in codes:
            cause = next(
                (
                    j
                    for j, other in enumerate(findings)
                    if other.rule == code
                    and j != i
                    and other.severity is not Severity.GOOD
                    and _explains(other, finding, slack * last)
                    and not _above(parent, j, i)
                ),
                None,
            )
            if cause is not None:
                parent[i] = cause
                break
    return [_build(i, findings, parent) for i in range(len(findings)) if i not in parent]


def _build(i: int, findings: Sequence[Finding], parent: dict[int, int]) -> Finding:
    children = [_build(k, findings, parent) for k, cause in parent.items() if cause == i]
    if not children:
        return findings[i]
    worst = max(findings[i].severity, *(c.severity for c in children))
    ordered = sorted(children, key=lambda f: (-f.severity, -f.confidence, f.rule))
    return replace(findings[i], severity=worst, symptoms=tuple(ordered))


def _causes(code: str) -> tuple[tuple[str, ...], float]:
    try:
        rule = find_rule(code)
    except UsageError:  # RUN000
        return (), 0.0
    return rule.symptom_of, rule.slack


def _above(parent: dict[int, int], start: int, wanted: int) -> bool:
    """True where `wanted` is among the causes of `start`."""
    at: int | None = start
    while at is not None:
        if at == wanted:
            return True
        at = parent.get(at)
    return False


def _explains(cause: Finding, symptom: Finding, slack: float) -> bool:
    a, b = cause.window, symptom.window
    if a is None or b is None:
        return True
    return b[0] >= a[0] - slack and b[1] >= a[0] and b[0] <= a[1] + slack
