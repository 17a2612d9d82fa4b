"""`postrun pull`: export only, and of a server's runs only what is new."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.remote import choice, choice_options, sample_option
from postrun.cli.settings import (
    cluster_option,
    output_options,
    privacy,
    privacy_options,
    role_option,
)
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.incremental.folders import Pulled, mark_deleted, pull_all
from postrun.job import Options, folder_names
from postrun.model import RunRef, UsageError
from postrun.privacy import Masker, Privacy
from postrun.report.console import make_console, safe
from postrun.report.progress import progress_bar
from postrun.sources import RemoteOptions
from postrun.store import Store


@click.command(name="pull")
@targets_argument
@output_options
@click.option(
    "--store",
    metavar="STORE",
    help="Add the runs to a store instead: a folder, s3://bucket/prefix, or store: for your own.",
)
@cluster_option
@click.option("--force", is_flag=True, help="Read all runs, even unchanged ones.")
@click.option(
    "--files",
    multiple=True,
    metavar="GLOB",
    help="Also download these files of runs on a server: 'media/*'. Repeat to give several.",
)
@json_option
@role_option
@privacy_options
@sample_option
@choice_options
def command(
    targets: tuple[str, ...],
    out: Path,
    store: str | None,
    cluster: str,
    force: bool,
    files: tuple[str, ...],
    as_json: bool,
    workers: int | None,
    **asked: Any,
) -> None:
    """Export runs to CSV, Parquet and JSON, or add them to a store.

    Without a TARGET: the newest run under ./wandb. From a server, a second pull fetches only what is new or
    changed. A pull that was killed continues when it is run again. Runs deleted on the server are kept and
    marked.
    """
    if store and files:
        raise UsageError("--files: a store cannot hold files. Leave out --store or --files.")
    if cluster and not store:
        raise UsageError("--cluster: workers write to a store. Name it with --store.")
    wanted = choice(asked)
    refs, errors = find(targets, wanted)
    whole = wanted == RemoteOptions(sample=wanted.sample, order=wanted.order)
    # What the server has no more is told by a listing of a whole project alone.
    projects = {ref.project for ref in refs if ref.remote} & set(targets) if whole else set()
    console = make_console()
    done: list[Pulled] = []
    own = privacy(asked)
    masker = Masker(own)

    def tell(pulled: Pulled) -> None:
        done.append(pulled)
        result = pulled.result
        if pulled.status == "failed" and result is not None:
            errors.append(result.error)
        elif not as_json:
            text = f"  {result.completeness}" if result is not None else ""
            where = "" if store else f"  →  {pulled.folder}"
            line = f"{safe(masker.text(pulled.id))}  {pulled.status}{text}{where}"
            console.print(line, markup=False, soft_wrap=True)

    opened = Store(store, write=True) if store else None
    with progress_bar(len(refs), "Pulling runs") as advance:
        for pulled in (
            _into_store(opened, refs, projects, own, workers, cluster, force)
            if opened
            else _into_folders(out, refs, projects, own, workers, files, force)
        ):
            with advance.paused():
                tell(pulled)
            advance(pulled.result.rows if pulled.result else 0)
    errors += map(str, opened.problems) if opened else []
    if as_json:
        print_results({"runs": [masker.value(_row(p)) for p in done]}, errors)
    sys.exit(report_errors(errors))


def _into_folders(
    out: Path,
    refs: list[RunRef],
    projects: set[str],
    own: Privacy,
    workers: int | None,
    files: tuple[str, ...],
    force: bool,
) -> Iterator[Pulled]:
    options = Options(out=out, plots=False, report=False, together=False, privacy=own)
    yield from pull_all(refs, folder_names(refs, own), options, workers, files, force)
    for project in sorted(projects):
        yield from mark_deleted(out, project, refs)


def _into_store(
    store: Store,
    refs: list[RunRef],
    projects: set[str],
    own: Privacy,
    workers: int | None,
    cluster: str,
    force: bool,
) -> Iterator[Pulled]:
    from postrun.incremental.into_store import mark_gone, pull_into

    yield from pull_into(store, refs, own, workers, cluster, force)
    for project in sorted(projects):
        yield from mark_gone(store, project, refs)


def _row(pulled: Pulled) -> dict[str, Any]:
    result = pulled.result
    return {
        "id": pulled.id,
        "status": pulled.status,
        "folder": str(pulled.folder),
        "completeness": result.completeness if result else None,
        "files": [str(path) for path in result.files] if result else [],
    }
