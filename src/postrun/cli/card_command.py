"""`postrun card`: a model card."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_text
from postrun.cli.remote import choice, choice_options
from postrun.cli.settings import asked_rules, privacy, privacy_options, rule_options
from postrun.cli.targets import find, report_errors, targets_argument
from postrun.diagnosis import diagnosis
from postrun.model import UsageError
from postrun.privacy import Masker
from postrun.report.card import CardOptions, write_card
from postrun.report.progress import waiting
from postrun.training import join


@click.command(name="card")
@targets_argument
@click.option(
    "--out",
    default="README.md",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; in an existing card, only postrun's section changes.",
)
@click.option("--model-name", default="", help="Name of the model (default: the run's).")
@click.option("--base-model", default="", help="Base model, as named on the Hub.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    help="Training data, as named on the Hub. Repeat to give several.",
)
@click.option("--license", default="", help="Licence of the model, as named on the Hub.")
@click.option("--task", default="", help="Task, as named on the Hub: text-generation, ...")
@click.option("--no-plots", is_flag=True, help="Draw no curves.")
@json_option
@rule_options
@choice_options
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
    as_json: bool,
    **asked: Any,
) -> None:
    """Write a Hugging Face model card of a run, or of one training's runs together.

    Without a TARGET: the newest run under ./wandb. Several TARGETs are read as one training (trainer and
    orchestrator). The curves are written to a folder called plots beside the card.
    """
    refs, errors = find(targets, choice(asked))
    if errors:
        sys.exit(report_errors(errors))
    if len(refs) > 8:
        raise UsageError(
            f"{len(refs)} runs were found, but a card describes one training. Name its run: "
            "postrun card path/to/run"
        )
    wanted = privacy(asked)
    with waiting("Reading the training"):
        runs = [ref.load() for ref in refs]
        run = runs[0] if len(runs) == 1 else join(runs)
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
    if as_json:
        print_results({"path": str(out), "status": done, "plots": [str(path) for path in plots]})
    else:
        print_text(f"{out}: {done}")
