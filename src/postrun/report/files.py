"""Writing files so that nothing is ever half there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from postrun.model.text import plain
from postrun.store.atomic import write_atomically

#: Control characters that JSON allows as they are.
_CONTROLS = re.compile("[\x7f-\x9f]")
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)


def safe_name(text: str) -> str:
    """A name that is one plain path component on any system, never "", "." or ".."."""
    name = _UNSAFE.sub("_", text).strip("._") or "run"
    return name[:120]


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8; lone surrogates, which no encoding can hold, become "?"."""
    data = text.encode("utf-8", "replace")
    write_atomically(path, lambda aside: aside.write_bytes(data))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that strict parsers read: NaN and ±Infinity as strings, as W&B itself does."""
    write_text(path, json_text(value) + "\n")


def json_text(value: Any, indent: int | None = 2) -> str:
    """JSON with sorted keys and two spaces, the same bytes for the same value, controls escaped.

    With `indent=None`, one line.
    """
    text = json.dumps(
        plain(value),
        ensure_ascii=False,
        indent=indent,
        sort_keys=True,
        allow_nan=False,
        default=str,
    )
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
