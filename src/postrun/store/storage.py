"""Where a store's files lie: a folder on a disk, or a prefix in an object store.

Names are relative, with "/". A file is written whole or not at all, and never changed afterwards except by
another whole writing of it: that is all that the store needs of a place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from postrun.model import PostrunError, TargetError
from postrun.store.atomic import PART, write_atomically

#: The file in its root that tells a store.
MARKER = "store.json"
REMEDY = "Free space there, or name another store with --store."


class StoreError(TargetError):
    """A store that cannot be used as a whole: of a newer version, not writable, not reachable."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a place: its name, bytes, and Unix seconds of its last change."""

    name: str
    size: int
    modified: float


class Storage(Protocol):
    """Files below one root.

    Attributes:
        root: The root as people write it.
        options: What Polars needs to scan files here, None for nothing.
        local: True for a folder on a disk.
    """

    root: str
    options: dict[str, str] | None
    local: bool

    def read(self, name: str) -> bytes:
        """A file's bytes; FileNotFoundError where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, durably; StoreError where that is not possible."""

    def listed(self, folder: str) -> Iterator[Listed]:
        """All files below a folder, however deep; nothing where there is none."""

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""

    def full(self, name: str) -> str:
        """The name as Polars scans it."""


class LocalPlace:
    """A folder on a disk, own or shared."""

    options: dict[str, str] | None = None
    local = True

    def __init__(self, root: str) -> None:
        self.root = root

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return Path(self.full(name)).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write aside, flush to disk, rename."""
        path = Path(self.full(name))
        for more in (True, False):
            try:
                write_atomically(path, lambda aside: aside.write_bytes(data), durable=True)
                return
            except PostrunError as error:
                cause = error.__cause__
                if more and isinstance(cause, FileNotFoundError):
                    continue  # another process deleted the folder, which was empty, in between
                reason = getattr(cause, "strerror", None) or cause
                raise StoreError(
                    self.root, f"the store cannot be written: {reason} ({name})", REMEDY
                ) from error

    def listed(self, folder: str) -> Iterator[Listed]:
        """All files below a folder; what others delete meanwhile is left out."""
        waiting = [folder]
        while waiting:
            below = waiting.pop()
            try:
                with os.scandir(self.full(below)) as entries:
                    found = sorted(entries, key=lambda e: e.name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in found:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name)
                    continue
                with suppress(FileNotFoundError):
                    stat = entry.stat()
                    yield Listed(name, stat.st_size, stat.st_mtime)

    def delete(self, name: str) -> None:
        """Delete a file, and folders that are empty then."""
        path = Path(self.full(name))
        path.unlink(missing_ok=True)
        with suppress(OSError):
            while path.parent != Path(self.root):
                path = path.parent
                path.rmdir()

    def full(self, name: str) -> str:
        """The path."""
        return f"{self.root}/{name}" if name else self.root


def is_left_over(name: str) -> bool:
    """True for what a process that was killed left while it wrote."""
    return name.endswith(PART)
