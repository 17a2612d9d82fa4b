"""The outer shell of a `.wandb` file: LevelDB log blocks that carry one record each.

A file is 7 header bytes, then blocks of 32 KiB (the header counts into the first). A record is
crc32 (4 bytes, little-endian, over type byte and data), length (2), type (1: full, 2: first,
3: middle, 4: last) and the data; one that does not fit goes on in the next block. Fewer than 7
bytes at a block's end are zero padding. Blocks are the points at which reading can resume after
damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
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


class LogReader:
    """Records of one `.wandb` file, each serialised, batch by batch; `damage` fills on the way.

    Raises TargetError where the file is not a W&B log at all; anything later is damage, not an
    error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[Damage] = []
        self.truncated = False
        self.size = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        with self.path.open("rb") as file:
            head = file.read(len(HEADER))
            _check_header(self.path, head)
            file.seek(0)
            offset = 0
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
        """Records that lie within the first `size` bytes."""
        with self.path.open("rb") as file:
            data = file.read(size)
        _check_header(self.path, data[: len(HEADER)])
        out: list[bytes] = []
        self._scan(data, 0, [], 0, out)
        return out

    def tail(self, size: int) -> list[bytes]:
        """Records that begin within about the last `size` bytes, from a block's start on."""
        with self.path.open("rb") as file:
            total = file.seek(0, 2)
            start = max(0, total - size) // BLOCK * BLOCK
            file.seek(start)
            data = file.read()
        out: list[bytes] = []
        self._scan(data, start, [], 0, out)
        return out

    def _scan(
        self, data: bytes, base: int, parts: list[bytes], parts_at: int, out: list[bytes]
    ) -> tuple[list[bytes], int]:
        """Append the records that end in `data`; return the parts of one that goes on after it."""
        unpack, crcs, append, end = _FRAME.unpack_from, _TYPE_CRC, out.append, len(data)
        pos = len(HEADER) if base == 0 else 0
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
    """True where a valid frame starts at `pos` (or the block's padding does)."""
    if block_end - pos < _FRAME_SIZE:
        return not data[pos:block_end].strip(b"\0")
    crc, length, kind = _FRAME.unpack_from(data, pos)
    start = pos + _FRAME_SIZE
    if not 1 <= kind <= _LAST or start + length > block_end:
        return False
    return bool(crc32(data[start : start + length], _TYPE_CRC[kind]) == crc)


def _check_header(path: Path, head: bytes) -> None:
    if head == HEADER:
        return
    if not head:
        raise TargetError(
            path, "the file is empty", "The run was never written; there is nothing to recover."
        )
    if HEADER.startswith(head):
        raise TargetError(path, f"only {len(head)} bytes, not even a whole header")
    if head[:4] == HEADER[:4]:
        raise TargetError(
            path,
            f"a W&B log of an unknown format version (header {head.hex(' ')})",
            "It may come from a newer SDK: try a newer postrun.",
        )
    raise TargetError(
        path,
        f"not a W&B run log (it starts with {head.hex(' ')})",
        "Give the run-ID.wandb file that the wandb SDK wrote.",
    )
