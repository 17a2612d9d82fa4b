"""`postrun card`: a model card."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.output import print_text
from postrun.cli.settings import asked_rules, privacy, privacy_options, rule_options
from postrun.cli.targets import find, report_errors
from postrun.diagnosis import diagnosis
from postrun.model import UsageError
from postrun.privacy import Masker
from postrun.report.card import CardOptions, write_card
from postrun.training import join


@click.command(name="card")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--out",
    default="README.md",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The card; in one that is there only postrun's own section is changed.",
)
@click.option("--model-name", default="", help="The model's name (default: the run's).")
@click.option("--base-model", default="", help="What it was trained from, as on the Hub.")
@click.option(
    "--dataset", "datasets", multiple=True, help="What it was trained on (again for more)."
)
@click.option("--license", default="", help="The model's licence, as the Hub names it.")
@click.option("--task", default="", help="The task, as the Hub names it: text-generation, ...")
@click.option("--no-plots", is_flag=True, help="Draw no curves.")
@rule_options
@privacy_options
def command(
    targets: tuple[str, ...],
    out: Path,
    model_name: str,
    base_model: str,
    datasets: tuple[str, ...],
    license: str,  # noqa: A002 - the option's name
    task: str,
    no_plots: bool,
    **asked: Any,
) -> None:
    """Write a Hugging Face model card of a run, or of one training's runs together.

    Several TARGETs are read as one training (trainer and orchestrator). The curves lie beside the card
    in a folder called plots.
    """
    refs, errors = find(targets)
    if errors:
        sys.exit(report_errors(errors))
    if len(refs) > 8:
        raise UsageError(f"{len(refs)} runs: a card is about one training; name its run or runs")
    runs = [ref.load() for ref in refs]
    run = runs[0] if len(runs) == 1 else join(runs)
    wanted = privacy(asked)
    told = diagnosis(run, wanted, asked_rules(asked))
    plots: list[Path] = []
    if not no_plots:
        from postrun.report.plots import draw_dashboard

        plots = draw_dashboard(told.view, told.findings, out.parent / "plots" / "dashboard")
    made_by = Masker(wanted, run).text(shlex.join(["postrun", *sys.argv[1:]]))
    done = write_card(
        out,
        told.view,
        told.findings,
        plots,
        CardOptions(model_name, base_model, datasets, license, task),
        made_by,
        told.masked,
    )
    print_text(f"{out}: {done}")
