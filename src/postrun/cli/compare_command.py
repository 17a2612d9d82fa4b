"""`postrun compare`: runs side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.settings import privacy, privacy_options
from postrun.cli.targets import find, report_errors
from postrun.compare import by_group
from postrun.engine import compare_all
from postrun.model import UsageError
from postrun.report.files import json_text
from postrun.report.terminal import print_frame, progress_bar

#: Runs that one HTML report holds.
_MOST_RUNS = 200


@click.command(name="compare")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--metric", "metrics", multiple=True, help="Metric to compare (again for more).")
@click.option("--by", default="", metavar="CONFIG_KEY", help="Group by this config value.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an interactive report of all runs to this file (and diagnose them for it).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@privacy_options
def command(
    targets: tuple[str, ...],
    metrics: tuple[str, ...],
    by: str,
    html: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Show how two or more runs differ in config, and how their metrics ended."""
    refs, errors = find(targets)
    if html is not None and len(refs) > _MOST_RUNS:
        raise UsageError(
            f"{len(refs)} runs: one HTML report holds at most {_MOST_RUNS}. Name fewer, or a glob."
        )
    with progress_bar(len(refs)) as advance:
        comparison, masked, failed = compare_all(refs, html is not None, privacy(asked), advance)
    errors += failed
    if len(comparison.views) < 2 and not errors:
        raise UsageError("compare needs at least two runs")
    if by and not metrics:
        raise UsageError("--by needs --metric KEY: the value to group")
    tables = {"config": comparison.config, "finals": comparison.finals(metrics)}
    for metric in metrics if by else ():
        tables[f"{metric} by {by}"] = by_group(comparison.views, metric, by)
    if html is not None and comparison.views:
        from postrun.report.html.comparison_page import write_comparison

        write_comparison(html, comparison, masked)
    if as_json:
        shown = {name: frame.to_dicts() for name, frame in tables.items()}
        report = {"html": str(html)} if html is not None and comparison.views else {}
        click.echo(json_text({"tables": shown, "errors": errors, **report}))
    elif comparison.views:
        for name, frame in tables.items():
            print_frame(name, frame)
        click.echo(
            "One run per setting shows what happened, not what would happen again: "
            "repeat with other seeds before you conclude."
        )
        if html is not None:
            click.echo(f"Report: {html}" + (f" ({masked})" if masked else ""))
    sys.exit(report_errors(errors))
