"""`postrun store`: looking after a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.settings import Count, Quantity, cluster_option
from postrun.cli.targets import report_errors
from postrun.report.console import make_console
from postrun.report.progress import progress_bar, waiting
from postrun.store import Store
from postrun.store.maintenance import (
    GRACE,
    Pruned,
    Verdict,
    compact,
    damaged_targets,
    prune,
    verify,
)

_ARGUMENT = click.argument("store", default="store:", metavar="[STORE]")


@click.group(name="store")
def command() -> None:
    """Look after a store: a folder, s3://bucket/prefix, or store: for your own."""


@command.command(name="verify", short_help="Compare every file with its checksum.")
@_ARGUMENT
@click.option("--quick", is_flag=True, help="Only check that the files exist.")
@json_option
def verify_command(store: str, quick: bool, as_json: bool) -> None:
    """Read every file of a store and compare its checksum; exit with 3 if one is damaged."""
    opened = Store(store)
    with progress_bar(opened.tables().rows.height) as advance:
        found = verify(opened.storage, quick, advance)
    if as_json:
        told = {n: getattr(found, n) for n in Verdict.__slots__ if n != "damaged"}
        print_results({**told, "pull_again": damaged_targets(found)}, found.problems)
    else:
        _say(
            f"{_some(found.runs, 'run')}, {_some(found.files, 'file')}, {found.bytes / 1e6:,.1f} MB, "
            f"tables in {_some(found.batches, 'batch', 'batches')}"
        )
        if found.copies:
            _say(f"{found.copies:,} shorter or older copies of runs: postrun store prune --copies")
        if found.unnamed:
            _say(
                f"{_some(found.unnamed, 'file')} ({found.unnamed_bytes / 1e6:,.1f} MB) that no run uses, "
                "left by updates and killed writers: postrun store prune"
            )
        _say(
            "all files are as they were written"
            if found.sound
            else f"{len(found.problems)} damaged"
        )
        for target in damaged_targets(found):
            _say(f"  postrun pull {target} --store {opened.root} --force")
    sys.exit(report_errors(found.problems))


@command.command(name="compact", short_help="Merge the tables into one batch.")
@_ARGUMENT
@json_option
def compact_command(store: str, as_json: bool) -> None:
    """Merge the tables of a store into one batch; readers and writers are not disturbed."""
    with waiting("Merging tables"):
        before, after = compact(Store(store, write=True).storage)
    _tell(
        as_json,
        {"before": before, "after": after},
        f"{_some(before, 'batch', 'batches')} of tables: {after} now",
    )


@command.command(name="prune", short_help="Delete files that no run uses.")
@_ARGUMENT
@click.option("--gone", is_flag=True, help="Delete runs that were deleted on their server.")
@click.option("--copies", is_flag=True, help="Delete runs if the store has a longer copy.")
@click.option(
    "--older-than",
    type=Quantity(),
    default=GRACE / 3600,
    show_default=True,
    metavar="HOURS",
    help="Delete only files older than this, since a running pull may need newer ones.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@json_option
def prune_command(
    store: str, gone: bool, copies: bool, older_than: float, dry_run: bool, as_json: bool
) -> None:
    """Delete files of a store that no run uses: old versions, merged tables, leftovers of killed writers."""
    opened = Store(store, write=not dry_run)
    with waiting("Looking for files that no run uses"):
        found: Pruned = prune(
            opened.storage, gone=gone, copies=copies, older=3600 * older_than, dry=dry_run
        )
    rows = "".join(f", {_some(n, 'run')} ({reason})" for reason, n in found.rows.items() if n)
    would = "would be deleted" if dry_run else "deleted"
    told = {"files": found.files, "bytes": found.bytes, "runs": dict(found.rows)}
    _tell(as_json, told, f"{_some(found.files, 'file')}, {found.bytes / 1e6:,.1f} MB{rows} {would}")


@command.command(name="refresh", short_help="Diagnose runs again with the rules of today.")
@_ARGUMENT
@click.option("--workers", type=Count(), help="Number of processes (default: all cores).")
@cluster_option
@json_option
def refresh_command(store: str, workers: int | None, cluster: str, as_json: bool) -> None:
    """Diagnose the runs again whose findings were made by other rules; read only the store."""
    from postrun.incremental.into_store import refresh

    opened = Store(store, write=True)
    errors, count = [], 0
    for pulled in refresh(opened, workers, cluster):
        count += 1
        if pulled.result is not None and pulled.result.error:
            errors.append(pulled.result.error)
    text = f"{_some(count - len(errors), 'run')} diagnosed again"
    _tell(as_json, {"runs": count}, text, errors)
    sys.exit(report_errors(errors))


def _some(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _say(text: str) -> None:
    make_console().print(text, markup=False, soft_wrap=True)


def _tell(as_json: bool, told: dict[str, Any], text: str, errors: Sequence[str] = ()) -> None:
    if as_json:
        print_results(told, errors)
    else:
        _say(text)
