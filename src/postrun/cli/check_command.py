"""`postrun check`: a gate."""

from __future__ import annotations

import sys
from typing import Any

import click

from postrun.cli.output import print_json
from postrun.cli.settings import asked_rules, rule_options
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.engine import analyze_all
from postrun.job import Options
from postrun.model import Severity
from postrun.report.progress import progress_bar
from postrun.report.terminal import print_brief


@click.command(name="check")
@targets_argument
@click.option(
    "--fail-on",
    type=click.Choice(["info", "warning", "critical"]),
    default="warning",
    show_default=True,
    help="Exit with 1 if a finding is at least this severe.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, nothing else.")
@rule_options
def command(
    targets: tuple[str, ...],
    fail_on: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Diagnose runs and exit with 1 if a finding is severe enough; write nothing.

    Without a TARGET: the newest run under ./wandb. If a run cannot be read, exit with 3, whatever the others
    say.
    """
    options = Options(out=None, selection=asked_rules(asked))
    limit = Severity.parse(fail_on)
    refs, errors = find(targets)
    results = []
    with progress_bar(len(refs)) as advance:
        for result in analyze_all(refs, options):
            results.append(result)
            advance(result.rows)
    errors += [r.error for r in results if r.error]
    read = [r for r in results if not r.error]
    failed = any(f.severity >= limit for r in read for f in r.findings)
    if as_json:
        runs = [
            {
                "id": r.id,
                "findings": [f.as_dict() for f in r.findings],
                "coverage": r.coverage.as_dict(),
            }
            for r in read
        ]
        print_json({"failed": failed, "runs": runs, "errors": errors})
    else:
        print_brief(read, limit)
    sys.exit(report_errors(errors) or int(failed))
