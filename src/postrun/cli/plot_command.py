"""`postrun plot`: figures for papers and slides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.settings import asked_rules, out_option, privacy, privacy_options, rule_options
from postrun.cli.targets import find, report_errors
from postrun.diagnosis import diagnosis
from postrun.job import folder_names
from postrun.model import PostrunError, UsageError


@click.command(name="plot")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@out_option
@click.option(
    "--format",
    "kinds",
    default="png",
    show_default=True,
    metavar="KINDS",
    help="png, svg and pdf, separated by commas.",
)
@rule_options
@privacy_options
def command(
    targets: tuple[str, ...],
    out: Path,
    kinds: str,
    **asked: Any,
) -> None:
    """Draw figures: one per group of roles, a dashboard, and the two of `analyze`.

    Findings are marked on the curves; `--select` and `--ignore` choose which. Files are written to
    OUT/RUN_ID/plots/.
    """
    from postrun.report.plots import FORMATS, draw, draw_dashboard, draw_groups

    formats = [kind.strip().lower() for kind in kinds.split(",") if kind.strip()]
    unknown = [kind for kind in formats if kind not in FORMATS]
    if unknown or not formats:
        raise UsageError(f"--format {kinds}: it knows {', '.join(FORMATS)}")
    chosen = asked_rules(asked)
    refs, errors = find(targets)
    wanted = privacy(asked)
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
        for path in written:
            click.echo(path)
        if not written:
            click.echo(f"{name}: no metric to draw", err=True)
    sys.exit(report_errors(errors))
