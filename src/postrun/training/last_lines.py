"""What the last lines of a console tell beside tracebacks: logged errors, and messages before an exit."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from postrun.model.lazily import pattern
from postrun.training.console_words import SDK_LINE

#: Lines from the end in which an error is the last word.
_LAST = 8
_ERROR = pattern(
    r"(?:^|[\s\[|:-])(?:ERROR|CRITICAL|FATAL)(?:[\s\]|:-]|$)"
    r"|^\s*(?i:error|fatal error|exception|failed)\b\s*[:!]"
    r"|^\s*[A-Za-z_][\w.]*(?:Error|Exception): "
    r"|\b(?i:training|experiment|job|trial|run) (?:has |was )?(?:failed|crashed|aborted)\b"
    r"|\b(?i:an?|unexpected) (?:error|exception) (?:has )?occurred\b",
)
#: Lines of the SDK, of package managers and of libraries' own start that look like errors.
_NO_ERROR = pattern(
    r"^\s*wandb\b|pip's dependency|Unable to register|^[EW]\d{4} |^\s*\d+ errors?\b"
)
_NO_MESSAGE = pattern(r"^\s*wandb\b|%\s*\||warnings\.warn|Warning\b|^\s*$|^\s*[\^~]+\s*$")


def own_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines that hold text and are not the SDK's."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith(SDK_LINE)]


def logged_error(lines: Sequence[str]) -> str:
    """Return the last error that a program logged as one of its last lines; "" if it did not."""
    for line in reversed(own_lines(lines[-200:])[-_LAST:]):
        if _ERROR.search(line) and not _NO_ERROR.search(line):
            return line.strip()
    return ""


def last_message(console: pl.DataFrame) -> str:
    """Return the last message on stderr, or that on stdout if stderr holds none; "" if there is none."""
    if not console.height:
        return ""
    tail = console.tail(200)
    for stream in ("stderr", "stdout"):
        lines = tail.filter(pl.col("stream") == stream)["line"].to_list()
        found = [line.strip() for line in lines[-40:] if not _NO_MESSAGE.search(line)]
        if found:
            return str(found[-1])
    return ""
