"""Protobuf messages as trees of fields that can be changed and written again, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wandb.proto import wandb_internal_pb2 as pb

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass(slots=True)
class Node:
    """One field: its number, wire type and name; its value, or the fields of its message.

    `length` is written instead of the length of the value if it is given, `raw` instead of all.
    """

    number: int
    kind: int
    name: str
    value: bytes = b""
    fields: list[Node] | None = None
    length: int | None = None
    raw: bytes | None = None

    def encoded(self) -> bytes:
        """Return the field's bytes."""
        if self.raw is not None:
            return self.raw
        value = self.value if self.fields is None else encode(self.fields)
        tag = varint(self.number << 3 | self.kind)
        if self.kind != BYTES:
            return tag + value
        return tag + varint(len(value) if self.length is None else self.length) + value


@dataclass(slots=True)
class Place:
    """A field, and the list that it stands in."""

    node: Node
    among: list[Node] = field(default_factory=list)


def varint(number: int) -> bytes:
    """Return a number as a varint."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(nodes: list[Node]) -> bytes:
    """Return the bytes of a message."""
    return b"".join(node.encoded() for node in nodes)


def parsed(payload: bytes) -> list[Node]:
    """Return the fields of an intact `Record`."""
    return _parsed(payload, pb.Record.DESCRIPTOR)


def places(nodes: list[Node]) -> Iterator[Place]:
    """Yield each field of a tree, with the list around it."""
    for node in nodes:
        yield Place(node, nodes)
        if node.fields is not None:
            yield from places(node.fields)


def _parsed(data: bytes, descriptor: Any) -> list[Node]:
    nodes, pos = [], 0
    while pos < len(data):
        tag, pos = _number(data, pos)
        kind = tag & 7
        known = descriptor.fields_by_number.get(tag >> 3)
        node = Node(tag >> 3, kind, known.name if known else "")
        if kind == BYTES:
            size, pos = _number(data, pos)
            stop = pos + size
        elif kind == VARINT:
            _, stop = _number(data, pos)
        else:
            stop = pos + (8 if kind == FIXED64 else 4)
        node.value = data[pos:stop]
        if kind == BYTES and known is not None and known.message_type is not None:
            node.fields = _parsed(node.value, known.message_type)
        nodes.append(node)
        pos = stop
    return nodes


def _number(data: bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, pos
