"""Standard output as a console: tables, Markdown, warnings and errors."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from postrun.model.lazily import pattern
from postrun.model.text import inert

if TYPE_CHECKING:
    from rich.console import Console

#: What begins an item of a list.
_ITEM = pattern(r"\s*(?:[-*+]|\d+[.)])\s+")


def make_console(width: int | None = None, record: bool = False) -> Console:
    """A console on stdout: colours on a terminal, plain when piped, never wider than useful."""
    from rich.console import Console

    class Own(Console):
        def on_broken_pipe(self) -> None:  # Rich would end the process with exit code 1, a gate's
            raise

    console = Own(highlight=False, soft_wrap=False, width=width, record=record)
    if width is None and not console.is_terminal and "COLUMNS" not in os.environ:
        console = Own(highlight=False, width=100, record=record)
    elif width is None and console.width > 140:
        console = Own(highlight=False, width=140, record=record)
    return console


def safe(text: str) -> str:
    """Text from a run without control characters, which could command the terminal."""
    return "".join(c if c.isprintable() else "�" for c in str(text).replace("\n", "⏎"))


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as people read it: without the place in our code that gave it."""
    complain(f"warning: {message}")


def complain(text: str) -> None:
    """Print an error message on stderr, masked: it may quote names of files, runs and metrics."""
    from postrun.privacy import Masker, Privacy  # most commands print no error

    print(f"postrun: {inert(Masker(Privacy()).text(text))}", file=sys.stderr)


def print_table(names: list[str], rows: list[list[str]]) -> None:
    """Print a plain table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    make_console().print(table)


def print_markdown(text: str) -> None:
    """Print Markdown: rendered on a terminal, else as it is, with its paragraphs at the terminal's width."""
    text = inert(text)
    console = make_console()
    if not console.is_terminal:
        print(wrapped(text, console.width))
        return
    from rich.markdown import Markdown

    console.print(Markdown(text))


def wrapped(text: str, width: int) -> str:
    """Return Markdown with its paragraphs and list items broken at a width, and all else as it is.

    Headings, tables, code and quotes keep their lines, whatever their length; no word is broken.
    """
    import textwrap

    out: list[str] = []
    held: list[str] = []
    fenced = False

    def flush() -> None:
        if held:
            indent = held[0][: len(held[0]) - len(held[0].lstrip())]
            marker = _ITEM.match(held[0])
            words = " ".join(line.strip() for line in held)
            below = " " * len(marker[0]) if marker else indent
            out.extend(
                textwrap.wrap(words, width, initial_indent=indent, subsequent_indent=below,
                              break_long_words=False, break_on_hyphens=False)
            )  # fmt: skip
            held.clear()

    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        if fence or fenced or not line.strip() or line.startswith(("#", "|", ">", "    ")):
            flush()
            out.append(line)
            fenced ^= fence
            continue
        if _ITEM.match(line):
            flush()
        held.append(line)
    flush()
    return "\n".join(out)
