"""LevelDB log frames, written independently of the reader under test."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from zlib import crc32

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32_768
FRAME = 7


def framed(payloads: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """Return a log with right checksums, and where the first frame of each payload begins."""
    out = bytearray(HEADER)
    starts = []
    for payload in payloads:
        rest, first = payload, True
        starts.append(len(out))
        while first or rest:
            room = BLOCK - len(out) % BLOCK
            if room < FRAME:
                out += bytes(room)
                room = BLOCK
            part, rest = rest[: room - FRAME], rest[room - FRAME :]
            kind = (1 if first else 4) if not rest else (2 if first else 3)
            out += pack("<IHB", crc32(part, crc32(bytes([kind]))), len(part), kind) + part
            first = False
    return bytes(out), starts
