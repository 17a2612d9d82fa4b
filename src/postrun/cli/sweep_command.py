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
    with_curves,
)
from postrun.cli.targets import targets_argument
from postrun.studies.scores import score
from postrun.studies.sweep import sweep_study


@click.command(name="sweep")
@targets_argument
@click.option("--metric", default="", help="Metric that was searched for (default: the main one).")
@click.option(
    "--also",
    multiple=True,
    metavar="METRIC[:min|max]",
    help="A further objective, for the Pareto front (again for more); hours and gpu_hours are two.",
)
@click.option("--seed", default=0, show_default=True, help="Of the forests and resamples.")
@align_option
@goal_option
@many_options
def command(
    targets: tuple[str, ...],
    metric: str,
    also: tuple[str, ...],
    seed: int,
    align: str,
    goal: str | None,
    **asked: Any,
) -> None:
    """Find the best hyper-parameters, what matters, where to look next, and how sure all that is."""
    project, refs, errors = read_project(
        targets, asked, needed((metric, *(_objective(text)[0] for text in also)), align)
    )
    scores = score(project, metric, goal or "", align)
    others = [score(project, *_objective(text), align) for text in also]
    study = sweep_study(scores, others, seed)

    finish([study], asked, errors, with_curves(refs, False, asked))


def _objective(text: str) -> tuple[str, str]:
    """A metric and which way is better, of "loss:min" or "loss"."""
    name, _, way = text.rpartition(":")
    return (name, way) if name and way in ("min", "max") else (text, "")
