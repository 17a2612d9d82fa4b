"""`postrun plot`: figures for papers and slides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.output import print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, out_option, privacy, privacy_options, rule_options
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.diagnosis import diagnosis
from postrun.job import folder_names
from postrun.model import PostrunError, UsageError
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
@rule_options
@choice_options
@privacy_options
def command(
    targets: tuple[str, ...],
    out: Path,
    kinds: str,
    **asked: Any,
) -> None:
    """Draw figures: one per group of roles, a dashboard, and the two of `analyze`.

    Without a TARGET: the newest run under ./wandb. Findings are marked on the curves; `--select` and `--ignore`
    choose which. Files are written to OUT/RUN_ID/plots/.
    """
    from postrun.report.drawing import FORMATS
    from postrun.report.plots import draw, draw_dashboard, draw_groups

    formats = [kind.strip().lower() for kind in kinds.split(",") if kind.strip()]
    unknown = [kind for kind in formats if kind not in FORMATS]
    if unknown or not formats:
        raise UsageError(f"--format {kinds}: write one or several of {', '.join(FORMATS)}")
    chosen = asked_rules(asked)
    refs, errors = find(targets, choice(asked))
    wanted = privacy(asked)
    with progress_bar(len(refs), "Drawing runs") as advance:
        for ref, name in zip(refs, folder_names(refs, wanted), strict=True):
            try:
                run = ref.load()
            except PostrunError as error:
                errors.append(str(error))
                continue
            told = diagnosis(run, wanted, chosen)
            view, findings = told.view, told.findings
            folder = out / name / "plots"
            written = draw(view, findings, folder, formats)
            written += draw_groups(view, findings, folder, formats)
            written += draw_dashboard(view, findings, folder / "dashboard", formats)
            with advance.paused():
                for path in written:
                    print_text(str(path))
                if not written:
                    complain(f"{name}: no metric to draw")
            advance(run.completeness.rows)
    sys.exit(report_errors(errors))
