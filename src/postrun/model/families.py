"""Families of keys: names that differ in numbers alone, such as `table_0`, `table_1`, ...

A family is called by its pattern, `table_{n}`. Keys of other names that a history keeps together are called
`parent/{name}`, or `{name}`.
"""

from __future__ import annotations

import re

_NUMBER, _ANY = "{n}", "{name}"
#: A UUID, a digest, or digits.
_NUMBERS = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{12,}(?![0-9a-z])|\d+",
    re.IGNORECASE | re.ASCII,
)
_PARENT = re.compile(r".*[/.]", re.DOTALL)
#: What is added to a family's name for the column that names the key of each row.
KEY = ":key"


def family_of(name: str) -> str:
    """Return a name with its numbers as `{n}`: `layer_{n}/loss` for "layer_12/loss"."""
    return _NUMBERS.sub(_NUMBER, name)


def siblings_of(name: str) -> str:
    """Return the pattern of all keys beside one: `eval/{name}` for "eval/acc"."""
    found = _PARENT.match(name)
    return f"{found[0] if found else ''}{_ANY}"


#: The pattern of all keys.
EVERY = _ANY


def is_family(name: str) -> bool:
    """Return whether a column holds the values of several keys (or tells the keys)."""
    return _NUMBER in name or _ANY in name
