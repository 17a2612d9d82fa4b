"""The process that trains: whether it lives, and how it is asked to stop."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CORE = "wandb-core"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes a log.

    Attributes:
        known: False if this system does not tell (it has no /proc, or the log lies on another machine).
        writers: Processes that have the log open.
        trainer: The process that trains, None if it is not known.
    """

    known: bool
    writers: tuple[int, ...] = ()
    trainer: int | None = None


def writer_of(log: Path) -> Writer:
    """Return which processes of this user have a file open, on Linux.

    The SDK's log is written by wandb-core, whose option `--pid` names the training.
    """
    if not _PROC.joinpath("self", "fd").is_dir():
        return Writer(False)
    try:
        wanted = log.stat()
    except OSError:
        return Writer(False)
    found: list[int] = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):  # processes of others, and those that just ended
            if any(_is(file, wanted) for file in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return Writer(True, tuple(found), _trainer(found))


def _is(file: Path, wanted: os.stat_result) -> bool:
    try:
        stat = file.stat()
    except OSError:
        return False
    return stat.st_ino == wanted.st_ino and stat.st_dev == wanted.st_dev


def _trainer(writers: list[int]) -> int | None:
    for writer in writers:
        words = _command(writer)
        if not words or _CORE not in Path(words[0]).name:
            continue
        with suppress(ValueError, IndexError):
            return int(words[words.index("--pid") + 1])
    others = [w for w in writers if _CORE not in "".join(_command(w)[:1])]
    return others[0] if len(others) == 1 else None


def _command(pid: int) -> list[str]:
    with suppress(OSError):
        data = (_PROC / str(pid) / "cmdline").read_bytes()
        return data.decode("utf-8", "replace").strip("\0").split("\0")
    return []


def ask_to_stop(pid: int, name: str) -> str:
    """Send a signal ("INT", "TERM", ...) to a process; return why that failed, "" if it did not."""
    number = getattr(signal, f"SIG{name.upper().removeprefix('SIG')}", None)
    if number is None:
        return f"no signal is called {name}"
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return "the process has ended"
    except PermissionError:
        return "the process belongs to another user"
    return ""
