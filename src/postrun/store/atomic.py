"""Writing files so that nothing is ever half there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from postrun.model import PostrunError

#: What a file that is being written ends with; what still has it later was left by a killed process.
PART = ".part"
REMEDY = "Give another folder with --out, or free space."


def write_atomically(
    path: Path, write: Callable[[Path], object], *, durable: bool = False, remedy: str = REMEDY
) -> None:
    """Let `write` fill a file beside `path`, then move it there in one step.

    `durable`: it survives a loss of power from then on (fsync of the file, then of its folder).

    PostrunError that names the file, and then the remedy, where it cannot be written; what was there before
    stays.
    """
    aside = path.with_name(f".{path.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(aside)
        if durable:
            _flush(aside)
        aside.replace(path)
        if durable:
            _flush(path.parent)
    except OSError as error:
        raise PostrunError(
            f"{path}: cannot be written: {error.strerror or error}. {remedy}"
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file or folder is on disk; a folder only where the system knows how."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
