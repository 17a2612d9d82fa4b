"""The formats of `postrun check`, one file each: a function `render` from a gate's result to text."""

from __future__ import annotations

from importlib import import_module

from postrun.report.gate.base import Checked, Gate

#: Format, and the module that writes it. Each is imported when it is asked for.
FORMATS = {
    "text": "postrun.report.gate.text",
    "json": "postrun.report.gate.as_json",
    "sarif": "postrun.report.gate.sarif",
    "junit": "postrun.report.gate.junit",
    "github": "postrun.report.gate.github",
}

__all__ = ["FORMATS", "Checked", "Gate", "render"]


def render(gate: Gate, form: str) -> str:
    """Return the result of a gate in one of `FORMATS`, without the last end of line; KeyError for another."""
    text: str = import_module(FORMATS[form]).render(gate)
    return text
