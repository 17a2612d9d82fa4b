"""The result of a gate as JSON."""

from __future__ import annotations

from typing import Any

from postrun.report.files import json_text
from postrun.report.gate.base import Checked, Gate


def render(gate: Gate) -> str:
    """Return `failed`, `runs` and `errors`; with a baseline also what got worse and what it has as well."""
    value: dict[str, Any] = {
        "failed": gate.failed,
        "runs": [_run(gate, run) for run in gate.runs],
        "errors": list(gate.errors),
    }
    if gate.baseline:
        value["baseline"] = list(gate.baseline)
    return json_text(value)


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
