"""`postrun plot`: figures for papers and slides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, out_option, privacy, privacy_options, rule_options
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.diagnosis import diagnosis
from postrun.job import failure, folder_names
from postrun.model import FAILURES, UsageError
from postrun.report.console import complain
from postrun.report.progress import progress_bar


@click.command(name="plot")
@targets_argument
@out_option
@click.option(
    "--format",
    "kinds",
    default="png",
    show_default=True,
    metavar="KINDS",
    help="Formats to write: png, svg and pdf, separated by commas.",
)
@json_option
@rule_options
@choice_options
@privacy_options
def command(
    targets: tuple[str, ...],
    out: Path,
    kinds: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Draw figures: one per group of roles, a dashboard, and the two of `analyze`.

    Without a TARGET: the newest run under ./wandb. Findings are marked on the curves; `--select` and `--ignore`
    choose which. Files are written to OUT/RUN_ID/plots/.
    """
    from postrun.report.drawing import FORMATS
    from postrun.report.plots import draw_all

    formats = [kind.strip().lower() for kind in kinds.split(",") if kind.strip()]
    unknown = [kind for kind in formats if kind not in FORMATS]
    if unknown or not formats:
        raise UsageError(f"--format {kinds}: write one or several of {', '.join(FORMATS)}")
    chosen = asked_rules(asked)
    refs, errors = find(targets, choice(asked))
    wanted = privacy(asked)
    drawn: list[dict[str, Any]] = []
    with progress_bar(len(refs), "Drawing runs") as advance:
        for ref, name in zip(refs, folder_names(refs, wanted), strict=True):
            try:
                told = diagnosis(ref.load(), wanted, chosen)
                written = draw_all(told.view, told.findings, out / name / "plots", formats)
            except FAILURES as error:  # one run must not stop the others
                errors.append(failure(ref, error))
                continue
            drawn.append({"id": told.run.id, "files": [str(path) for path in written]})
            with advance.paused():
                if not as_json:
                    for path in written:
                        print_text(str(path))
                if not written:
                    complain(f"{name}: no metric to draw")
            advance(told.run.completeness.rows)
    if as_json:
        print_results({"runs": drawn}, errors)
    sys.exit(report_errors(errors))
