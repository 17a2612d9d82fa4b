"""The footer of a Parquet file: whether its counts can be true.

Polars trusts a footer, and a wrong one ends its threads instead of raising an error. Only what it
trusts is looked at; a footer that cannot be read here is left to Polars.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The types of Thrift's compact protocol that a footer has.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _, _STRUCT = range(1, 13)
_REPEATED = 2
#: Nesting deeper than this is damage.
_DEPTH = 16


def footer_problem(path: Path) -> str:
    """Return what is wrong with a file's footer, "" if nothing is or it cannot be read.

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
        return next(_problems(_Thrift(data).struct(), size), "")
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        return ""


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
        for _ in range(children):
            yield from below(next(elements), once)

    root = next(elements)
    for _ in range(root[5]):
        yield from below(next(elements), True)


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
