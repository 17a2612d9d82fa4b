"""The footer of a Parquet file: whether its counts can be true, and how much memory it promises to fill.

Polars trusts a footer, and a wrong one ends its threads instead of raising an error; one that promises
billions of rows in a few bytes ends the process. Only what it trusts is looked at; a footer that cannot be
read here is left to Polars.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

#: The types of Thrift's compact protocol that a footer has.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _, _STRUCT = range(1, 13)
_REPEATED = 2
#: Bytes that a value takes in memory, by the physical type of its column; a text takes this beside its letters.
_WIDTH = {0: 1, 1: 8, 2: 8, 3: 16, 4: 8, 5: 8, 6: 16, 7: 16}
#: Reading takes so much more than the values alone: what is decoded, and the columns in a history's types.
_TWICE = 2
#: What a file may always fill, and how much more than its size it may fill beyond that: runs of one value and
#: nulls take hardly a byte, but no history is nothing else.
_SMALL, _DENSEST = 256 << 20, 5_000
#: Nesting deeper than this is damage.
_DEPTH = 16


def footer_problem(path: Path, memory: int | None = None) -> str:
    """Return what is wrong with a file's footer, "" if nothing is or it cannot be read.

    `memory` is the number of bytes that reading may take, None for no limit.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < 12:
            return ""
        file.seek(size - 8)
        (length,) = struct.unpack("<I", file.read(4))
        if not 0 < length <= size - 12:
            return ""
        file.seek(size - 8 - length)
        data = file.read(length)
    try:
        footer = _Thrift(data).struct()
        return next(_problems(footer, size), "") or _too_large(footer, size, memory)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        return ""


def _too_large(footer: dict[int, Any], size: int, memory: int | None) -> str:
    """Return why a file cannot be read into memory, "" if it can."""
    rows = sum(group[3] for group in footer[4])
    filled = sum(_filled(chunk, group[3]) for group in footer[4] for chunk in group[1])
    if memory is not None and filled * _TWICE > memory:
        room = f"more than the {_bytes(memory)} that are free"
    elif filled > max(_SMALL, size * _DENSEST):
        room = "more than any history holds in so few"
    else:
        return ""
    return f"it promises {rows:,} rows, {_bytes(filled)}, in a file of {size:,} bytes: {room}"


def _filled(chunk: dict[int, Any], rows: int) -> int:
    """Return the bytes that one column of a row group fills in memory."""
    about = chunk.get(3)
    if about is None:
        return rows * 8
    packed = about.get(6, 0) if about[1] in (6, 7) else 0  # letters, before they are compressed
    return int(max(about[5], rows) * _WIDTH.get(about[1], 8) + packed)


def _bytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.0f} MiB"


def _problems(footer: dict[int, Any], size: int) -> Iterator[str]:
    """Yield what cannot be true; `size` is the file's."""
    once = dict(enumerate(_leaves(iter(footer[2]))))
    for number, group in enumerate(footer[4], 1):
        rows = group[3]
        if rows < 0:
            yield f"row group {number} has {rows} rows"
        for column, chunk in enumerate(group[1]):
            about = chunk.get(3)
            if about is None:
                continue
            name = ".".join(part.decode("utf-8", "replace") for part in about[3])
            if about[5] < rows or (once[column] and about[5] != rows):
                yield f"column {name} has {about[5]} values, its row group {rows} rows"
            start = min(about[9], about.get(11) or about[9])  # a dictionary lies before its pages
            if start < 0 or about[7] < 0 or start + about[7] > size:
                yield f"column {name} ends behind the end of the file"


def _leaves(elements: Iterator[dict[int, Any]]) -> Iterator[bool]:
    """Yield for each column of the schema whether it holds one value per row."""

    def below(element: dict[int, Any], once: bool) -> Iterator[bool]:
        once = once and element.get(3) != _REPEATED
        children = element.get(5, 0)
        if not children:
            yield once
        for child in islice(elements, children):
            yield from below(child, once)

    root = next(elements, {})
    for child in islice(elements, root.get(5, 0)):
        yield from below(child, True)


class _Thrift:
    """A reader of Thrift's compact protocol: structs as dictionaries by field number."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a struct."""
        if depth > _DEPTH:
            raise ValueError("nested too deep")
        out: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            out[field] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return out

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15, depth + 1) for _ in range(size)]
        if kind in (_TRUE, _FALSE, _BYTE):  # a boolean in a list takes a byte
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise ValueError(f"type {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise ValueError("cut")
        return self._data[self._at - size : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
