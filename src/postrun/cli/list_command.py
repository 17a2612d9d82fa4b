"""`postrun list`: the runs behind a target."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import privacy, privacy_options
from postrun.cli.targets import DEFAULT, report_errors, targets_argument
from postrun.model import RunRef
from postrun.privacy import Masker
from postrun.report.listing import key_metric, print_refs
from postrun.report.progress import waiting
from postrun.sources import resolve_all


@click.command(name="list")
@targets_argument
@click.option("--metric", default="", help="Metric to show (default: the main one).")
@json_option
@privacy_options
@choice_options
def command(targets: tuple[str, ...], metric: str, as_json: bool, **options: Any) -> None:
    """List runs, newest first, without reading long histories (default: ./wandb).

    A cell holds "–" if only the whole history of a large run tells its step or metrics.
    """
    wanted, masker = replace(choice(options), summaries=True), Masker(privacy(options))
    with waiting("Looking for runs"):
        refs, failed = resolve_all(targets or (DEFAULT,), wanted)
        errors = [masker.text(str(error)) for error in failed]
        if wanted.order == "-created" and not any(ref.remote for ref in refs):  # several targets
            refs.sort(key=lambda ref: ref.modified, reverse=True)
        refs = [ref.looked() for ref in refs[: wanted.limit or None]]
        shown = key_metric(refs, metric) if refs else ""
    if as_json:
        rows = masker.value([_row(ref) for ref in refs])
        print_results({"runs": rows}, errors)
    elif refs:
        print_refs(refs, shown, mask=masker.text)
    sys.exit(report_errors(errors))


def _row(ref: RunRef) -> dict[str, Any]:
    return {
        "id": ref.id,
        "name": ref.name,
        "project": ref.project,
        "state": ref.state.value,
        "ended": ref.ended,
        "started": ref.modified,
        "bytes": ref.size,
        "path": str(ref.path),
        "source": ref.source,
        "values": dict(ref.values),
    }
