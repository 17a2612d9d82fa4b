"""The outer shell of a `.wandb` file: LevelDB log blocks that carry one record each.

A file is 7 header bytes, then blocks of 32 KiB. The header counts into the first block, except in
files of wandb-core before 0.17.6, whose blocks are counted from behind the header. A record is
crc32 (4 bytes, little-endian, over type byte and data), length (2), type (1: full, 2: first,
3: middle, 4: last) and the data; one that does not fit goes on in the next block. Fewer than 7
bytes at a block's end are zero padding. Blocks are the points at which reading can resume after
damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO
from zlib import crc32

from postrun.model import Damage, TargetError

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32 * 1024
_FRAME = Struct("<IHB")
_FRAME_SIZE = _FRAME.size
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_TYPE_CRC = [crc32(bytes([kind])) for kind in range(5)]
#: Bytes read at a time, a multiple of the block. One batch should stay in the processor's cache:
#: 1 MiB reads half again as fast as 8 MiB, and bounds memory.
CHUNK = 32 * BLOCK
#: Block boundaries that are looked at before the usual origin of blocks is taken for granted: only
#: a file whose first 16 MiB are all damaged needs more than a few.
_BOUNDARIES = 512
#: How every pointer file of Git LFS begins (git-lfs/docs/spec.md).
_LFS = b"version https://git-lfs"


class LogReader:
    """Records of one `.wandb` file, each serialised, batch by batch.

    Attributes:
        damage: Stretches that could not be read; fills while the records are iterated.
        truncated: True if the file ends inside a record.
        size: Bytes read so far.

    Raises:
        TargetError: The file holds no W&B log. Damage later in the file is noted, not raised.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[Damage] = []
        self.truncated = False
        self.size = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        with self.path.open("rb") as file:
            head = file.read(len(_LFS))
            origin = _origin(file)
            problem = _header_problem(self.path, head)
            if problem is not None:
                if not head or not _holds_records(file, origin):
                    raise problem
                self._lost(0, len(HEADER), "the header is damaged", resumed=True)
            offset = origin
            file.seek(offset)
            pending: list[bytes] = []
            pending_at = 0
            while True:
                data = file.read(CHUNK)
                if not data:
                    break
                payloads: list[bytes] = []
                pending, pending_at = self._scan(data, offset, pending, pending_at, payloads)
                offset += len(data)
                self.size = offset
                yield payloads
            if pending:
                self.truncated = True
                self._lost(pending_at, offset, "the file ends inside a record", resumed=False)
        self._mark_tail()

    def head(self, size: int) -> list[bytes]:
        """Return the records that lie within the first `size` bytes."""
        with self.path.open("rb") as file:
            head = file.read(len(_LFS))
            origin = _origin(file)
            file.seek(origin)
            data = file.read(size - origin)
        problem = _header_problem(self.path, head)
        if problem is not None:
            raise problem
        out: list[bytes] = []
        self._scan(data, origin, [], 0, out)
        return out

    def tail(self, size: int) -> list[bytes]:
        """Records that begin within about the last `size` bytes, from a block's start on."""
        with self.path.open("rb") as file:
            origin = _origin(file)
            total = file.seek(0, 2)
            start = max(0, total - size) // BLOCK * BLOCK + origin
            file.seek(start)
            data = file.read()
        out: list[bytes] = []
        self._scan(data, start, [], 0, out)
        return out

    def _scan(
        self,
        data: bytes,
        base: int,
        parts: list[bytes],
        parts_at: int,
        out: list[bytes],
        start: int = 0,
    ) -> tuple[list[bytes], int]:
        """Append the records that end in `data`; return the parts of one that goes on after it.

        `data` begins at a block; the frames before its byte `start` are known already.
        """
        unpack, crcs, append, end = _FRAME.unpack_from, _TYPE_CRC, out.append, len(data)
        pos = max(start, len(HEADER)) if base == 0 else start
        while pos < end:
            block_end = min(pos - pos % BLOCK + BLOCK, end)
            while block_end - pos >= _FRAME_SIZE:
                crc, length, kind = unpack(data, pos)
                start = pos + _FRAME_SIZE
                stop = start + length
                reason = ""
                if stop > block_end:
                    cut = block_end == end and end % BLOCK
                    reason = "the file ends inside a record" if cut else "impossible record length"
                elif not 1 <= kind <= _LAST:
                    reason = (
                        "zeroed bytes" if not (kind or length or crc) else "unknown record type"
                    )
                else:
                    piece = data[start:stop]
                    if crc32(piece, crcs[kind]) != crc:
                        reason = "bad checksum"
                if reason:
                    pos, parts = self._damaged(data, base, pos, stop, block_end, reason, parts)
                    continue
                pos = stop
                if kind == _FULL:
                    if parts:
                        self._lost(base + parts_at, base + start, "a record without its end", True)
                        parts = []
                    append(piece)
                elif kind == _FIRST:
                    if parts:
                        self._lost(base + parts_at, base + start, "a record without its end", True)
                    parts, parts_at = [piece], base + start - _FRAME_SIZE
                elif not parts:
                    self._lost(
                        base + start - _FRAME_SIZE, base + stop, "a record without its start", True
                    )
                else:
                    parts.append(piece)
                    if kind == _LAST:
                        append(b"".join(parts))
                        parts = []
            tail = data[pos:block_end]
            if tail and block_end == end and end % BLOCK and tail.strip(b"\0"):
                self.truncated = True
                self._lost(base + pos, base + end, "the file ends inside a record", False)
            pos = block_end
        return parts, parts_at

    def _damaged(
        self,
        data: bytes,
        base: int,
        pos: int,
        stop: int,
        block_end: int,
        reason: str,
        parts: list[bytes],
    ) -> tuple[int, list[bytes]]:
        """Note damage at `pos`; return where to read on, and the parts that are still good."""
        last = block_end == len(data) and len(data) % BLOCK != 0
        if reason == "bad checksum" and (stop == block_end or _plausible(data, stop, block_end)):
            resume_at = stop  # the length field still leads to the next record
        else:
            resume_at = block_end
        if reason.startswith("the file ends"):
            self.truncated = True
        resumed = resume_at < block_end or not last
        self._lost(base + pos, base + resume_at, reason, resumed)
        return resume_at, []

    def _lost(self, start: int, stop: int, reason: str, resumed: bool) -> None:
        previous = self.damage[-1] if self.damage else None
        if previous and previous.offset + previous.length == start and previous.reason == reason:
            previous.length += stop - start
            previous.resumed = resumed
            return
        self.damage.append(Damage(self.path.name, start, stop - start, reason, resumed))

    def _mark_tail(self) -> None:
        """Damage that reaches the end of the file is a truncation: nothing came after it."""
        if self.damage:
            last = self.damage[-1]
            if last.offset + last.length >= self.size:
                last.resumed = False
                self.truncated = True


