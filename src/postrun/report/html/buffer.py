"""Arrays as a page carries them: packed into one compressed block of bytes.

Numbers as decimal text would be two to three times as large and cost a parse. Each array keeps its
exact values: 32 bits where that loses nothing, else 64; bytes of equal significance lie together
(as in Blosc and Parquet's BYTE_STREAM_SPLIT), which makes them compress.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: An array's place in the block: type, first byte, count, and for whole numbers base and unit.
Ref = dict[str, Any]
Numbers = NDArray[np.float64] | NDArray[np.int64]


class Buffer:
    """Collects arrays; equal arrays are stored once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._known: dict[tuple[str, bytes], Ref] = {}

    def floats(self, values: Numbers, *, exact: bool = True) -> Ref:
        """Any numbers, NaN and ±Infinity among them; `exact=False` keeps 7 digits."""
        wide = np.ascontiguousarray(values, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = wide.astype(np.float32)
            fits = np.array_equal(narrow.astype(np.float64), wide, equal_nan=True)
            if not exact:  # what 32 bits cannot hold at all stays as it is
                fits = bool((np.isfinite(narrow) == np.isfinite(wide)).all())
        return self._add("f4" if fits else "f8", narrow if fits else wide, {})

    def whole(self, values: Numbers, unit: float = 1.0) -> Ref:
        """Numbers that are multiples of `unit` (steps; times in milliseconds), as differences.

        Where they are not all finite, or differ by more than 31 bits, the same as `floats`.
        """
        if not len(values) or not np.isfinite(values).all():
            return self.floats(values)
        scaled = np.rint(np.asarray(values, dtype=np.float64) / unit)
        if unit == 1.0 and not np.array_equal(scaled, values):
            return self.floats(values)
        steps = np.diff(scaled)
        if len(steps) and np.abs(steps).max() >= 2**31:
            return self.floats(values)
        return self._add("i4", steps.astype(np.int32), {"base": float(scaled[0]), "unit": unit})

    def _add(self, kind: str, values: NDArray[Any], extra: Ref) -> Ref:
        count = len(values)
        data = values.view(np.uint8).reshape(count, values.itemsize).T.tobytes()
        identity = (f"{kind}{extra}", data)
        known = self._known.get(identity)
        if known is None:
            known = {"t": kind, "o": self._size, "n": count, **extra}
            self._known[identity] = known
            self._parts.append(data)
            self._size += len(data)
        return known

    def text(self) -> str:
        """The block, deflated (zlib, RFC 1950) and in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 6)).decode("ascii")
