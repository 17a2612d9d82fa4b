"""The records of a TensorBoard event file (TFRecord): where each begins and ends.

A record is its length (8 bytes, little endian), a checksum of that, the payload, and a checksum of the payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from postrun.model import Damage, TargetError

Ints = NDArray[np.int64]

_LENGTH = Struct("<Q")
#: Bytes before and after the payload.
_HEAD, _TAIL = 12, 4
_AROUND = _HEAD + _TAIL
#: Records after which the next lengths are guessed.
_TRIED = 2048
#: A payload is no longer: a graph or an image takes some megabytes.
_LONGEST = 1 << 31


@dataclass(slots=True)
class Records:
    """The bytes of a file, and where its payloads begin and how long they are."""

    data: bytes
    start: Ints
    length: Ints
    damage: list[Damage]


def read_records(path: Path) -> Records:
    """Read a file; what is cut off at its end, as while it is written, is damage.

    Raises:
        TargetError: The file cannot be read, or is no event file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(
            path, f"not readable: {error.strerror}", "Check its permissions."
        ) from None
    start, length, pos = _chain(data)
    damage = []
    size = len(data)
    if pos < size:
        cut = size - pos < _HEAD or _LENGTH.unpack_from(data, pos)[0] < _LONGEST
        reason = "the file ends within a record" if cut else "a record has an impossible length"
        damage.append(Damage(str(path), pos, size - pos, reason, resumed=False))
    return Records(data, start, length, damage)


def _chain(data: bytes) -> tuple[Ints, Ints, int]:
    """Return where payloads begin, how long they are, and where the last record ends.

    Each record tells where the next begins. A training logs the same metrics again and again, so the
    lengths mostly repeat: what they will be is guessed for many records, and checked for all at once.
    """
    read, size, pos = _LENGTH.unpack_from, len(data), 0
    starts: list[Ints] = []
    lengths: list[Ints] = []
    own: list[int] = []
    wait = _TRIED
    while pos + _HEAD <= size:
        (length,) = read(data, pos)
        stop = pos + _HEAD + length + _TAIL
        if stop > size:
            break
        own.append(length)
        pos = stop
        if len(own) >= wait:
            starts.append(_begins(pos, own))
            lengths.append(np.array(own, np.int64))
            guessed = _guessed(data, pos, lengths[-1])
            if len(guessed):
                starts.append(_begins(pos + int((guessed + _AROUND).sum()), guessed))
                lengths.append(guessed)
                pos += int((guessed + _AROUND).sum())
            wait = _TRIED if len(guessed) > wait else min(2 * wait, 1 << 16)
            own = []
    starts.append(_begins(pos, own))
    lengths.append(np.array(own, np.int64))
    return np.concatenate(starts), np.concatenate(lengths), pos


def _begins(end: int, lengths: list[int] | Ints) -> Ints:
    """Return where payloads of these lengths begin, if the last record ends at `end`."""
    whole = np.asarray(lengths, np.int64) + _AROUND
    return end - np.cumsum(whole[::-1])[::-1] + _HEAD


def _guessed(data: bytes, pos: int, seen: Ints) -> Ints:
    """Return the lengths of the records from `pos` on as far as they repeat those seen before."""
    tail = seen[-_TRIED:]
    period = next((p for p in range(1, _TRIED // 2) if (tail[p:] == tail[:-p]).all()), 0)
    if not period:
        return seen[:0]
    cycle = tail[-period:]
    count = (len(data) - pos - _HEAD) // int((cycle + _AROUND).sum())
    if count < 2:
        return seen[:0]
    guess = np.tile(cycle, count)
    ends = np.cumsum(guess + _AROUND) + pos
    at = ends - guess - _AROUND
    wrong = np.flatnonzero(words(data)[at] != guess)
    return guess[: wrong[0]] if len(wrong) else guess


def words(data: bytes) -> NDArray[np.uint64]:
    """Return the 8 bytes that begin at each place of the data, as numbers; a view that copies nothing."""
    return np.ndarray((max(0, len(data) - 7),), np.dtype("<u8"), data, 0, (1,))


def is_event_file(path: Path) -> bool:
    """Return whether a file begins with a record that an event file begins with, or is empty."""
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError:
        return False
    if len(head) < _HEAD:
        return True  # its writer has flushed nothing yet
    (length,) = _LENGTH.unpack_from(head)
    return length < _LONGEST and (
        len(head) == 256 or _HEAD + length + _TAIL <= len(head) or length > 200
    )
