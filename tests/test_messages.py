"""What rules say of their cases, word by word.

After a change that is meant: pytest tests/test_messages.py --snapshot-update
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from postrun.metrics import RunView
from postrun.model import Evidence
from postrun.rules import find_rule, rules
from tests.test_rules import ALL

CODES = sorted(
    rule.code for rule in rules() if rule.code not in ("RUN000", "BASE001", "BASE002", "BASE003")
)


def shown(proof: Evidence) -> str:
    """The evidence with four digits: the last ones differ between machines."""
    window = f"{proof.step_from}-{proof.step_to}"
    numbers = (proof.before, proof.after, proof.effect)
    return " ".join(
        [proof.metric, window, *(f"{x:.4g}" if x is not None else "-" for x in numbers)]
    )


@pytest.mark.parametrize("code", CODES)
def test_what_is_said(code: str, snapshot: SnapshotAssertion) -> None:
    said = []
    for other, _, run, _ in ALL:
        if other != code:
            continue
        for finding in find_rule(code)({}).check(RunView(run)):
            said += [
                f"{finding.severity.label} {finding.confidence:.2g}: {finding.message}",
                f"  -> {finding.remedy}",
                *(f"  {shown(proof)}" for proof in finding.evidence),
            ]
    assert said, "no case of the rule's own makes it say anything"
    assert said == snapshot
