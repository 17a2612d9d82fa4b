"""`postrun skill`: the skill file for agents."""

from __future__ import annotations

from pathlib import Path

import click

from postrun.cli.output import print_json, print_text


@click.group(name="skill")
def command() -> None:
    """Show or install the file that tells agents how to use postrun."""


@command.command(name="show")
def show() -> None:
    """Print the skill file."""
    from postrun.agents.installing import skill

    print_text(skill().rstrip("\n"))


@command.command(name="install")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Overwrite a file that was changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def install(folder: Path, force: bool, as_json: bool) -> None:
    """Write FOLDER/postrun/SKILL.md, for example to .claude/skills.

    A file that was changed is not overwritten without --force.
    """
    from postrun.agents import installing

    path, status = installing.install(folder, force)
    if as_json:
        print_json({"path": str(path), "status": status, "errors": []})
    else:
        print_text(f"{status.capitalize()}: {path}")
