"""All scalars of an event file at once.

Events of one length mostly differ in a few bytes: wall time, step, tag and value. One of them is decoded the
general way and is the template of the others: those that equal it in all other bytes are read by columns.
What fits no template is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.sources.trackers.points import Ints, Points
from postrun.sources.trackers.tensorboard.events import Event, Value, number_at, read_event, step_of
from postrun.sources.trackers.tensorboard.records import Records
from postrun.sources.wandb_local.wire import WireError

#: Longer events hold more than a scalar.
_LONGEST = 1024
#: Offsets within an event: the wall time comes first, then the step.
_WALL, _STEP = 1, 9
_STEP_TAG = 0x10
#: A value that was decoded by itself, and its record.
_ONE = np.dtype([("row", "i8"), ("code", "i8"), ("step", "i8"), ("wall", "f8"), ("value", "f8")])
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
#: Bytes of records that are copied side by side at a time.
_BLOCK = 1 << 20

Bytes = NDArray[np.uint8]


def _windows(begin: int, end: int) -> list[int]:
    """Return where 8 bytes begin that together cover a stretch of at least 8; the last two may overlap."""
    return sorted({*range(begin, end - 7, 8), end - 8})


def _column(block: Bytes, offset: int, kind: str) -> NDArray[Any]:
    """Return the numbers at an offset of each record, without copying them."""
    dtype = np.dtype(kind)
    return block[:, offset : offset + dtype.itemsize].view(dtype)[:, 0]


def _steps(block: Bytes, offset: int, width: int) -> Ints:
    """Return the steps, varints of `width` bytes."""
    step = np.zeros(len(block), np.uint64)
    for i in range(width if offset >= 0 else 0):
        step |= (block[:, offset + i].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * i)
    return step.view(np.int64)


@dataclass(slots=True)
class Scan:
    """The scalars of a file in the order of logging, and values of other kinds.

    `others` are the values that are no scalars, each with its event's step; `invalid` counts events that
    could not be decoded.
    """

    points: Points
    others: list[tuple[str, Value]] = field(default_factory=list)
    invalid: int = 0


def scan(records: Records) -> Scan:
    """Return the scalars of the records of a file."""
    return _Scanner(records).result()


class _Scanner:
    """Columns of a file's events, one place for each record."""

    def __init__(self, records: Records) -> None:
        self._records = records
        count = len(records.start)
        self._code = np.full(count, -1, np.int64)
        self._step = np.zeros(count, np.int64)
        self._wall = np.full(count, np.nan)
        self._value = np.zeros(count)
        self._codes: dict[bytes, int] = {}
        #: Values of events with several: record, code, step, wall, value.
        self._more: list[tuple[int, int, int, float, float]] = []
        self._scan = Scan(Points([], self._code, self._step, self._wall, self._value))
        for rows, block in self._groups():
            self._read(rows, block)

    def result(self) -> Scan:
        """Return the columns without the records that hold no scalar."""
        kept = np.flatnonzero(self._code >= 0)
        more = np.array(self._more, _ONE)
        order = np.argsort(np.concatenate([kept, more["row"]]), kind="stable")
        names = [tag.decode("utf-8", "replace") for tag in self._codes]
        self._scan.points = Points(
            names,
            np.concatenate([self._code[kept], more["code"]])[order],
            np.concatenate([self._step[kept], more["step"]])[order],
            np.concatenate([self._wall[kept], more["wall"]])[order],
            np.concatenate([self._value[kept], more["value"]])[order],
        )
        return self._scan

    def _groups(self) -> Iterator[tuple[Ints, Bytes]]:
        """Yield the records of one length and one width of the step, with their bytes."""
        length = self._records.length
        short = length.astype(np.int16) if len(length) and length.max() < 1 << 15 else length
        order = np.argsort(short, kind="stable")  # 16-bit numbers sort by radix
        for rows in np.split(order, np.flatnonzero(np.diff(length[order])) + 1):
            if not len(rows):
                continue
            size = int(length[rows[0]])
            if size > _LONGEST or size < _STEP:
                for row in rows.tolist():
                    self._read_one(row)
                continue
            for i in range(0, len(rows), max(1, _BLOCK // size)):
                yield from self._of_one_width(rows[i : i + max(1, _BLOCK // size)], size)

    def _of_one_width(self, rows: Ints, size: int) -> Iterator[tuple[Ints, Bytes]]:
        """Split records of one length by how many bytes the step takes, 0 if there is none."""
        data = self._records.data
        # Copied side by side once: from here on all looks at them hit the processor's cache.
        places = np.ndarray((len(data) - size + 1,), np.dtype((np.void, size)), data, 0, (1,))
        block = places[self._records.start[rows]].view(np.uint8).reshape(len(rows), size)
        width = np.zeros(len(rows), np.int8)
        going = block[:, _STEP] == _STEP_TAG if size > _STEP else np.zeros(len(rows), np.bool_)
        for offset in range(1, min(11, size - _STEP)):
            if not going.any():
                break
            width += going
            going &= block[:, _STEP + offset] >= 0x80
        found = np.unique(width).tolist()
        for one in found:
            own = width == one
            yield (rows, block) if len(found) == 1 else (rows[own], block[own])

    def _read(self, rows: Ints, block: Bytes) -> None:
        """Read records that may share templates; `block` are their bytes."""
        while len(rows):
            row = int(rows[0])
            event = self._event(row)
            value = event.values[0] if event and len(event.values) == 1 else None
            start = int(self._records.start[row])
            if event is None or value is None or not value.kind or event.wall != start + _WALL:
                self._keep_one(row, event)
                rows, block = rows[1:], block[1:]
                continue
            same = self._equal(block, start, event, value)
            if same.all():
                self._read_columns(rows, block, start, event, value)
                return
            self._read_columns(rows[same], block[same], start, event, value)
            rows, block = rows[~same], block[~same]

    def _equal(self, block: Bytes, start: int, event: Event, value: Value) -> NDArray[np.bool_]:
        """Return which records equal the first in all bytes but wall time, step, tag and value."""
        count, size = block.shape
        free = np.zeros(size, np.bool_)
        width = np.dtype(value.kind).itemsize
        for a, b in (
            (event.wall, event.wall + 8),
            event.step,
            value.tag,
            (value.at, value.at + width),
        ):
            free[max(a - start, 0) : max(b - start, 0)] = True
        same = np.ones(count, np.bool_)
        for offset in _windows(0, size):
            kept = np.where(free[offset : offset + 8], 0, 255).astype(np.uint8).view("<u8")[0]
            if kept:
                column = _column(block, offset, "<u8")
                same &= ((column ^ column[0]) & kept) == 0
        return same

    def _read_columns(
        self, rows: Ints, block: Bytes, start: int, event: Event, value: Value
    ) -> None:
        self._wall[rows] = _column(block, event.wall - start, "<f8")
        self._value[rows] = _column(block, value.at - start, value.kind)
        self._step[rows] = _steps(block, event.step[0] - start, event.step[1] - event.step[0])
        self._code[rows] = self._tags(block, value.tag[0] - start, value.tag[1] - value.tag[0])

    def _tags(self, block: Bytes, offset: int, width: int) -> Ints:
        """Return the code of each record's tag."""
        hashed = np.zeros(len(block), np.uint64)
        if width < 8:
            for i in range(width):
                hashed = hashed * _MULTIPLIER + block[:, offset + i]
        for place in _windows(offset, offset + width) if width >= 8 else ():
            hashed = (hashed ^ (hashed >> np.uint64(29))) * _MULTIPLIER + _column(
                block, place, "<u8"
            )
        _, first, inverse = np.unique(hashed, return_index=True, return_inverse=True)
        codes = [self._number(block[i, offset : offset + width].tobytes()) for i in first.tolist()]
        return np.array(codes, np.int64)[inverse]

    def _number(self, tag: bytes) -> int:
        return self._codes.setdefault(tag, len(self._codes))

    def _event(self, row: int) -> Event | None:
        start = int(self._records.start[row])
        try:
            return read_event(self._records.data, start, start + int(self._records.length[row]))
        except WireError:
            return None

    def _read_one(self, row: int) -> None:
        self._keep_one(row, self._event(row))

    def _keep_one(self, row: int, event: Event | None) -> None:
        """Keep the values of an event that fits no template."""
        if event is None:
            self._scan.invalid += 1
            return
        data = self._records.data
        for value in event.values:
            tag = data[value.tag[0] : value.tag[1]]
            number = number_at(data, value)
            if number is None:
                self._scan.others.append((tag.decode("utf-8", "replace"), value))
                continue
            wall = np.frombuffer(data, "<f8", 1, event.wall)[0] if event.wall >= 0 else np.nan
            self._more.append((row, self._number(tag), step_of(data, event), float(wall), number))
