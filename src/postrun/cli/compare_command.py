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
from postrun.cli.settings import privacy
from postrun.cli.targets import targets_argument
from postrun.gather import comparable
from postrun.model import RunRef, UsageError
from postrun.privacy import Masker
from postrun.records.project import Project
from postrun.studies.groups import Grouping, chosen_groups, group_runs, require_group
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
    project, refs, errors, grouping = _read(targets, by, needed(metrics, align), asked)
    if len(project) < 2 and not errors:
        raise UsageError("compare needs at least two runs")
    if baseline:
        require_group(grouping, baseline)
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
) -> tuple[Project, list[RunRef], list[str], Grouping]:
    """Return the runs and their groups; `--group` names a W&B group, or a group of the report."""
    name = asked["group"]
    try:
        project, refs, errors = read_project(targets, asked, only)
        return project, refs, errors, group_runs(project, by)
    except UsageError:
        if not name:
            raise
    asked["group"] = ""
    project, refs, errors = read_project(targets, asked, only)
    project, grouping = chosen_groups(group_runs(project, by), [name], project)
    kept = {r.id for r in project.records}
    masker = Masker(comparable(privacy(asked), refs))  # records have their ids masked
    return project, [ref for ref in refs if masker.text(ref.id) in kept], errors, grouping
