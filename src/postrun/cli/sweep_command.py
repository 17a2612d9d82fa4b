"""`postrun sweep`: the best hyper-parameters."""

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
    with_curves,
)
from postrun.cli.targets import targets_argument
from postrun.report.progress import waiting
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study


@click.command(name="sweep")
@targets_argument
@click.option(
    "--metric", default="", help="Metric that the sweep optimises (default: the main one)."
)
@click.option(
    "--also",
    multiple=True,
    metavar="METRIC[:min|max]",
    help="Further objective for the Pareto front, also hours or gpu_hours. Repeat to give several.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Seed of the random forests and resamples."
)
@align_option
@use_option
@goal_option
@many_options
def command(
    targets: tuple[str, ...],
    metric: str,
    also: tuple[str, ...],
    seed: int,
    align: str,
    use: str,
    goal: str | None,
    **asked: Any,
) -> None:
    """Find the best hyper-parameters, what matters, and where to search next (default: ./wandb)."""
    project, refs, errors = read_project(
        targets, asked, needed((metric, *(_objective(text)[0] for text in also)), align)
    )
    with waiting("Fitting the settings"):
        scores = score(project, metric, goal or "", align, use=use)
        others = [score(project, *_objective(text), align, use=use) for text in also]
        study = sweep_study(scores, others, seed)

    finish([study], asked, errors, with_curves(refs, False, asked))


def _objective(text: str) -> tuple[str, str]:
    """A metric and which way is better, of "loss:min" or "loss"."""
    name, _, way = text.rpartition(":")
    return (name, way) if name and way in ("min", "max") else (text, "")
