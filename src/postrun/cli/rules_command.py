"""`postrun rules`: all rules."""

from __future__ import annotations

import click

from postrun.cli.output import print_json
from postrun.report.terminal import print_rules
from postrun.rules import rules


@click.command(name="rules")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def command(as_json: bool) -> None:
    """List the diagnosis rules; `postrun explain CODE` shows one's documentation."""
    if as_json:
        rows = [
            {
                "code": r.code,
                "name": r.name,
                "summary": r.summary(),
                "needs": r.needs,
                "scope": r.scope,
                "symptom_of": r.symptom_of,
                "thresholds": r.thresholds,
            }
            for r in rules()
        ]
        print_json(rows)
        return
    print_rules([(r.code, r.name, r.summary()) for r in rules()])
