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

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
#: Keeps the first n bytes of a little-endian word.
_KEEP = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


class Keys:
    """Numbers for keys: the same key has the same number in all batches."""

    def __init__(self, number_of: Callable[[tuple[str, ...]], int]) -> None:
        self._number_of = number_of
        self._known: dict[int, int] = {}

    def numbers(self, buffer: Buffer, start: Ints, end: Ints) -> NDArray[np.int32]:
        """The number of the key in each span [start, end)."""
        distinct, first, inverse = np.unique(
            _hashes(buffer, start, end), return_index=True, return_inverse=True
        )
        numbers = np.empty(len(distinct), np.int32)
        for i, (value, at) in enumerate(zip(distinct.tolist(), first.tolist(), strict=True)):
            number = self._known.get(value)
            if number is None:
                item = wire.decode(buffer.data, "HistoryItem", int(start[at]), int(end[at]))
                number = self._known[value] = self._number_of(key_path(item))
            numbers[i] = number
        out: NDArray[np.int32] = numbers[inverse]
        return out


def key_path(item: dict[str, Any]) -> tuple[str, ...]:
    """The parts of an item's key."""
    nested: list[str] = item.get("nested_key", [])
    return tuple(nested) if nested else (item.get("key", ""),)


def _hashes(buffer: Buffer, start: Ints, end: Ints) -> NDArray[np.uint64]:
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
