"""The result of a gate as SARIF 2.1.0, the format of code scanning.

OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 2020, with errata 01 of 2023.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from postrun.model import Finding, Severity, UsageError
from postrun.model.text import inert
from postrun.report.files import json_text
from postrun.report.gate.base import KNOWN, Checked, Gate

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_STATES = {"new": "new", "known": "unchanged"}


def render(gate: Gate) -> str:
    """Return a SARIF log that holds one run of the tool, with a result for each finding."""
    codes: dict[str, int] = {}
    descriptors: list[dict[str, Any]] = []
    results = []
    for run in gate.runs:
        for finding, state in run.told():
            if finding.rule not in codes:
                codes[finding.rule] = len(descriptors)
                descriptors.append(_descriptor(finding))
            results.append(_result(gate, run, finding, state, codes[finding.rule]))
    driver = {
        "name": "postrun",
        "version": version("postrun"),
        "semanticVersion": version("postrun"),
        "shortDescription": {"text": "Diagnoses training runs."},
        "rules": descriptors,
    }
    return json_text(
        {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": driver},
                    "automationDetails": {"id": "postrun/check/"},
                    "columnKind": "unicodeCodePoints",
                    "invocations": [_invocation(gate)],
                    "results": results,
                }
            ],
        }
    )


def _descriptor(finding: Finding) -> dict[str, Any]:
    """Return what a rule is; of a plug-in's that is not installed any more only its name."""
    from postrun.rules.registry import find_rule

    out: dict[str, Any] = {"id": inert(finding.rule), "name": inert(finding.name)}
    try:
        rule = find_rule(finding.rule)
    except UsageError:
        return {**out, "shortDescription": {"text": inert(finding.name)}}
    page = inert(rule.documentation())
    return {
        **out,
        "shortDescription": {"text": inert(rule.summary())},
        "fullDescription": {"text": inert(rule.summary())},
        "help": {"text": page, "markdown": page},
    }


def _result(gate: Gate, run: Checked, finding: Finding, state: str, index: int) -> dict[str, Any]:
    good = finding.severity is Severity.GOOD
    text = f"{run.name}: {finding.message}"
    remedy = f"\nWhat to do: {finding.remedy}" if finding.remedy else ""
    metrics = list(dict.fromkeys(m for proof in finding.evidence for m in proof.metrics))
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri(run.path)}}}
    if metrics:
        location["logicalLocations"] = [
            {"name": inert(metric), "fullyQualifiedName": inert(f"{run.id}/{metric}")}
            for metric in metrics
        ]
    out: dict[str, Any] = {
        "ruleId": inert(finding.rule),
        "ruleIndex": index,
        "kind": "pass" if good else "fail",
        "level": _LEVELS.get(finding.severity, "none"),
        "rank": round(100 * finding.confidence, 1),
        "message": {"text": inert(text + remedy)},
        "locations": [location],
        "partialFingerprints": {"postrunFinding/v1": fingerprint(finding)},
        "properties": {
            "run": inert(run.id),
            "severity": finding.severity.label,
            "fails": gate.fails(finding, state),
            "evidence": [_inert(proof.as_dict()) for proof in finding.evidence],
        },
    }
    if gate.baseline:
        out["baselineState"] = _STATES[KNOWN if state == KNOWN else "new"]
    return out


def _invocation(gate: Gate) -> dict[str, Any]:
    """Return how the tool fared: what could not be read, and what could not be judged."""
    said = [("error", error) for error in gate.errors]
    for run in gate.runs:
        said += [("note", f"{run.name}: {s}") for s in run.coverage.sentences()]
        said += [("note", f"{run.name}: not compared: {why}.") for why in run.not_compared]
    return {
        "executionSuccessful": not gate.errors,
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": inert(text)}} for level, text in said
        ],
    }


def fingerprint(finding: Finding) -> str:
    """Return what stays the same when the same fault is found in another run: its rule and metrics."""
    metrics = sorted({m for proof in finding.evidence for m in proof.metrics})
    text = "\0".join([finding.rule, *metrics])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def uri(path: str) -> str:
    """Return a path as a URI reference: relative below the working folder, else absolute."""
    if path.startswith(("http://", "https://", "s3://", "gs://")):
        return quote(path.encode("utf-8", "replace"), safe=":/?&=%#@+")
    where = Path(path)
    if where.is_absolute():
        try:
            where = where.relative_to(Path.cwd())
        except ValueError:
            return "file://" + quote(path.encode("utf-8", "replace"))
    return quote(where.as_posix().encode("utf-8", "replace"))


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dict):
        return {key: _inert(inner) for key, inner in value.items()}
    return [_inert(inner) for inner in value] if isinstance(value, list) else value
