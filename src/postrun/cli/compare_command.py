"""`postrun compare`: runs or groups of runs side by side."""

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
from postrun.cli.remote import choice
from postrun.cli.targets import find_each, targets_argument
from postrun.model import RunRef, UsageError
from postrun.records.project import Project
from postrun.studies.groups import group_named, group_runs
from postrun.studies.scores import score
from postrun.studies.versus import compare_study


@click.command(name="compare")
@targets_argument
@click.option(
    "--metric", "metrics", multiple=True, help="Metric to compare. Repeat to compare several."
)
@click.option(
    "--by",
    multiple=True,
    metavar="KEY",
    help="Group by a config key, or by target, tag, group, sweep, job_type, name, host, project, commit or "
    "state. Repeat to group by several (default: runs that differ only in their seeds are one group).",
)
@click.option(
    "--baseline", default="", metavar="GROUP", help="Compare this group with each other group."
)
@click.option(
    "--task",
    default="",
    metavar="KEY",
    help="Config key whose values are tasks, such as environments or data sets.",
)
@click.option(
    "--threshold",
    type=float,
    metavar="LEVEL",
    help="Level to measure the time to (default: the median run's).",
)
@align_option
@use_option
@goal_option
@many_options
def command(
    targets: tuple[str, ...],
    metrics: tuple[str, ...],
    by: tuple[str, ...],
    baseline: str,
    task: str,
    threshold: float | None,
    align: str,
    use: str,
    goal: str | None,
    **asked: Any,
) -> None:
    """Show how runs or groups differ, which is better, and how sure that is (default: ./wandb)."""
    project, refs, errors = _read(targets, by, needed(metrics, align), asked)
    if len(project) < 2 and not errors:
        raise UsageError("compare needs at least two runs")
    grouping = group_runs(project, by)
    if baseline:
        group_named(grouping, baseline)
    parts = [g.members for g in grouping.groups]
    studies = [
        compare_study(
            score(project, metric, goal or "", align, threshold, use, parts),
            grouping,
            task,
            baseline,
        )
        for metric in metrics or (project.main_metric(),)
    ]

    finish(studies, asked, errors, with_curves(refs, True, asked))


def _read(
    targets: tuple[str, ...],
    by: tuple[str, ...],
    only: frozenset[str] | None,
    asked: dict[str, Any],
) -> tuple[Project, list[RunRef], list[str]]:
    """Return the runs; those of one group if `--group` names one of W&B or of the report."""
    name = asked["group"]
    if not name or find_each(targets, choice(asked))[0]:
        return read_project(targets, asked, only)
    asked["group"] = ""
    project, refs, errors = read_project(targets, asked, only)
    project = project.take(group_named(group_runs(project, by), name).members)
    kept = {r.id for r in project.records}
    return project, [ref for ref in refs if ref.id in kept], errors
