"""Findings as reports can show them: what a rule of another package gives is checked where it comes in."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from postrun.model import Evidence, Finding, Severity

_TEXTS = ("rule", "name", "message", "remedy")
_PROOF_TEXTS = ("metric", "run", "axis", "unit")
_PROOF_NUMBERS = ("step_from", "step_to", "before", "after", "effect", "n", "row_from", "row_to")


def whole(value: Any) -> Finding:
    """Return a finding that is one in all its parts.

    Raises:
        TypeError: It is none, or a part has another type than reports can show.
        ValueError: Its confidence is no number from 0 to 1.
    """
    if not isinstance(value, Finding):
        raise TypeError(f"it gives {_kind(value)}, not a Finding")
    for name in _TEXTS:
        _require(isinstance(getattr(value, name), str), name, getattr(value, name), "text")
    _require(isinstance(value.severity, Severity), "severity", value.severity, "a Severity")
    _require(_is_number(value.confidence), "confidence", value.confidence, "a number")
    if not 0 <= value.confidence <= 1:  # NaN is not, either
        raise ValueError(f"the confidence of its finding is {value.confidence}, not from 0 to 1")
    for name, kind in (("evidence", Evidence), ("links", str), ("symptoms", Finding)):
        _require_tuple(getattr(value, name), name, kind)
    for proof in value.evidence:
        _require_proof(proof)
    for symptom in value.symptoms:
        whole(symptom)
    return value


def _require_proof(proof: Evidence) -> None:
    """Raise TypeError if a part of a piece of evidence has another type than reports can show."""
    for name in _PROOF_TEXTS:
        part = getattr(proof, name)
        _require(isinstance(part, str), f"evidence.{name}", part, "text")
    for name in _PROOF_NUMBERS:
        part = getattr(proof, name)
        _require(part is None or _is_number(part), f"evidence.{name}", part, "a number or None")
    _require_tuple(proof.of, "evidence.of", str)
    for name in ("row_from", "row_to", "step_from", "step_to"):
        part = getattr(proof, name)
        _require(part is None or math.isfinite(part), f"evidence.{name}", part, "finite")


def _require_tuple(value: object, name: str, kind: type[Any]) -> None:
    fits = isinstance(value, tuple) and all(isinstance(part, kind) for part in value)
    _require(fits, name, value, f"a tuple of {kind.__name__}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _require(fits: bool, name: str, value: object, wanted: str) -> None:
    if not fits:
        raise TypeError(f"the {name} of its finding is {_kind(value)}, not {wanted}")


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
