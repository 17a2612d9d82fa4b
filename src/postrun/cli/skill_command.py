"""`postrun skill`: the skill file for agents."""

from __future__ import annotations

from pathlib import Path

import click

from postrun.cli.envelope import json_option, print_results
from postrun.cli.output import print_text


@click.group(name="skill")
def command() -> None:
    """Show or install the file that tells agents how to use postrun."""


@command.command(name="show")
@json_option
def show(as_json: bool) -> None:
    """Print the skill file."""
    from postrun.agents.installing import skill

    if as_json:
        print_results({"text": skill()})
    else:
        print_text(skill().rstrip("\n"))


@command.command(name="install")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Overwrite a file that was changed.")
@json_option
def install(folder: Path, force: bool, as_json: bool) -> None:
    """Write FOLDER/postrun/SKILL.md, for example to .claude/skills.

    A file that was changed is not overwritten without --force.
    """
    from postrun.agents import installing

    path, status = installing.install(folder, force)
    if as_json:
        print_results({"path": str(path), "status": status})
    else:
        print_text(f"{status.capitalize()}: {path}")
