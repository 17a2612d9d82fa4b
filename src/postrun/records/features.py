"""What everything that is computed from a run depends on, as one short text."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from postrun.records.record import RECORD_VERSION

#: Parts of the package that decide what a record and findings say.
_PARTS = (
    "rules", "metrics", "training", "stats", "records/reading.py", "records/ending.py", "records/finals.py",
)  # fmt: skip
#: Rules and packs of other packages do as well.
_GROUPS = ("postrun.rules", "postrun.packs")


@cache
def features_version() -> str:
    """Another one where the same run may get other features or findings.

    A digest of the code itself: a version number that somebody must remember to raise would be forgotten.
    """
    root = Path(__file__).parents[1]
    digest, known = hashlib.sha256(), entry_points()
    for part in _PARTS:
        path = root / part
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.suffix in (".py", ".toml"):
                digest.update(f"{file.relative_to(root)}\n".encode())
                digest.update(file.read_bytes())
    for group, entries in ((g, known.select(group=g)) for g in _GROUPS):
        for entry in sorted(entries, key=lambda e: e.name):
            version = entry.dist.version if entry.dist else ""
            digest.update(f"{group} {entry.name} {entry.value} {version}\n".encode())
    return f"{RECORD_VERSION}-{digest.hexdigest()[:16]}"
