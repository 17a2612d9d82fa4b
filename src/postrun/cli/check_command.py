"""`postrun check`: a gate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import print_results
from postrun.cli.output import print_json_text, print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, brief_options, rule_options
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.gating import check
from postrun.job import Options
from postrun.model import Severity, UsageError
from postrun.report.gate import FORMATS, Gate, render
from postrun.report.gate.as_json import results
from postrun.report.gate.base import KNOWN
from postrun.report.gate.text import notes, show
from postrun.report.progress import progress_bar


@click.command(name="check")
@targets_argument
@click.option(
    "--fail-on",
    type=click.Choice(["info", "warning", "critical"]),
    default="warning",
    show_default=True,
    help="Exit with 1 if a finding is at least this severe.",
)
@click.option(
    "--baseline",
    multiple=True,
    metavar="TARGET",
    help="Known good run; fail only on what is new or worse. Repeat to give several.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="Format of the output (default: text).",
)
@click.option(
    "--write",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the result to a file as well, for example sarif=postrun.sarif. Repeat to give several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as --format json does.")
@click.option(
    "--quiet", "-q", is_flag=True, help="Leave out the last line, which says what was checked."
)
@brief_options
@rule_options
@choice_options
def command(
    targets: tuple[str, ...],
    fail_on: str,
    baseline: tuple[str, ...],
    form: str | None,
    write: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    brief: bool,
    budget: int,
    **asked: Any,
) -> None:
    """Diagnose runs and exit with 1 if a finding is severe enough.

    Without a TARGET: the newest run under ./wandb. If a run cannot be read, exit with 3, whatever the others
    say. Nothing is written but what --write names.
    """
    form = _form(form, as_json, brief)
    files = [_file(text) for text in write]
    options = Options(out=None, selection=asked_rules(asked))
    refs, errors = find(targets, choice(asked))
    known, missing = find(baseline) if baseline else ([], [])
    errors += [f"baseline: {error}" for error in missing]
    if baseline and not known:
        sys.exit(report_errors(errors))
    with progress_bar(len(refs)) as advance:
        gate = check(refs, options, Severity.parse(fail_on), known, errors, advance)
    _write(gate, files)
    if brief:
        print_results(_brief(gate, budget), gate.errors)
    elif form == "text":
        show(gate, quiet=quiet)
    elif form == "json":
        print_results(results(gate), gate.errors)
    elif form == "sarif":
        print_json_text(render(gate, form))
    else:
        print_text(render(gate, form))
    # A line of an error may not begin a command in the log of GitHub.
    said = [" ".join(error.split()) for error in gate.errors]
    sys.exit(report_errors(said) or int(gate.failed))


def _form(form: str | None, as_json: bool, brief: bool) -> str:
    """Return the format that is asked for; UsageError if two are."""
    if brief and (as_json or form):
        raise UsageError("--brief prints JSON of its own. Leave out --json and --format.")
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other. Give one of them.")
    return "json" if as_json else form or "text"


def _brief(gate: Gate, budget: int) -> dict[str, Any]:
    """Return the result for agents. With a baseline, only what is new or worse is told as a finding."""
    from postrun.report.brief import brief_dict, brief_runs

    runs = [
        replace(run, findings=[f for f, s in run.told() if gate.state_of(s) != KNOWN])
        for run in gate.runs
    ]
    text = brief_runs(runs, budget, gate.errors, notes(gate) if gate.baseline else ())
    return brief_dict(text, failed=gate.failed)


def _file(text: str) -> tuple[str, Path]:
    """Return the format and the file of `--write`; UsageError if there is none."""
    form, equals, path = text.partition("=")
    if form not in FORMATS or not equals or not path:
        raise UsageError(
            f"--write {text}: write FORMAT=FILE, as in sarif=postrun.sarif. Formats: {', '.join(FORMATS)}"
        )
    return form, Path(path)


def _write(gate: Gate, files: Sequence[tuple[str, Path]]) -> None:
    from postrun.report.files import write_text

    for form, path in files:
        write_text(path, render(gate, form) + "\n")
