"""`postrun pull`: export only, and of a server's runs only what is new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.remote import choice, choice_options, sample_option
from postrun.cli.settings import output_options, privacy, privacy_options
from postrun.cli.targets import find, report_errors
from postrun.job import Options, folder_names
from postrun.pull import Pulled, mark_deleted, pull_all
from postrun.report.files import json_text
from postrun.report.terminal import make_console, progress_bar, safe
from postrun.sources import RemoteOptions


@click.command(name="pull")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@output_options
@click.option(
    "--files",
    multiple=True,
    metavar="GLOB",
    help="Further files of runs on a server to download, as they are (again for more): 'media/*'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@privacy_options
@sample_option
@choice_options
def command(
    targets: tuple[str, ...],
    out: Path,
    files: tuple[str, ...],
    as_json: bool,
    workers: int | None,
    **asked: Any,
) -> None:
    """Export runs to CSV, Parquet and JSON, without plots or report.

    Of runs on a server, a second pull fetches only what is new or changed; killed at any moment, it goes on
    where it was. Runs that the server has no more are kept and marked.
    """
    wanted = choice(asked)
    refs, errors = find(targets, wanted)
    options = Options(
        out=out,
        plots=False,
        report=False,
        together=False,
        privacy=privacy(asked),
    )
    console = make_console()
    done: list[Pulled] = []

    def tell(pulled: Pulled) -> None:
        done.append(pulled)
        result = pulled.result
        if pulled.status == "failed" and result is not None:
            errors.append(result.error)
        elif not as_json:
            text = f"  {result.completeness}" if result is not None else ""
            line = f"{safe(pulled.id)}  {pulled.status}{text}  →  {pulled.folder}"
            console.print(line, markup=False, soft_wrap=True)

    with progress_bar(len(refs)) as advance:
        for pulled in pull_all(refs, folder_names(refs), options, workers, files):
            tell(pulled)
            advance(pulled.result.rows if pulled.result else 0)
    if wanted == RemoteOptions(sample=wanted.sample, order=wanted.order):
        for project in {ref.project for ref in refs if ref.remote} & set(targets):
            for pulled in mark_deleted(out, project, refs):
                tell(pulled)
    if as_json:
        click.echo(json_text({"runs": [_row(p) for p in done], "errors": errors}))
    sys.exit(report_errors(errors))


def _row(pulled: Pulled) -> dict[str, Any]:
    result = pulled.result
    return {
        "id": pulled.id,
        "status": pulled.status,
        "folder": str(pulled.folder),
        "completeness": result.completeness if result else None,
        "files": [str(path) for path in result.files] if result else [],
    }
