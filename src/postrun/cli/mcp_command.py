"""`postrun mcp`: a server that answers agents."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postrun.model import UsageError


@click.command(name="mcp")
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Read only runs below this folder. Repeat to allow several (default: any).",
)
@click.option(
    "--out",
    default="wandb_analysis",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that reports are written to, and nothing else.",
)
@click.option("--read-only", is_flag=True, help="Write no reports.")
@click.option("--offline", is_flag=True, help="Refuse targets on servers and in object stores.")
def command(roots: tuple[Path, ...], out: Path, read_only: bool, offline: bool) -> None:
    """Answer agents over the Model Context Protocol, on standard input and output.

    Tools: list_runs, diagnose, compare, failures, query, explain, report. Needs the extra mcp.
    """
    try:
        from postrun.agents.server import make_server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "anyio", "pydantic"):
            raise
        raise UsageError(
            "the MCP server needs version 2 of the SDK. Install it: pip install 'postrun[mcp]'."
        ) from error
    from postrun.agents.access import Access

    if sys.stdin.isatty():
        click.echo("postrun: waiting for an agent on standard input. Ctrl-C ends it.", err=True)
    make_server(Access(roots, None if read_only else out, offline)).run("stdio")
