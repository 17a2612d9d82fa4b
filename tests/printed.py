"""What a command prints as JSON: the envelope, held against the published schema wherever a test reads it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = Path(__file__).parents[1] / "docs" / "schema.json"


@cache
def checker() -> Any:
    """Return what validates an envelope against the published schema."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def envelope_of(text: str) -> dict[str, Any]:
    """Return the envelope that a command printed; AssertionError if it does not fit the schema."""
    value: dict[str, Any] = json.loads(text)
    fault = jsonschema.exceptions.best_match(checker().iter_errors(value))
    assert fault is None, f"{fault.json_path}: {fault.message[:500]}"
    return value


def results_of(text: str) -> dict[str, Any]:
    """Return the results in what a command printed."""
    found = envelope_of(text)["results"]
    assert isinstance(found, dict)
    return found
