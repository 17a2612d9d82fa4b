"""`postrun progress`: improvement over time."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import finish, goal_option, many_options, needed, read_project
from postrun.cli.targets import targets_argument
from postrun.studies.progress import progress_study
from postrun.studies.scores import score


@click.command(name="progress")
@targets_argument
@click.option("--metric", default="", help="Metric to follow (default: the main one).")
@click.option(
    "--use",
    type=click.Choice(["final", "best"]),
    default="final",
    show_default=True,
    help="Value of a run: the median of its last 5%, or its best level.",
)
@goal_option
@many_options
def command(
    targets: tuple[str, ...], metric: str, use: str, goal: str | None, **asked: Any
) -> None:
    """Show the records of a metric over time, and what changed at each (default: ./wandb)."""
    project, _, errors = read_project(targets, asked, needed((metric,)))
    finish([progress_study(score(project, metric, goal or ""), use)], asked, errors)
