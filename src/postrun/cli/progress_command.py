"""`postrun progress`: improvement over time."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import (
    align_option,
    finish,
    goal_option,
    many_options,
    needed,
    read_project,
    use_option,
)
from postrun.cli.targets import targets_argument
from postrun.studies.progress import progress_study
from postrun.studies.scores import score


@click.command(name="progress")
@targets_argument
@click.option("--metric", default="", help="Metric to follow (default: the main one).")
@align_option
@use_option
@goal_option
@many_options
def command(
    targets: tuple[str, ...], metric: str, align: str, use: str, goal: str | None, **asked: Any
) -> None:
    """Show the records of a metric over time, and what changed at each (default: ./wandb)."""
    project, _, errors = read_project(targets, asked, needed((metric,), align))
    finish([progress_study(score(project, metric, goal or "", align, use=use))], asked, errors)
