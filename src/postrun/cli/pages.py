"""The pages that `analyze` writes: where they are, and how they are shown."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

#: The page of many runs, in the output folder.
INDEX = "index.html"


def show_page(page: Path, quiet: bool = False) -> bool:
    """Open a page in the browser, or print its address if there is none; whether it was opened.

    `quiet`: print to stderr, since stdout is for data.
    """
    address = page.absolute().as_uri()
    try:
        shown = webbrowser.open(address)
    except webbrowser.Error:
        shown = False
    if shown:
        click.echo(f"Opened {page}", err=quiet)
    else:
        click.echo(f"No browser was found. Open this address in one: {address}", err=quiet)
    return shown
