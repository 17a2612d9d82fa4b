"""The project's own curves, whose faults come from the same hand as the rules: kept apart from all others."""

from __future__ import annotations

import re
from pathlib import Path

import postrun
from benchmarks.diagnosis import curves
from benchmarks.diagnosis.labels import Labels
from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.kinds import Kind
from benchmarks.faults.subject import Subject

#: Seeds that no threshold was chosen on.
_SEEDS = range(2000, 2002)


def cases(data: Path | None, out: Path) -> list[Case]:
    """Return the curves of benchmarks/diagnosis that must raise a finding, and the healthy ones."""
    del data, out
    return [
        _case(run, labels) for run, labels in curves.cases(_SEEDS) if labels.must or labels.healthy
    ]


def _case(run: postrun.Run, labels: Labels) -> Case:
    causes = tuple(Cause(code, kind=_of_rule(code)) for code in labels.must)
    truth = Truth.FAULT if labels.must else Truth.HEALTHY
    return Case("own-curves", labels.name, truth, Subject(runs=[run]), truth.value, causes)


def _of_rule(code: str) -> Kind:
    """Return the kind that only this rule's finding tells."""
    return Kind(code, truth=re.compile(f"^{code}$"), says=re.compile(rf"^{code}\b"), never=None)
