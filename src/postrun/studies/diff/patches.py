"""Patches and saved files of two runs, compared file by file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

_FILE = re.compile(r'^diff --git "?a/(.+?)"? "?b/(.+?)"?$')
#: Lines that name a place or a hash, which differ without any change.
_PLACES = re.compile(r"^(index [0-9a-f]+\.\.|@@ )")
#: Lines beyond which two files are not compared line by line, which takes the square of them.
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs.

    Attributes:
        path: The file.
        how: "only in the first", "only in the second" or "changed".
        added: Lines that only the second has.
        removed: Lines that only the first has.
        lines: What differs as a unified diff.
    """

    path: str
    how: str
    added: int
    removed: int
    lines: list[str]


def by_file(patch: str) -> dict[str, list[str]]:
    """Return the lines of a patch by file; lines before the first file are left out."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in patch.splitlines():
        match = _FILE.match(line)
        if match:
            current = found.setdefault(match[2], [])
        elif line.startswith("+++ ") and current is None:
            current = found.setdefault(re.sub(r"^b/", "", line[4:].split("\t")[0]), [])
        elif current is not None:
            current.append(line)
    return found


def compare_patches(first: str, second: str) -> list[FileChange]:
    """Return the files that two patches change differently.

    Places and hashes within them count for nothing: the same change elsewhere in a file is the same.
    """
    a, b = by_file(first), by_file(second)
    out = []
    for path in sorted({*a, *b}):
        x, y = (_plain(lines.get(path, [])) for lines in (a, b))
        if path not in b:
            out.append(_whole(path, "only in the first", a[path], -1))
        elif path not in a:
            out.append(_whole(path, "only in the second", b[path], 1))
        elif x != y:
            out.append(_changed(path, x, y))
    return out


def compare_files(first: Mapping[str, str], second: Mapping[str, str]) -> list[FileChange]:
    """Return the saved files that differ between two runs."""
    out = []
    for path in sorted({*first, *second}):
        if path not in second:
            out.append(FileChange(path, "only in the first", 0, len(first[path].splitlines()), []))
        elif path not in first:
            out.append(
                FileChange(path, "only in the second", len(second[path].splitlines()), 0, [])
            )
        elif first[path] != second[path]:
            out.append(_changed(path, first[path].splitlines(), second[path].splitlines()))
    return out


def _plain(lines: list[str]) -> list[str]:
    return [re.sub(r"^@@ .* @@", "@@", line) for line in lines if not line.startswith("index ")]


def _whole(path: str, how: str, lines: list[str], sign: int) -> FileChange:
    """Return a file that one patch changes; read from the first run to the second, its change comes or goes."""
    added = sum(line[:1] == "+" and not line.startswith("+++") for line in lines)
    removed = sum(line[:1] == "-" and not line.startswith("---") for line in lines)
    shown = [line for line in lines if not line.startswith("index ")]
    return FileChange(path, how, added, removed, shown)


def _changed(path: str, x: list[str], y: list[str]) -> FileChange:
    if max(len(x), len(y)) > _LONGEST:
        return FileChange(path, "changed", 0, 0, ["(too long to compare line by line)"])
    lines = list(difflib.unified_diff(x, y, "first", "second", lineterm="", n=2))[2:]
    added = sum(line[:1] == "+" for line in lines)
    removed = sum(line[:1] == "-" for line in lines)
    return FileChange(path, "changed", added, removed, lines)
