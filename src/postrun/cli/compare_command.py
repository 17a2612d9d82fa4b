"""`postrun compare`: runs side by side."""

from __future__ import annotations

import sys

import click

from postrun.cli.targets import find, report_errors
from postrun.compare import by_group, config_differences, finals
from postrun.model import Run, TargetError, UsageError
from postrun.report.files import json_text
from postrun.report.terminal import print_frame


@click.command(name="compare")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--metric", "metrics", multiple=True, help="Metric to compare (again for more).")
@click.option("--by", default="", metavar="CONFIG_KEY", help="Group by this config value.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def command(targets: tuple[str, ...], metrics: tuple[str, ...], by: str, as_json: bool) -> None:
    """Show how two or more runs differ in config, and how their metrics ended."""
    refs, errors = find(targets)
    runs: list[Run] = []
    for ref in refs:
        try:
            runs.append(ref.load())
        except TargetError as error:
            errors.append(str(error))
    if len(runs) < 2 and not errors:
        raise UsageError("compare needs at least two runs")
    if by and not metrics:
        raise UsageError("--by needs --metric KEY: the value to group")
    tables = {"config": config_differences(runs), "finals": finals(runs, metrics)}
    for metric in metrics if by else ():
        tables[f"{metric} by {by}"] = by_group(runs, metric, by)
    if as_json:
        shown = {name: frame.to_dicts() for name, frame in tables.items()}
        click.echo(json_text({"tables": shown, "errors": errors}))
    elif runs:
        for name, frame in tables.items():
            print_frame(name, frame)
        click.echo(
            "One run per setting shows what happened, not what would happen again: "
            "repeat with other seeds before you conclude."
        )
    sys.exit(report_errors(errors))
