"""What a rule says where a value lies exactly on one of its thresholds: above, or at least.

Each threshold is first given as a probe that notes what it is compared with; then the rule is asked again with
the thresholds at which such a comparison is met exactly. After a change that is meant:
pytest tests/test_rule_bounds.py --snapshot-update
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from postrun.metrics import RunView
from postrun.model import Run
from postrun.rules import find_rule
from tests.probes import Probe
from tests.rule_cases import SILENT
from tests.test_messages import CODES
from tests.test_rules import ALL

#: Cases of each kind of a rule, and exact bounds of each threshold and case, the nearest to the default first.
CASES, BOUNDS = 4, 2


def cases(code: str) -> list[Run]:
    faulty = [run for other, _, run, _ in ALL if other == code]
    silent = [run for other, _, run in SILENT if other == code]
    return [*faulty[:CASES], *silent[:CASES]]


def said(code: str, view: RunView, name: str, bound: float) -> str:
    rule = find_rule(code)({name: bound})
    found = rule.check_beside(view, []) if rule.beside else rule.check(view)
    return ", ".join(finding.severity.label for finding in found) or "-"


def bounds(code: str, view: RunView, name: str) -> Iterator[float]:
    """Yield the thresholds at which something of the run lies exactly on the bound."""
    default = find_rule(code).thresholds[name]
    seen: list[float] = []
    said(code, view, name, Probe.of(default, seen))
    other = sorted({one for one in seen if one != default}, key=lambda one: abs(one - default))
    for one in other[:BOUNDS]:
        yield int(one) if isinstance(default, int) and one == int(one) else one


def probes_are_asked() -> bool:
    """Return whether NumPy's numbers leave comparisons to probes, which older versions do not."""
    seen: list[float] = []
    return bool(np.float64(3) > Probe.of(2.0, seen)) and seen == [3.0]


@pytest.mark.skipif(not probes_are_asked(), reason="this version of NumPy compares by itself")
@pytest.mark.parametrize("code", CODES)
def test_what_is_said_exactly_on_a_bound(code: str, snapshot: SnapshotAssertion) -> None:
    lines = []
    for number, run in enumerate(cases(code)):
        view = RunView(run)
        for name in find_rule(code).thresholds:
            lines += [
                f"{number} {name} {bound:.4g}: {said(code, view, name, bound)}"
                for bound in bounds(code, view, name)
            ]
    assert lines == snapshot


def test_a_probe_notes_where_its_lines_are_met() -> None:
    seen: list[float] = []
    bound = Probe.of(2.0, seen)
    assert 3 * bound + 1 < 10.0
    assert not 4 - bound < 1.5
    assert seen == [3.0, 2.5]
