"""One event of TensorBoard's protobuf schema, decoded by its wire format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from
from typing import Any

from postrun.sources.wandb_local.wire import BYTES, FIXED32, FIXED64, VARINT, fields, varint

#: Fields of Event, Summary.Value, SummaryMetadata.PluginData and TensorProto.
_WALL, _STEP, _SUMMARY = 1, 2, 5
_TAG, _SIMPLE, _IMAGE, _HISTOGRAM, _AUDIO, _TENSOR, _METADATA = 1, 2, 4, 5, 6, 8, 9
_DTYPE, _CONTENT = 1, 4
#: Types of tensors whose one number is read, as NumPy names them, and the field that holds it if not `content`.
_TYPES = {1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 9: ("<i8", 10), 19: ("<f2", 13)}
_STRING, _STRINGS = 7, 8
_MEDIA = {_IMAGE: "images", _HISTOGRAM: "histograms", _AUDIO: "audio"}


@dataclass(slots=True)
class Value:
    """One value of a summary, with the places of its bytes in the data.

    `kind` is the NumPy type of the number at `at`, "" if it is no number; `plugin` is the TensorBoard
    plug-in that shows it; `content` are that plug-in's own bytes, `texts` the strings of a tensor.
    """

    tag: tuple[int, int]
    at: int = 0
    kind: str = ""
    plugin: str = ""
    content: bytes = b""
    texts: tuple[bytes, ...] = ()
    number: float | None = None


@dataclass(slots=True)
class Event:
    """An event: where its wall time (8 bytes) and its step (a varint) lie, -1 if it has none; its values."""

    wall: int
    step: tuple[int, int]
    values: list[Value]


def read_event(data: bytes, start: int, stop: int) -> Event:
    """Decode an event; WireError if it is none."""
    event = Event(-1, (-1, -1), [])
    for number, kind, a, b in fields(data, start, stop):
        if number == _WALL and kind == FIXED64:
            event.wall = a
        elif number == _STEP and kind == VARINT:
            event.step = (a, b)
        elif number == _SUMMARY and kind == BYTES:
            event.values += [
                _value(data, c, d) for n, k, c, d in fields(data, a, b) if n == 1 and k == BYTES
            ]
    return event


def step_of(data: bytes, event: Event) -> int:
    """Return the step of an event; 0 is not written."""
    if event.step[0] < 0:
        return 0
    number, _ = varint(data, event.step[0])
    return number - (1 << 64) if number >> 63 else number


def _value(data: bytes, start: int, stop: int) -> Value:
    value = Value((start, start))
    for number, kind, a, b in fields(data, start, stop):
        if number == _TAG and kind == BYTES:
            value.tag = (a, b)
        elif number == _SIMPLE and kind == FIXED32:
            value.at, value.kind = a, "<f4"
        elif number == _TENSOR and kind == BYTES:
            _read_tensor(data, a, b, value)
        elif number == _METADATA and kind == BYTES:
            value.plugin, value.content = _plugin(data, a, b)
        elif number in _MEDIA:
            value.plugin = _MEDIA[number]
    return value


def _read_tensor(data: bytes, start: int, stop: int, value: Value) -> None:
    """Note the number or the strings of a tensor; a tensor of several numbers is none."""
    parts = {n: (k, a, b) for n, k, a, b in fields(data, start, stop)}
    dtype = 0
    if _DTYPE in parts and parts[_DTYPE][0] == VARINT:
        dtype = varint(data, parts[_DTYPE][1])[0]
    if dtype == _STRING:
        value.texts = tuple(data[a:b] for n, k, a, b in fields(data, start, stop) if n == _STRINGS)
        return
    name, own = _TYPES.get(dtype, ("", 0))
    if not name:
        return
    width = int(name[-1])
    for field in (_CONTENT, own):
        if field in parts:
            kind, a, b = parts[field]
            if kind in (BYTES, FIXED32, FIXED64) and b - a == width and field in (_CONTENT, 5, 6):
                value.at, value.kind = a, name
            elif kind in (VARINT, BYTES) and field == own and dtype in (3, 9):
                number, end = varint(data, a)
                value.number = (
                    float(number - (1 << 64) if number >> 63 else number) if end == b else None
                )


def _plugin(data: bytes, start: int, stop: int) -> tuple[str, bytes]:
    """Return the name and the content of the plug-in in a value's metadata."""
    for number, kind, a, b in fields(data, start, stop):
        if number == 1 and kind == BYTES:
            parts = {n: data[c:d] for n, k, c, d in fields(data, a, b) if k == BYTES}
            return parts.get(1, b"").decode("utf-8", "replace"), parts.get(2, b"")
    return "", b""


def number_at(data: bytes, value: Value) -> float | None:
    """Return the number of a value, None if it is none."""
    if value.number is not None or not value.kind:
        return value.number
    code = {"<f4": "<f", "<f8": "<d", "<i4": "<i", "<i8": "<q", "<f2": "<e"}[value.kind]
    return float(unpack_from(code, data, value.at)[0])


def struct_value(data: bytes, start: int, stop: int) -> Any:
    """Return a google.protobuf.Value: a number, a text, a truth value, or None."""
    for number, kind, a, b in fields(data, start, stop):
        if number == 2 and kind == FIXED64:
            found = unpack_from("<d", data, a)[0]
            return int(found) if found.is_integer() and abs(found) < 1 << 53 else found
        if number == 3 and kind == BYTES:
            return data[a:b].decode("utf-8", "replace")
        if number == 4 and kind == VARINT:
            return bool(varint(data, a)[0])
    return None


def entries(data: bytes, start: int, stop: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield the places of a message's fields of one number that hold bytes."""
    for number, kind, a, b in fields(data, start, stop):
        if number == wanted and kind == BYTES:
            yield a, b
