"""`postrun rules`: all rules."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.completion import known_rules
from postrun.cli.envelope import json_option, print_results
from postrun.report.console import print_table


@click.command(name="rules")
@json_option
def command(as_json: bool) -> None:
    """List the diagnosis rules; `postrun explain CODE` shows one's documentation."""
    found = known_rules()
    if as_json:
        print_results({"rules": found})
        return
    rows = [[rule["code"], rule["name"], _since(rule), rule["summary"]] for rule in found]
    print_table(["code", "name", "since", "what it finds"], rows)


def _since(rule: dict[str, Any]) -> str:
    parts = (rule["since"], "preview" if rule["status"] == "preview" else "")
    return ", ".join(part for part in parts if part)
