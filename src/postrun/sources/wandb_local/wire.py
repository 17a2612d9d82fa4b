"""Protobuf's wire format, read by the table in `schema`.

Used for the few records that are not history, summary or stats (those are decoded by the
thousand in `columns`). Unknown fields are skipped, so newer SDKs stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

from postrun.sources.wandb_local.schema import MESSAGES

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_64_BITS = (1 << 64) - 1


class WireError(ValueError):
    """Bytes that are not a protobuf message; the text says where."""


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """The unsigned varint at `pos`, and the position after it."""
    value = shift = 0
    while True:
        try:
            byte = data[pos]
        except IndexError:
            raise WireError(f"a number is cut off at byte {pos}") from None
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7
        if shift > 63:
            raise WireError(f"a number longer than 10 bytes at byte {pos}")


def fields(
    data: bytes, pos: int = 0, end: int | None = None
) -> Iterator[tuple[int, int, int, int]]:
    """Fields of one message as (number, wire type, start, end) of their values."""
    end = len(data) if end is None else end
    while pos < end:
        tag, pos = varint(data, pos)
        kind = tag & 7
        if kind == BYTES:
            length, pos = varint(data, pos)
            stop = pos + length
        elif kind == VARINT:
            _, stop = varint(data, pos)
        elif kind == FIXED64:
            stop = pos + 8
        elif kind == FIXED32:
            stop = pos + 4
        else:
            raise WireError(f"wire type {kind} at byte {pos}")
        if stop > end:
            raise WireError(f"a field runs past the end at byte {pos}")
        yield tag >> 3, kind, pos, stop
        pos = stop


def decode(
    data: bytes, message: str, pos: int = 0, end: int | None = None, bad: list[str] | None = None
) -> dict[str, Any]:
    """Return one message as a dictionary of the fields that are present (repeated ones as lists).

    A field that is not as the schema says is left out, and its name added to `bad`. So is what follows bytes
    that are no field, under the message's name, and an item of a list of which any part is unreadable.
    """
    schema = MESSAGES[message]
    bad = [] if bad is None else bad
    out: dict[str, Any] = {}
    try:
        for number, kind, start, stop in fields(data, pos, end):
            if number not in schema:
                continue
            name, want = schema[number]
            repeated = want.endswith("*")
            wrong: list[str] = []
            try:
                value = _value(data, kind, start, stop, want.rstrip("*"), wrong)
            except WireError:
                bad.append(name)
                continue
            if repeated and wrong:
                bad.append(name)
            elif repeated:
                out.setdefault(name, []).append(value)
            else:
                bad += wrong
                out[name] = value
    except WireError:
        bad.append(message)
    return out


def _value(data: bytes, kind: int, start: int, stop: int, want: str, bad: list[str]) -> Any:
    expected = (
        BYTES if want == "str" or want in MESSAGES else FIXED64 if want == "double" else VARINT
    )
    if kind != expected:
        raise WireError(f"wire type {kind} at byte {start}, where a {want} should be")
    if want == "str":
        return data[start:stop].decode("utf-8", "replace")
    if want in MESSAGES:
        return decode(data, want, start, stop, bad)
    if want == "double":
        return unpack_from("<d", data, start)[0]
    number = varint(data, start)[0] & _64_BITS
    if want == "bool":
        return bool(number)
    if want == "sint":
        return (number >> 1) ^ -(number & 1)
    return number - (1 << 64) if number >> 63 else number


def record(payload: bytes) -> tuple[int, int, int]:
    """Which record a payload is: (field number in `Record`, start, end); (0, 0, 0) for none.

    `Record.num` comes first and what follows the payload field (control, uuid) is not needed.
    """
    for number, kind, start, stop in fields(payload):
        if kind == BYTES and number not in (16, 19, 200):
            return number, start, stop
    return 0, 0, 0
