"""Which key each item carries, told apart without cutting the keys out.

Keys are compared by a 64-bit hash of their bytes, computed eight bytes at a time over all items at
once. Two different keys of one run fall together with a chance of about n²/2^65 for n keys: one in
10^11 for 10,000 keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.scan import Buffer, Ints

#: The first byte of a key, and of each part of a nested key.
_KEY_TAG, _NESTED_TAG = 0x0A, 0x12
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_TABLE_BITS = (12, 14, 16, 18)
#: With more keys, some two share the first 18 bits of their hashes.
_MOST_TABLED = 2_000
#: Keeps the first n bytes of a little-endian word.
_KEEP = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


class Keys:
    """Numbers for keys: the same key has the same number in all batches."""

    def __init__(self, number_of: Callable[[tuple[str, ...]], int]) -> None:
        self._number_of = number_of
        self._hashes = np.zeros(0, np.uint64)  # sorted
        self._numbers = np.zeros(0, np.int32)
        self._table: NDArray[np.int32] | None = None
        self._table_shift = np.uint64(0)

    def numbers(self, buffer: Buffer, start: Ints, end: Ints) -> NDArray[np.int32]:
        """The number of the key in each span [start, end)."""
        hashes = _hash_spans(buffer, start, end)
        at = self._place(hashes)
        known = self._hashes[at] == hashes if len(self._hashes) else np.zeros(len(at), np.bool_)
        if not known.all():
            self._learn(buffer, hashes[~known], start[~known], end[~known])
            at = self._place(hashes)
        found: NDArray[np.int32] = self._numbers[at]
        return found

    def _place(self, hashes: NDArray[np.uint64]) -> NDArray[Any]:
        """Where each hash is among the known ones, if it is; any place where it is not."""
        if self._table is not None:
            return np.asarray(self._table[hashes >> self._table_shift])
        return np.minimum(np.searchsorted(self._hashes, hashes), max(0, len(self._hashes) - 1))

    def _tabulate(self) -> None:
        """A table from the first bits of a hash to its place: half the cost of a binary search.

        Only where no two known hashes share those bits.
        """
        self._table = None
        if len(self._hashes) > _MOST_TABLED:
            return
        for bits in _TABLE_BITS:
            shift = np.uint64(64 - bits)
            first = self._hashes >> shift
            if len(np.unique(first)) == len(first):
                table = np.zeros(1 << bits, np.int32)
                table[first] = np.arange(len(first), dtype=np.int32)
                self._table, self._table_shift = table, shift
                return

    def _learn(self, buffer: Buffer, hashes: NDArray[np.uint64], start: Ints, end: Ints) -> None:
        """Decode keys that are seen for the first time, in the order of their appearance."""
        distinct, first = np.unique(hashes, return_index=True)
        numbers = np.empty(len(distinct), np.int32)
        for i in np.argsort(first).tolist():
            at = int(first[i])
            numbers[i] = self._number_of(_path(buffer.data, int(start[at]), int(end[at])))
        every = np.concatenate([self._hashes, distinct])
        order = np.argsort(every)
        self._hashes = every[order]
        self._numbers = np.concatenate([self._numbers, numbers])[order]
        self._tabulate()


def key_path(item: dict[str, Any]) -> tuple[str, ...]:
    """The parts of an item's key."""
    nested: list[str] = item.get("nested_key", [])
    return tuple(nested) if nested else (item.get("key", ""),)


def _path(data: bytes, start: int, end: int) -> tuple[str, ...]:
    """Return the parts of a key from its fields, which are nearly always short ones of one kind."""
    parts: list[str] = []
    tag, at = data[start], start
    while at < end and data[at] == tag and data[at + 1] < 0x80:
        stop = at + 2 + data[at + 1]
        parts.append(data[at + 2 : stop].decode("utf-8", "replace"))
        at = stop
    if at == end and (tag == _NESTED_TAG or (tag == _KEY_TAG and len(parts) == 1)):
        return tuple(parts)
    return key_path(wire.decode(data, "HistoryItem", start, end))


def _hash_spans(buffer: Buffer, start: Ints, end: Ints) -> NDArray[np.uint64]:
    words = np.ndarray((len(buffer.data) - 7,), "<u8", buffer=buffer.data, strides=(1,))
    left = end - start
    out = left.astype(np.uint64)
    index: Any = slice(None)
    pos = start
    while len(pos):
        word = words[pos] & _KEEP[np.minimum(left, 8)]
        mixed = (out[index] ^ word) * _MULTIPLIER
        out[index] = mixed ^ (mixed >> _SHIFT)
        more = left > 8
        if not more.all():
            index = np.arange(len(out))[index][more]
            pos, left = pos[more], left[more]
        pos, left = pos + 8, left - 8
    return out
