"""`postrun publish`: findings, written back to runs on a server."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from postrun.cli.output import print_json, print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, rule_options
from postrun.cli.targets import find_each, report_errors
from postrun.model import FAILURES, RunRef, Severity
from postrun.report.progress import progress_bar
from postrun.rules import Selection

if TYPE_CHECKING:
    from postrun.publishing import Published


@click.command(name="publish")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--alert",
    type=click.Choice(["info", "warning", "critical"]),
    help="Send a W&B alert if a finding is at least this severe (default: none).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
@rule_options
@choice_options
def command(
    targets: tuple[str, ...], alert: str | None, dry_run: bool, as_json: bool, **asked: Any
) -> None:
    """Write findings back to runs on a W&B server: notes, tags, a verdict in the summary, an alert.

    A TARGET is entity/project/run, entity/project or a page's URL. Your own notes and tags stay. Secrets are
    masked. A second call writes only what has changed since. A run that is still running is left alone.
    """
    selection = asked_rules(asked)
    least = Severity.parse(alert) if alert else None
    refs, places, errors = find_each(targets, choice(asked))
    done: list[Published] = []
    with progress_bar(len(refs)) as advance:
        for ref, place in zip(refs, places, strict=True):
            try:
                done.append(_publish(ref, place, selection, least, dry_run))
            except FAILURES as error:
                from postrun.job import failure

                errors.append(failure(ref, error))
            advance(0)
    if as_json:
        runs = [published.as_dict() for published in done]
        print_json({"dry_run": dry_run, "runs": runs, "errors": errors})
    else:
        for published in done:
            print_text(_words(published, dry_run))
    sys.exit(report_errors(errors))


def _publish(
    ref: RunRef, place: str, selection: Selection, alert: Severity | None, dry_run: bool
) -> Published:
    from postrun.diagnosis import diagnosis
    from postrun.model import TargetError
    from postrun.privacy import Privacy
    from postrun.publishing import content, publish
    from postrun.sources.wandb_api.address import parse

    asked, own = parse(place), parse(str(ref.path))
    if ref.source != "wandb_api" or asked is None or own is None:
        raise TargetError(
            str(ref.path),
            "not on a W&B server, so there is nothing to write to",
            "Sync it first (`wandb sync`), then name it: postrun publish entity/project/run",
        )
    told = diagnosis(ref.load(), Privacy(), selection)
    return publish(replace(own, base=asked.base), content(told), alert, dry_run)


def _words(published: Published, dry_run: bool) -> str:
    """Return what was done to a run: one line, or for a dry run all that would be written."""
    name = published.run
    if not published.changes:
        return f"{name}: nothing to write, all is there"
    if not dry_run:
        return f"{name}: wrote {', '.join(change.what for change in published.changes)}"
    lines = [f"{name}: would write"]
    for change in published.changes:
        value = ", ".join(change.value) if change.what == "tags" else str(change.value)
        lines += [f"  {change.what}:", *(f"    {line}".rstrip() for line in value.split("\n"))]
    return "\n".join(lines)
