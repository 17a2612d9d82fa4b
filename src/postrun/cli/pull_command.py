"""`postrun pull`: export only."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postrun.cli.settings import output_options, privacy, privacy_options
from postrun.cli.targets import find, report_errors
from postrun.engine import analyze_all
from postrun.job import Options
from postrun.report.files import json_text
from postrun.report.terminal import make_console, progress_bar, safe


@click.command(name="pull")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@output_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@privacy_options
def command(
    targets: tuple[str, ...],
    out: Path,
    as_json: bool,
    workers: int | None,
    no_mask: bool,
    anonymize: bool,
) -> None:
    """Export runs to CSV, Parquet and JSON, without plots or report."""
    refs, errors = find(targets)
    options = Options(
        out=out,
        plots=False,
        report=False,
        together=False,
        privacy=privacy(no_mask, anonymize),
    )
    console = make_console()
    done = []
    with progress_bar(len(refs)) as advance:
        for result in analyze_all(refs, options, workers):
            advance()
            if result.error:
                errors.append(result.error)
                continue
            done.append(
                {
                    "id": result.id,
                    "folder": str(result.folder),
                    "completeness": result.completeness,
                    "files": [str(path) for path in result.files],
                }
            )
            if not as_json:
                console.print(
                    f"{safe(result.id)}  {result.completeness}  →  {result.folder}", markup=False
                )
    if as_json:
        click.echo(json_text({"runs": done, "errors": errors}))
    sys.exit(report_errors(errors))
