"""`postrun failures`: why runs fail."""

from __future__ import annotations

from typing import Any

import click

from postrun.cli.many import finish, many_options, read_project
from postrun.cli.targets import targets_argument
from postrun.studies.failures import failures_study


@click.command(name="failures")
@targets_argument
@many_options
def command(targets: tuple[str, ...], **asked: Any) -> None:
    """Show why runs fail: the causes, how often each occurs, and its cost (default: ./wandb)."""
    project, _, errors = read_project(targets, asked, frozenset())
    finish([failures_study(project)], asked, errors)
