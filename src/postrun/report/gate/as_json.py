"""The result of a gate as JSON."""

from __future__ import annotations

from typing import Any

from postrun.report.envelope import envelope
from postrun.report.files import json_text
from postrun.report.gate.base import Checked, Gate


def render(gate: Gate) -> str:
    """Return the results in the envelope that `postrun check --json` prints."""
    return json_text(envelope("check", results(gate), gate.errors))


def results(gate: Gate) -> dict[str, Any]:
    """Return `failed` and `runs`; with a baseline also what got worse and what it has as well."""
    value: dict[str, Any] = {
        "failed": gate.failed,
        "runs": [_run(gate, run) for run in gate.runs],
    }
    if gate.baseline:
        value["baseline"] = list(gate.baseline)
    return value


def _run(gate: Gate, run: Checked) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": run.id,
        "findings": [f.as_dict() for f in run.findings],
        "coverage": run.coverage.as_dict(),
    }
    if gate.baseline:
        out["worse"] = [f.as_dict() for f in run.worse]
        out["known"] = sorted(run.known)
        out["not_compared"] = list(run.not_compared)
    return out
