"""JSON as training programs write it: bare NaN, deep nesting, halves of characters, endless digits.

Whatever comes back can be shown, walked through and written again without further care: it nests at most
`DEPTH` levels deep, its texts are valid Unicode, its numbers fit a double.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from postrun.sources.oddities import Odd, Oddities

#: Levels of dictionaries and lists that are read as such; what lies deeper is kept as text. Few settings nest
#: deeper than 10; Python's own functions for nested values fail at a few hundred.
DEPTH = 100
#: Whole numbers of more digits become floats: no double holds them.
_MOST_DIGITS = 300
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_LONE = re.compile("[\ud800-\udfff]")
#: How a half of a character looks before it is parsed, if it is one.
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(text: str | bytes, odd: Oddities, levels: int = DEPTH) -> Any:
    """Return the value of a JSON text, at most `levels` levels deep; `odd` counts what had to be changed.

    Raises:
        ValueError: The text is not JSON.
    """
    text = _decoded(text, odd)
    cut = _cut(text, odd, levels) if may_be_deep(text, levels) else text
    try:
        value = json.loads(cut, parse_int=_whole)
    except RecursionError:  # brackets that nothing closes
        raise ValueError("nested without end") from None
    return mended(value, odd) if "\\u" in cut else value


def object_of(text: bytes | str, odd: Oddities | None = None) -> dict[str, Any] | None:
    """Return the object that a JSON text is, None if it is none."""
    try:
        value = loads_quickly(text, Oddities() if odd is None else odd)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def loads_quickly(text: bytes | str, odd: Oddities) -> Any:
    """Return what `loads` returns, in a fraction of the time for a text with nothing odd in it.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return loads(text, odd)
    return loads(text, odd) if may_be_deep(text) and is_deep(value) else value


def may_be_deep(text: str | bytes, levels: int = DEPTH) -> bool:
    """Return whether a JSON text has enough brackets to nest deeper than `levels`."""
    if isinstance(text, bytes):
        return text.count(b"[") + text.count(b"{") > levels
    return text.count("[") + text.count("{") > levels


def is_deep(value: Any) -> bool:
    """Return whether a value nests deeper than `DEPTH`, without a stack."""
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def may_be_broken(text: bytes) -> bool:
    """Return whether a JSON text has what may be half a character."""
    return _ESCAPED.search(text) is not None


def mended(value: Any, odd: Oddities) -> Any:
    """Return a value, which nests at most `DEPTH` levels deep, with halves of characters as U+FFFD."""
    if isinstance(value, str):
        if value.isascii() or not _LONE.search(value):
            return value
        odd[Odd.UNICODE] += 1
        return _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {mended(k, odd): mended(v, odd) for k, v in value.items()}
    if isinstance(value, list):
        return [mended(v, odd) for v in value]
    return value


def shallow(value: Any, odd: Oddities, levels: int = DEPTH) -> Any:
    """Return a value that nests at most `levels` levels deep; what lies deeper becomes JSON text."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        odd[Odd.DEEP] += 1
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dict):
        return {k: shallow(v, odd, levels - 1) for k, v in value.items()}
    return [shallow(v, odd, levels - 1) for v in value]


def _decoded(text: str | bytes, odd: Oddities) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        odd[Odd.UNICODE] += 1
        return text.decode("utf-8", "replace")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _cut(text: str, odd: Oddities, levels: int) -> str:
    """Return a JSON text with what lies deeper than `levels` as strings."""
    depth = start = done = 0
    pieces: list[str] = []
    for match in _TOKEN.finditer(text):
        bracket = text[match.start()]
        if bracket in "[{":
            depth += 1
            if depth == levels + 1:
                start = match.start()
        elif bracket in "]}":
            if depth == levels + 1:
                pieces += [text[done:start], json.dumps(text[start : match.end()])]
                done = match.end()
            depth -= 1
    if not pieces:
        return text
    odd[Odd.DEEP] += 1
    return "".join([*pieces, text[done:]])
