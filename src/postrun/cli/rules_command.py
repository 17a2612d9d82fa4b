"""`postrun rules`: all rules."""

from __future__ import annotations

import click

from postrun.cli.completion import known_rules
from postrun.cli.output import print_json
from postrun.report.console import print_table


@click.command(name="rules")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def command(as_json: bool) -> None:
    """List the diagnosis rules; `postrun explain CODE` shows one's documentation."""
    found = known_rules()
    if as_json:
        print_json(found)
        return
    rows = [[rule["code"], rule["name"], rule["summary"]] for rule in found]
    print_table(["code", "name", "what it finds"], rows)
