"""TensorBoard event files written byte by byte, as TensorFlow, PyTorch and tensorboardX lay them out."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path

START = 1_700_000_000.0


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int) -> bytes:
    """A field of bytes, or of a whole number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def simple(tag: str, value: float) -> bytes:
    """A value of PyTorch's and tensorboardX's writers."""
    return field(1, tag.encode()) + single(2, value)


def tensor(tag: str, value: float) -> bytes:
    """A value of TensorFlow 2: a tensor of one float, shown by the plug-in for scalars."""
    metadata = field(1, field(1, b"scalars"))
    content = field(1, 1) + field(2, b"") + field(4, struct.pack("<f", value))
    return field(1, tag.encode()) + field(9, metadata) + field(8, content)


def text(tag: str, value: str) -> bytes:
    metadata = field(1, field(1, b"text"))
    return (
        field(1, tag.encode())
        + field(8, field(1, 7) + field(8, value.encode()))
        + field(9, metadata)
    )


def hparams(settings: dict[str, float | str | bool]) -> bytes:
    """The start of a session with these hyper-parameters."""
    pairs = b""
    for key, value in settings.items():
        if isinstance(value, bool):
            held = field(4, int(value))
        else:
            held = field(3, value.encode()) if isinstance(value, str) else double(2, value)
        pairs += field(1, field(1, key.encode()) + field(2, held))
    content = field(3, pairs)
    return field(1, b"_hparams_/session_start_info") + field(
        9, field(1, field(1, b"hparams") + field(2, content))
    )


def session_end(status: int, seconds: float) -> bytes:
    content = field(4, field(1, status) + (double(2, seconds) if seconds else b""))
    return field(1, b"_hparams_/session_end_info") + field(
        9, field(1, field(1, b"hparams") + field(2, content))
    )


def event(step: int, values: Iterable[bytes], wall: float | None = None) -> bytes:
    summary = b"".join(field(1, value) for value in values)
    number = field(2, step) if step else b""
    return double(1, START + step if wall is None else wall) + number + field(5, summary)


def version() -> bytes:
    return double(1, START) + field(3, b"brain.Event:2")


def write(path: Path, events: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(record(payload) for payload in [version(), *events]))
    return path


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def masked(data: bytes) -> bytes:
    """The checksum of TFRecords: CRC-32C, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def table() -> list[int]:
    out = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        out.append(crc)
    return out
