"""`postrun analyze`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.pages import INDEX, show_page
from postrun.cli.remote import choice, choice_options, sample_option
from postrun.cli.settings import (
    asked_rules,
    brief_options,
    cluster_option,
    output_options,
    privacy,
    privacy_options,
    rule_options,
)
from postrun.cli.targets import find, newest_note, report_errors, targets_argument
from postrun.engine import analyze_all
from postrun.job import Options, Result
from postrun.model import RunRef, Severity
from postrun.report.index.workspace import Entry, Joined, Workspace, workspace
from postrun.report.progress import progress_bar, waiting
from postrun.report.terminal import print_brief, print_run
from postrun.sources import what_was_found

#: Of more runs than this, each is one row.
_FEW = 3


@click.command(name="analyze")
@targets_argument
@output_options
@cluster_option
@click.option("--no-plots", is_flag=True, help="Draw no plots.")
@click.option("--no-report", is_flag=True, help="Write no report.html, report.md and index.html.")
@click.option(
    "--studies", is_flag=True, help="Write a sweep and a progress study of several runs as well."
)
@click.option("--open", "opened", is_flag=True, help="Open the report in the browser.")
@json_option
@click.option(
    "--as-one", is_flag=True, help="Read the runs as parts of one training, joined as well."
)
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and critical findings.")
@click.option("--verbose", "-v", is_flag=True, help="Print all runs, findings and evidence.")
@brief_options
@rule_options
@privacy_options
@sample_option
@choice_options
def command(
    targets: tuple[str, ...],
    out: Path,
    no_plots: bool,
    no_report: bool,
    studies: bool,
    opened: bool,
    as_json: bool,
    as_one: bool,
    quiet: bool,
    verbose: bool,
    brief: bool,
    budget: int,
    workers: int | None,
    cluster: str,
    **asked: Any,
) -> None:
    """Read runs, export, diagnose, plot and report them.

    Without a TARGET: the newest run under ./wandb, else of WANDB_ENTITY/WANDB_PROJECT. Files are written to
    OUT/RUN_ID/. For several runs, OUT/index.html shows all of them.
    """
    refs, errors = find(targets, choice(asked))
    options = Options(
        out=out,
        plots=not no_plots,
        report=not no_report,
        as_one=as_one,
        glance=len(refs) > 1,
        privacy=privacy(asked),
        selection=asked_rules(asked),
    )
    if found := what_was_found(refs):
        click.echo(found, err=True)
    results = _results(refs, options, workers, cluster)
    errors += [r.error for r in results if r.error]
    read = [r for r in results if not r.error]
    space = _side_by_side(read, errors, options.report)
    hints = _next(space, targets) if space is not None else []
    page = _page(read, refs, space, options, workers, studies, hints)
    if brief:
        from postrun.report.brief import brief_dict, brief_runs

        folders = [str(r.folder) for r in read]
        index = str(page) if page is not None else None
        told = brief_runs(read, budget, errors)
        print_results(brief_dict(told, folders=folders[:_FEW], page=index), errors)
    elif as_json:
        runs = [{**r.analysis, "folder": str(r.folder), "masked": r.masked} for r in read]
        index = str(page) if space is not None and page is not None else None
        print_results({"runs": runs, "index": index}, errors)
    elif quiet:
        print_brief(read, Severity.WARNING)
    else:
        if not targets and not asked["limit"]:
            click.echo(newest_note(refs), nl=False)
        _print(read, space, page, hints, verbose)
    if opened and page is not None:
        show_page(page, quiet=as_json)
    sys.exit(report_errors(errors))


def _results(
    refs: list[RunRef], options: Options, workers: int | None, cluster: str
) -> list[Result]:
    results = []
    with progress_bar(len(refs)) as advance:
        for result in analyze_all(refs, options, workers, cluster):
            results.append(result)
            advance(result.rows)
    return results


def _side_by_side(results: list[Result], errors: list[str], report: bool) -> Workspace | None:
    """Return the runs side by side; None for a single one."""

    def link(result: Result) -> str:
        return f"{result.folder.name}/report.html" if report and result.folder else ""

    entries = [Entry(r.glance, link(r)) for r in results if r.glance is not None and not r.members]
    if len(entries) < 2:
        return None
    joined = [Joined(r.members, r.verdict, link(r)) for r in results if r.members]
    masked = sum(bool(r.masked) for r in results)
    told = f"Values were masked in {masked:,} of {len(results):,} runs" if masked else ""
    return workspace(entries, joined, errors, told)


def _page(
    results: list[Result],
    refs: list[RunRef],
    space: Workspace | None,
    options: Options,
    workers: int | None,
    everything: bool,
    hints: list[str],
) -> Path | None:
    """Return the page to open; write that of several runs, and of their studies."""
    if not options.report or options.out is None or not results:
        return None
    if space is None:
        return None if results[0].folder is None else results[0].folder / "report.html"
    from postrun.cli.study_pages import write_study_pages
    from postrun.report.index.page import write_index

    page = options.out / INDEX
    with waiting("Writing the overview"):
        pages = write_study_pages(refs, space, options.out, options.privacy, workers, everything)
        write_index(page, space, pages, hints)
    return page


def _print(
    results: list[Result],
    space: Workspace | None,
    page: Path | None,
    hints: list[str],
    verbose: bool,
) -> None:
    """Print each of a few runs in full, and of many a table.

    Of runs that are parts of one training, the training is printed in full and its parts in brief.
    """
    if space is None or len(space.entries) <= _FEW:
        parts = {member for r in results for member in r.members}
        for result in results:
            if result.view is not None and result.id not in parts:
                print_run(
                    result.view,
                    result.findings,
                    result.folder,
                    masked=result.masked,
                    verbose=verbose,
                )
            else:
                print_brief([result], Severity.GOOD)
        if space is not None and page is not None:
            click.echo(f"Overview: {page}")
        return
    from postrun.report.index.terminal import Shown, print_workspace

    print_workspace(space, Shown(verbose, str(page or ""), hints))


def _next(space: Workspace, targets: tuple[str, ...]) -> list[str]:
    """Return commands that say more about these runs."""
    where = shlex.join(targets)
    out = (
        [f"postrun failures {where}"] if any(g.record.ending.failed for g in space.glances) else []
    )
    if space.judge and space.varying and space.one_project:
        out.append(f"postrun sweep {where} --metric {shlex.quote(space.judge)}")
    return out
