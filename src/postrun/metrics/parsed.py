"""The data files of this package, parsed: roles, packs, the lexicon.

Python's TOML parser takes longer for them than reading and diagnosing a run. `python docs/make_metrics.py`
therefore writes all of them, parsed, into `parsed.json`, each with a checksum of the file it was parsed from;
a file that was changed since is parsed again. The TOML files are what people read and edit.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

_HERE = Path(__file__).parent
_PARSED = _HERE / "parsed.json"


def toml_files() -> list[str]:
    """Return the data files that are kept parsed, as paths relative to this folder, sorted."""
    return sorted(path.relative_to(_HERE).as_posix() for path in _HERE.rglob("*.toml"))


def table(name: str) -> dict[str, Any]:
    """Return a TOML file of this folder ("packs/generic.toml"), parsed. Do not change what is returned."""
    data = (_HERE / name).read_bytes()
    match _kept().get(name):
        case [int(checksum), dict(found)] if checksum == crc32(data):
            return found
    return parse(data)


def parse(data: bytes) -> dict[str, Any]:
    """Return the table of a TOML file.

    Raises:
        ValueError: It is no TOML.
    """
    import tomllib

    return tomllib.loads(data.decode("utf-8"))


def write() -> None:
    """Write `parsed.json`: a line for each file."""
    lines = []
    for name in toml_files():
        data = (_HERE / name).read_bytes()
        entry = orjson.dumps([crc32(data), parse(data)]).decode()
        lines.append(f"{orjson.dumps(name).decode()}:{entry}")
    _PARSED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


@cache
def _kept() -> dict[str, Any]:
    try:
        found = orjson.loads(_PARSED.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
