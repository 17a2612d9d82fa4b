"""Where a store's files lie: a folder on a disk, or a prefix in an object store.

Names are relative, with "/". A file is written whole or not at all, and never changed afterwards except by
another whole writing of it: that is all that the store needs of a place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from postrun.model import PostrunError, TargetError
from postrun.store.atomic import PART, write_atomically

#: Targets of object stores; a path loses the second slash of a URL's scheme.
_URL = re.compile(r"^(s3|s3a|gs|gcs|az|azure|abfs|abfss|adl):/+(.+)$")
#: How the default store is named.
DEFAULT = "store:"
REMEDY = "Free space there, or name another store with --store."


class StoreError(TargetError):
    """A store that cannot be used as a whole: of a newer version, not writable, not reachable."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a place: its name, bytes, and Unix seconds of its last change."""

    name: str
    size: int
    modified: float


class Place(Protocol):
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


def place(root: str) -> Place:
    """The place that a store's root names; StoreError where nothing here can read it."""
    if is_url(root):
        from postrun.store.objects import ObjectPlace

        return ObjectPlace(root)
    return LocalPlace(root)


#: The same, kept: jobs ask for the same one again and again, and an object store's has connections.
near_place = lru_cache(maxsize=8)(place)


def is_url(text: str) -> bool:
    """True for a place in an object store."""
    return _URL.match(text) is not None


def plain_root(text: str) -> str:
    """A root as it was meant: the user's own for "store:", a URL with both slashes, an absolute path."""
    text = text.removesuffix("/") or text
    if text.startswith(DEFAULT):
        return "/".join(part for part in (default_root(), text.removeprefix(DEFAULT)) if part)
    found = _URL.match(text)
    if found is not None:
        return f"{found[1]}://{found[2]}"
    return str(Path(text).expanduser().absolute())


def default_root() -> str:
    """`$POSTRUN_STORE`, else a folder in the user's data folder."""
    given = os.environ.get("POSTRUN_STORE")
    if given:
        return plain_root(given)
    from platformdirs import user_data_dir

    return str(Path(user_data_dir("postrun", appauthor=False)) / "store")


def is_left_over(name: str) -> bool:
    """True for what a process that was killed left while it wrote."""
    return name.endswith(PART)