def _plausible(data: bytes, pos: int, block_end: int) -> bool:
    """Return whether a valid frame starts at `pos`, or the block's padding does."""
    if block_end - pos < _FRAME_SIZE:
        return not data[pos:block_end].strip(b"\0")
    return _frame_end(data, pos, block_end) > 0


def _origin(file: BinaryIO) -> int:
    """Return the file position from which blocks are counted: 0, or 7 as wandb-core once did.

    A frame begins at each boundary between blocks, and its checksum tells at which of the two
    positions. The first boundary decides unless it lies in a damaged stretch.
    """
    size = file.seek(0, 2)
    for boundary in range(BLOCK, min(size, _BOUNDARIES * BLOCK), BLOCK):
        file.seek(boundary)
        data = file.read(BLOCK + len(HEADER))
        usual = _whole_frame(data, 0)
        if usual != _whole_frame(data, len(HEADER)):
            return 0 if usual else len(HEADER)
    if size > BLOCK:  # one boundary, and the file ends soon after it
        file.seek(0)
        data = file.read(BLOCK + len(HEADER))
        pos = len(HEADER)
        while (end := _frame_end(data, pos)) and end <= BLOCK:
            pos = end
        return len(HEADER) if end else 0
    return 0


def _frame_end(data: bytes, pos: int, limit: int | None = None) -> int:
    """Return where the valid frame at `pos` ends, 0 if none does before `limit`."""
    limit = len(data) if limit is None else limit
    if limit - pos < _FRAME_SIZE:
        return 0
    crc, length, kind = _FRAME.unpack_from(data, pos)
    start = pos + _FRAME_SIZE
    if not 1 <= kind <= _LAST or start + length > limit:
        return 0
    return start + length if crc32(data[start : start + length], _TYPE_CRC[kind]) == crc else 0


def _whole_frame(data: bytes, pos: int) -> bool:
    """Return whether a valid frame with content starts at `pos`; an empty one may be chance."""
    return _frame_end(data, pos) > pos + _FRAME_SIZE


def _holds_records(file: BinaryIO, origin: int) -> bool:
    """Return whether any block of a file holds a valid frame at its start."""
    size = file.seek(0, 2)
    starts = (len(HEADER), *range(BLOCK + origin, min(size, _BOUNDARIES * BLOCK), BLOCK))
    for start in starts:
        file.seek(start)
        if _whole_frame(file.read(BLOCK), 0):
            return True
    return False


def _header_problem(path: Path, head: bytes) -> TargetError | None:
    """Return what is wrong with the first bytes of a log, None if it is a W&B log."""
    if head.startswith(HEADER):
        return None
    if not head:
        return TargetError(
            path,
            "the log file is empty",
            "The process ended before anything was written, or the copy is incomplete: copy the "
            "file again, or read the run from the server.",
        )
    if head.startswith(_LFS):
        return TargetError(
            path,
            "the log file is a Git LFS pointer, not the log itself",
            "Fetch it with `git lfs pull`.",
        )
    if HEADER.startswith(head):
        return TargetError(
            path,
            f"the log file has only {len(head)} bytes, not even a whole header",
            "Copy the file again, or read the run from the server.",
        )
    if head[:4] == HEADER[:4]:
        return TargetError(
            path,
            f"a W&B log of an unknown format version (header {head[: len(HEADER)].hex(' ')})",
            "It may come from a newer SDK: try a newer postrun.",
        )
    return TargetError(
        path,
        f"not a W&B run log (it starts with {head[: len(HEADER)].hex(' ')})",
        "Pass the run-ID.wandb file that the wandb SDK wrote.",
    )
