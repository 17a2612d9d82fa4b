"""Atomic file writes: write to a temporary file, then rename."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from postrun.model import PostrunError

#: What a file that is being written ends with; what still has it later was left by a killed process.
PART = ".part"
REMEDY = "Give another folder with --out, or free space."
#: The machine and process that write a temporary file, as its name ends.
_WRITER = re.compile(r"\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$")
#: Seconds after which nobody writes a temporary file any more, whatever machine began it.
_OLD = 86_400


def write_atomically(
    path: Path, write: Callable[[Path], object], *, durable: bool = False, remedy: str = REMEDY
) -> None:
    """Let `write` fill a file beside `path`, then move it there in one step.

    The first file that this process writes into a folder also removes what killed processes left there,
    unless `durable` is set.

    Args:
        path: The file.
        write: Fills the file whose path it gets.
        durable: The file survives a loss of power from then on (fsync of the file, then of its folder).
        remedy: What to do if the file cannot be written.

    Raises:
        PostrunError: The file cannot be written; what was there before stays.
    """
    writer = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    aside = path.with_name(f".{path.name[:80]}.{writer}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not durable:
            _sweep(path.parent)
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


@cache
def _sweep(folder: Path) -> None:
    """Remove temporary files of dead processes from a folder; once per process and folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _WRITER.search(entry.name)
            if found is None:
                continue
            with suppress(OSError):
                if _is_dead(found[1], int(found[2])) or entry.stat().st_mtime < time.time() - _OLD:
                    Path(entry.path).unlink()


def _is_dead(machine: str, process: int) -> bool:
    """Return whether a process of this machine is no more; False for other machines' processes."""
    if machine != _machine() or os.name == "nt":  # where signal 0 is no question, but Ctrl-C
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # of another user, or not to be known on this system
    return False


@cache
def _machine() -> str:
    """Return eight letters that stand for this machine and the processes that are seen from here.

    Containers may share a host name, but not the numbers of their processes.
    """
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]


def _flush(path: Path) -> None:
    """Wait until a file or folder is on disk; a folder only where the system knows how."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
