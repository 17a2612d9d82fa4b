"""What the names of the framework "Acme" mean."""

from __future__ import annotations

_TOML = """
name = "acme"
title = "Acme"

[recognise]
keys = ["acme/objective"]

[[metric]]
pattern = "acme/objective"
role = "loss.train"
"""


def toml() -> str:
    """Return the pack as TOML text."""
    return _TOML
