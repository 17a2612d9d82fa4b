"""History, summary and stats records decoded by the thousand.

Such records are lists of (key, JSON text) items. Walking them one by one in Python costs
microseconds per value; here all records of a batch advance together, item by item, in NumPy: the
i-th step reads the i-th field of every record that has one. What comes out are byte spans; only
the spans of wanted values are ever cut out and parsed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from postrun.sources.wandb_local import wire

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

#: Zero bytes after the data, so that looking ahead never leaves the array.
_PADDING = 32
#: With fewer records left than this, one at a time is faster than NumPy's fixed costs.
_FEW = 12
_HISTORY_TAG, _SUMMARY_TAG, _OUTPUT_TAG, _NUM_TAG = 0x12, 0x1A, 0x6A, 0x08
_NANOS_TAG, _INFO_TAG = 0x10, (0xC2, 0x0C)
_KEY_TAG, _NESTED_TAG, _VALUE_TAG = 0x0A, 0x12, (0x82, 0x01)


@dataclass(slots=True)
class Buffer:
    """Payloads of one batch in one piece: as bytes to cut from, as an array to walk on."""

    data: bytes
    array: Bytes
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, payloads: list[bytes]) -> Buffer:
        """Join payloads; `starts` and `ends` say where each lies."""
        data = b"".join([*payloads, bytes(_PADDING)])
        lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        ends = np.cumsum(lengths)
        return cls(data, np.frombuffer(data, np.uint8), ends - lengths, ends)


@dataclass(slots=True)
class Spans:
    """Byte spans [start, end) that belong to rows (indices of messages)."""

    row: Ints
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.row)

    def pick(self, mask: NDArray[np.bool_]) -> Spans:
        """The spans where `mask` is True."""
        return Spans(self.row[mask], self.start[mask], self.end[mask])


@dataclass(slots=True)
class Items:
    """Key and value spans of items: the key span holds all key fields with their tags."""

    row: Ints
    key_start: Ints
    key_end: Ints
    value_start: Ints
    value_end: Ints

    def pick(self, index: Ints) -> Items:
        """Return the items at these places."""
        return Items(
            self.row[index],
            self.key_start[index],
            self.key_end[index],
            self.value_start[index],
            self.value_end[index],
        )


def classify(buffer: Buffer) -> tuple[Spans, Spans, Spans, list[int]]:
    """Spans of history, summary and raw output records, and the indices of all others."""
    array, pos = buffer.array, buffer.starts
    has_num = array[pos] == _NUM_TAG
    _, after = _varints(array, pos + 1)
    pos = np.where(has_num, after, pos)
    pos = np.minimum(pos, len(array) - _PADDING)
    info = (array[pos] == _INFO_TAG[0]) & (array[pos + 1] == _INFO_TAG[1])
    if info.any():  # what wandb-core writes before the record itself
        length, after = _varints(array, pos + 2)
        pos = np.where(info & (after + length < buffer.ends), after + length, pos)
    tag = array[pos]
    length, start = _varints(array, pos + 1)
    end = start + length
    inside = end <= buffer.ends
    found = []
    rest = np.ones(len(pos), np.bool_)
    for want in (_HISTORY_TAG, _SUMMARY_TAG, _OUTPUT_TAG):
        mask = (tag == want) & inside
        rest &= ~mask
        index = np.flatnonzero(mask)
        found.append(Spans(index, start[index], end[index]))
    return found[0], found[1], found[2], np.flatnonzero(rest).tolist()


def split(buffer: Buffer, messages: Spans, *tags: int) -> tuple[list[Spans], list[int]]:
    """The length-delimited fields of messages that carry each tag byte, and rows that are broken.

    Broken are rows of which a part is no field, or a field with such a number is not length-delimited.
    `messages.row` is kept as the row of each field. Fields come in the order of their position
    within the message, not row by row.
    """
    array = buffer.array
    row, pos, end = messages.row, messages.start, messages.end
    seen: list[tuple[NDArray[np.uint8], Ints, Ints, Ints]] = []
    broken: list[int] = []
    wrong = np.array([tag & ~7 | wire.VARINT for tag in tags], np.uint8)
    while True:
        alive = pos < end
        if not alive.all():
            row, pos, end = row[alive], pos[alive], end[alive]
        if len(row) < _FEW:
            break
        tag = array[pos]
        length, start = _varints(array, pos + 1)
        # One-byte tags only: two-byte ones (and other wire types) are left to the slow path.
        delimited = (tag & 7) == wire.BYTES
        number = (tag & 7) == wire.VARINT
        stop = np.where(delimited, start + length, start)
        good = (tag < 0x80) & (delimited | number) & (stop <= end)
        if not good.all():
            for i in np.flatnonzero(~good).tolist():
                _walk(buffer, int(row[i]), int(pos[i]), int(end[i]), seen, broken, tags)
            row, start, stop, end, tag = row[good], start[good], stop[good], end[good], tag[good]
            delimited = delimited[good]
        if delimited.all():
            seen.append((tag, row, start, stop))
        else:
            broken += row[np.isin(tag, wrong)].tolist()
            seen.append((tag[delimited], row[delimited], start[delimited], stop[delimited]))
        pos = stop
    for r, p, e in zip(row.tolist(), pos.tolist(), end.tolist(), strict=True):
        _walk(buffer, r, p, e, seen, broken, tags)
    if not seen:
        empty = np.zeros(0, np.int64)
        return [Spans(empty, empty, empty) for _ in tags], broken
    all_tags = np.concatenate([s[0] for s in seen])
    spans = Spans(*(np.concatenate([s[i] for s in seen]) for i in (1, 2, 3)))
    if len(tags) == 1 and bool((all_tags == tags[0]).all()):
        return [spans], broken
    return [spans.pick(all_tags == tag) for tag in tags], broken


def _walk(
    buffer: Buffer,
    row: int,
    pos: int,
    end: int,
    seen: list[tuple[NDArray[np.uint8], Ints, Ints, Ints]],
    broken: list[int],
    tags: tuple[int, ...],
) -> None:
    """The rest of one message, field by field."""
    found: list[tuple[int, int, int]] = []
    try:
        for number, kind, start, stop in wire.fields(buffer.data, pos, end):
            if kind == wire.BYTES and number < 16:
                found.append((number << 3 | wire.BYTES, start, stop))
            elif number << 3 | wire.BYTES in tags:
                broken.append(row)
    except wire.WireError:
        broken.append(row)
    if found:
        table = np.array(found, np.int64)
        seen.append(
            (
                table[:, 0].astype(np.uint8),
                np.full(len(found), row, np.int64),
                table[:, 1].copy(),
                table[:, 2].copy(),
            )
        )


def split_items(buffer: Buffer, items: Spans) -> tuple[Items, Spans]:
    """Key and value spans of items; those of another shape come back as they are."""
    array = buffer.array
    if not len(items):
        e = items.row
        return Items(e, e, e, e, e), items
    first = array[items.start]
    length, start = _varints(array, items.start + 1)
    key_end = start + length
    good = ((first == _KEY_TAG) | (first == _NESTED_TAG)) & (key_end < items.end)
    key_end = np.where(good, key_end, items.start)
    while True:  # further parts of a nested key
        more = good & (array[key_end] == _NESTED_TAG) & (first == _NESTED_TAG)
        index = np.flatnonzero(more)
        if not len(index):
            break
        length, start = _varints(array, key_end[index] + 1)
        stop = start + length
        fits = stop < items.end[index]
        good[index[~fits]] = False
        key_end[index] = np.where(fits, stop, items.start[index])
    good &= (array[key_end] == _VALUE_TAG[0]) & (array[key_end + 1] == _VALUE_TAG[1])
    length, value = _varints(array, key_end + 2)
    good &= value + length == items.end
    if good.all():
        return Items(items.row, items.start, key_end, value, items.end), items.pick(~good)
    regular = items.pick(good)
    return (
        Items(regular.row, regular.start, key_end[good], value[good], regular.end),
        items.pick(~good),
    )


def output_lines(buffer: Buffer, messages: Spans) -> tuple[list[tuple[bool, float, str]], int]:
    """Raw output records in their order: whether on stdout, Unix seconds (NaN: none), text.

    The second value counts those that are not readable.
    """
    array, count = buffer.array, len(messages)
    stdout = (array[messages.start] == _NUM_TAG) & (array[messages.start + 1] == 1)
    messages.row = np.arange(count, dtype=np.int64)
    (times, texts), broken = split(buffer, messages, 0x12, 0x1A)
    moments = np.full(count, np.nan)
    moments[times.row] = _timestamps(buffer, times)
    lines = [""] * count
    data = buffer.data
    for row, a, b in zip(texts.row.tolist(), texts.start.tolist(), texts.end.tolist(), strict=True):
        lines[row] = data[a:b].decode("utf-8", "replace")
    bad = set(broken)
    found = zip(stdout.tolist(), moments.tolist(), lines, strict=True)
    return [line for i, line in enumerate(found) if i not in bad], len(bad)


def _timestamps(buffer: Buffer, spans: Spans) -> NDArray[np.float64]:
    """Unix seconds of Timestamp messages: seconds and nanoseconds, in this order where both are there."""
    array = buffer.array
    seconds, after = _varints(array, spans.start + 1)
    first = array[spans.start]
    has_seconds = first == _NUM_TAG
    at = np.where(has_seconds, after, spans.start)
    nanos, _ = _varints(array, at + 1)
    has_nanos = (at < spans.end) & (array[at] == _NANOS_TAG)
    out = np.where(has_seconds, seconds, 0) + np.where(has_nanos, nanos, 0) / 1e9
    return np.where(spans.end > spans.start, out, np.nan)


def step_numbers(buffer: Buffer, steps: Spans) -> Ints:
    """Return the step number in each HistoryStep message; 0, protobuf's default, if it is left out.

    It is negative if the message is not readable, or if the number is negative or of more than 62 bits.
    """
    array = buffer.array
    present = (steps.end > steps.start) & (array[steps.start] == _NUM_TAG)
    number, after = _varints(array, steps.start + 1)
    number = np.where(present, number, 0)
    for i in np.flatnonzero(present & (after != steps.end)).tolist():  # beyond 35 bits
        number[i] = _long_number(buffer.data, int(steps.start[i]) + 1, int(steps.end[i]))
    number[(steps.end > steps.start) & ~present] = -1
    return number


def _long_number(data: bytes, start: int, end: int) -> int:
    """Return the varint at `start`; -1 if it runs past `end` or has more than 62 bits."""
    try:
        number, after = wire.varint(data, start)
    except wire.WireError:
        return -1
    return number if after <= end and number < 1 << 62 else -1


def _varints(array: Bytes, pos: Ints) -> tuple[Ints, Ints]:
    """Varints at positions, and the positions after them; what is too long becomes huge."""
    byte = array[pos]
    value = (byte & 0x7F).astype(np.int64)
    after = pos + 1
    index = np.flatnonzero(byte >= 0x80)
    shift = 7
    while len(index) and shift < 35:
        byte = array[after[index]]
        value[index] |= (byte & 0x7F).astype(np.int64) << shift
        after[index] += 1
        index = index[byte >= 0x80]
        shift += 7
    if len(index):  # no length is that large: let the caller's bounds check refuse it
        value[index] = 1 << 40
    return value, after
