"""`postrun plugins`: what other packages add."""

from __future__ import annotations

from dataclasses import asdict

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_text
from postrun.metrics.packs_loader import as_pack
from postrun.plugins import GROUPS, installed_plugins
from postrun.report.console import print_table
from postrun.report.formats import as_format
from postrun.rules.registry import as_rule
from postrun.sources.guarded import as_source

_CHECKS = {
    "postrun.rules": as_rule,
    "postrun.packs": as_pack,
    "postrun.sources": as_source,
    "postrun.reports": as_format,
}


@click.command(name="plugins")
@json_option
def command(as_json: bool) -> None:
    """List the plug-ins of other packages; exit 1 if one cannot be used."""
    plugins = installed_plugins(_CHECKS)
    if as_json:
        print_results({"plugins": [asdict(plugin) for plugin in plugins]})
    elif not plugins:
        print_text("No plug-ins are installed. CONTRIBUTING.md says how to write one.")
    else:
        rows = [
            [GROUPS[p.group], p.name, f"{p.package} {p.version}".strip(), p.problem or "ok"]
            for p in plugins
        ]
        print_table(["adds", "name", "package", "state"], rows)
    if any(plugin.problem for plugin in plugins):
        raise SystemExit(1)
