"""The records of a `.wandb` file that grows, each read once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from postrun.sources.wandb_local.framing import (
    BLOCK,
    CHUNK,
    HEADER,
    LogReader,
    _frame_end,
    _header_problem,
    _holds_records,
    _origin,
)

#: Bytes at the start of a file, and before the place that was read up to, by which it is known again.
_HEAD, _LAST = 4096, 64
#: Bytes from which on the file shows for good from where its blocks are counted.
_SETTLED = 2 * BLOCK


class LogChangedError(Exception):
    """A log is not the one that was read before, or lost what was read of it."""


class LogTail(LogReader):
    """Reads the records that were appended to a `.wandb` file since it was last looked at.

    Frames that are not whole yet are left for later, and so is damage in the last block: only what was
    written behind it shows that it is none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.offset = len(HEADER)
        self._origin: int | None = None
        self._parts: list[bytes] = []
        self._parts_at = 0
        self._file: tuple[int, int] | None = None
        self._head = b""
        self._last = b""

    def grown(self) -> Iterator[list[bytes]]:
        """Yield batches of the records that were appended since the last call.

        Raises:
            LogChangedError: The file was replaced, truncated or written anew. Read it from the start with
                another `LogTail`.
            TargetError: The file holds no W&B log.
            OSError: The file cannot be read.
        """
        with self.path.open("rb") as file:
            if not self._ready(file):
                return
            assert self._origin is not None
            while True:
                start = self._origin + (self.offset - self._origin) // BLOCK * BLOCK
                file.seek(start)
                data = file.read(CHUNK)
                known = self.offset - start
                stop = _whole_end(data, known)
                if stop <= known:
                    return
                payloads: list[bytes] = []
                self._parts, self._parts_at = self._scan(
                    data[:stop], start, self._parts, self._parts_at, payloads, known
                )
                self.offset = self.size = start + stop
                self._last = data[max(0, stop - _LAST) : stop]
                yield payloads
                if len(data) < CHUNK:
                    return

    def _ready(self, file: BinaryIO) -> bool:
        """Return whether the file has records to read; see that it is still the same one."""
        stat = os.fstat(file.fileno())
        identity = (stat.st_dev, stat.st_ino)
        if self._file not in (None, identity):
            raise LogChangedError("the log file was replaced")
        if self._file is not None and stat.st_size < self.offset:
            raise LogChangedError("the log file became shorter")
        head = file.read(_HEAD)
        if not head.startswith(self._head):
            raise LogChangedError("the log file was written anew")
        if self._last:
            file.seek(self.offset - len(self._last))
            if file.read(len(self._last)) != self._last:
                raise LogChangedError("the log file was written anew")
        if len(head) < len(HEADER) and HEADER.startswith(head):
            return False  # nothing was written yet
        origin = self._origin
        if origin is None or self.offset < _SETTLED:
            origin = _origin(file)
        if self._origin is None:
            problem = _header_problem(self.path, head)
            if problem is not None and not _holds_records(file, origin):
                raise problem
        elif origin != self._origin and self.offset > len(HEADER):
            raise LogChangedError("the log file's blocks are counted from another place")
        self._file, self._origin, self._head = identity, origin, head
        return True


def _whole_end(data: bytes, known: int) -> int:
    """Return where the last frame of `data` ends that is whole; blocks before the last are."""
    if len(data) % BLOCK == 0:
        return len(data)
    at = len(data) - len(data) % BLOCK
    at = max(at, known)
    while end := _frame_end(data, at):
        at = end
    return at
