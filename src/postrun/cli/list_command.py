"""`postrun list`: the runs behind a target."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import privacy, privacy_options
from postrun.cli.targets import report_errors
from postrun.model import RunRef
from postrun.privacy import Masker
from postrun.report.files import json_text
from postrun.report.terminal import print_refs
from postrun.sources import resolve_all


@click.command(name="list")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@privacy_options
@choice_options
def command(targets: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """List runs, newest first, without reading their histories (default: ./wandb)."""
    wanted, masker = choice(options), Masker(privacy(options))
    refs, failed = resolve_all(targets or ("wandb",), wanted)
    errors = [masker.text(str(error)) for error in failed]
    if wanted.order == "-created" and not any(ref.remote for ref in refs):  # of several targets
        refs.sort(key=lambda ref: ref.modified, reverse=True)
    refs = refs[: wanted.limit or None]
    if as_json:
        rows = [
            {
                "id": ref.id,
                "name": ref.name,
                "project": ref.project,
                "state": ref.state.value,
                "ended": ref.ended,
                "started": ref.modified,
                "bytes": ref.size,
                "path": str(ref.path),
                "source": ref.source,
            }
            for ref in refs
        ]
        click.echo(json_text({"runs": masker.value(rows), "errors": errors}))
    elif refs:
        print_refs([_row(ref, masker) for ref in refs])
    sys.exit(report_errors(errors))


def _row(ref: RunRef, masker: Masker) -> tuple[str, str, str, str, str]:
    size = "on a server" if ref.remote else f"{ref.size / 1e6:.2f} MB"
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(ref.modified))
    return masker.text(ref.id), masker.text(ref.name) or "–", ref.ended, started, size
