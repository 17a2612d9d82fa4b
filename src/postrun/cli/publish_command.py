"""`postrun publish`: findings, written back to runs on a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, rule_options
from postrun.cli.targets import find_each, report_errors
from postrun.model import Severity, UsageError
from postrun.report.progress import progress_bar

if TYPE_CHECKING:
    from postrun.publishing import Published


@click.command(name="publish")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--alert",
    type=click.Choice(["info", "warning", "critical"]),
    help="Send a W&B alert if a finding is at least this severe (default: none).",
)
@click.option(
    "--report", is_flag=True, help="Write a W&B Report of each run, with panels at the evidence."
)
@click.option(
    "--undo", is_flag=True, help="Take away what was published, the Report too; alerts stay sent."
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@json_option
@rule_options
@choice_options
def command(
    targets: tuple[str, ...],
    alert: str | None,
    report: bool,
    undo: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Write findings back to runs on a W&B server: notes, tags, a verdict, an alert, a Report.

    A TARGET is entity/project/run, entity/project or a page's URL. Your own notes and tags stay. Secrets are
    masked. A second call writes only what has changed since. A run that is still running is left alone.
    """
    from postrun.publishing import Wish, publish_each

    if undo and (alert or report):
        raise UsageError("--undo writes nothing. Leave out --alert and --report.")
    wish = Wish(asked_rules(asked), Severity.parse(alert) if alert else None, report, undo, dry_run)
    refs, places, errors = find_each(targets, choice(asked))
    done: list[Published] = []
    with progress_bar(len(refs)) as advance:
        for published in publish_each(zip(refs, places, strict=True), wish):
            if published.error:
                errors.append(published.error)
            else:
                done.append(published)
            advance(0)
    if as_json:
        runs = [published.as_dict() for published in done]
        print_results({"dry_run": dry_run, "runs": runs}, errors)
    else:
        for published in done:
            print_text(_words(published, dry_run, undo))
    sys.exit(report_errors(errors))


def _words(published: Published, dry_run: bool, undo: bool) -> str:
    """Return what was done to a run: one line, or for a dry run all that would be written."""
    name = published.run
    if not published.changes:
        return f"{name}: " + ("nothing to take away" if undo else "nothing to write, all is there")
    what = ", ".join(change.what for change in published.changes)
    if undo:
        return f"{name}: {'would take' if dry_run else 'took'} away {what}"
    if not dry_run:
        return f"{name}: wrote {what}"
    lines = [f"{name}: would write"]
    for change in published.changes:
        value = ", ".join(change.value) if change.what == "tags" else str(change.value)
        if change.what == "report":
            how = "replaced" if change.value["id"] else "new"
            panels = change.value["panels"]
            value = "\n".join(
                [
                    f"{change.value['title']} ({how}), with the text of the notes and panels:",
                    *panels,
                ]
            )
        lines += [f"  {change.what}:", *(f"    {line}".rstrip() for line in value.split("\n"))]
    return "\n".join(lines)
