"""`postrun analyze`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from postrun.cli.remote import choice, choice_options, sample_option
from postrun.cli.settings import (
    asked_rules,
    cluster_option,
    output_options,
    privacy,
    privacy_options,
    rule_options,
)
from postrun.cli.targets import find, report_errors
from postrun.engine import analyze_all
from postrun.job import Options, Result
from postrun.model import RunRef, Severity
from postrun.report.files import json_text
from postrun.report.terminal import make_console, print_brief, print_run, progress_bar
from postrun.sources import what_was_found


@click.command(name="analyze")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@output_options
@cluster_option
@click.option("--no-plots", is_flag=True, help="Draw no plots.")
@click.option("--no-report", is_flag=True, help="Write no report.html and report.md.")
@click.option("--json", "as_json", is_flag=True, help="Print the analysis as JSON, nothing else.")
@click.option(
    "--as-one", is_flag=True, help="The runs are parts of one training: read them joined as well."
)
@click.option("--quiet", "-q", is_flag=True, help="Print findings from warning up, nothing else.")
@rule_options
@privacy_options
@sample_option
@choice_options
def command(
    targets: tuple[str, ...],
    out: Path,
    no_plots: bool,
    no_report: bool,
    as_json: bool,
    as_one: bool,
    quiet: bool,
    workers: int | None,
    cluster: str,
    **asked: Any,
) -> None:
    """Read runs whole, export, diagnose, plot and report them.

    Without a TARGET: the newest run under ./wandb, else of WANDB_ENTITY/WANDB_PROJECT. Files are written to
    OUT/RUN_ID/.
    """
    options = Options(
        out=out,
        plots=not no_plots,
        report=not no_report,
        as_one=as_one,
        privacy=privacy(asked),
        selection=asked_rules(asked),
    )
    refs, errors = find(targets, choice(asked))
    if found := what_was_found(refs):
        click.echo(found, err=True)
    results = _run(refs, options, workers, cluster, show=not (as_json or quiet))
    errors += [r.error for r in results if r.error]
    if as_json:
        runs = [
            {**r.analysis, "folder": str(r.folder), "masked": r.masked}
            for r in results
            if not r.error
        ]
        click.echo(json_text({"runs": runs, "errors": errors}))
    elif quiet:
        print_brief([r for r in results if not r.error], Severity.WARNING)
    sys.exit(report_errors(errors))


def _run(
    refs: list[RunRef], options: Options, workers: int | None, cluster: str, show: bool
) -> list[Result]:
    """All results; printed in full as they come for few runs, in brief for many.

    Of runs that are parts of one training, the training is printed in full and its parts in brief.
    """
    console = make_console()
    few = 1 < len(refs) <= 3
    results = []
    with progress_bar(len(refs)) as advance:
        for result in analyze_all(refs, options, workers, cluster):
            results.append(result)
            advance(result.rows)
            if show and not result.error and not few:
                _print(result, len(refs) == 1 or bool(result.members), console)
    if show and few:
        parts = {member for r in results for member in r.members}
        for result in results:
            if not result.error:
                _print(result, result.id not in parts, console)
    return results


def _print(result: Result, whole: bool, console: Console) -> None:
    if whole and result.view is not None:
        print_run(result.view, result.findings, result.folder, console, result.masked)
    else:
        print_brief([result], Severity.WARNING if result.members else Severity.GOOD, console)
