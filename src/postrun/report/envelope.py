"""The envelope of all JSON that commands print: the same four keys for results and for failures.

docs/schema.json, which docs/make_schema.py writes, says what `results` holds for each command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: Version of the envelope and of all results in it. It grows with each change that is not a new key.
SCHEMA_VERSION = 1


def envelope(
    command: str, results: Mapping[str, Any] | None, errors: Iterable[object] = ()
) -> dict[str, Any]:
    """Return what a command prints as JSON.

    Args:
        command: Name of the command, with that of its group: "analyze", "store verify".
        results: What it found or did; None if it failed before it did anything.
        errors: Messages of what went wrong, such as targets that could not be read.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "results": None if results is None else dict(results),
        "errors": [str(error) for error in errors],
    }
