"""What was read once, kept for the next time: a record and the numeric columns of each run.

Entries are keyed by where a run lies and by its version, so that a run which changed is another entry.
Each is two files, columns first, both written aside and renamed: there is never half an entry. Whatever
cannot be read (another program's file, a cut disk) is as good as not there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from postrun.model import RunRef
from postrun.store.atomic import write_atomically

#: Bytes that the cache may hold; beyond, what was used longest ago is deleted.
LIMIT = 8 * 2**30


def default_folder() -> Path:
    """`$POSTRUN_CACHE_DIR`, else the user's cache folder."""
    given = os.environ.get("POSTRUN_CACHE_DIR")
    if given:
        return Path(given)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("postrun", appauthor=False))


class Cache:
    """Entries below one folder. `salt` is part of every key: what else decides what an entry holds."""

    def __init__(self, folder: Path | None = None, salt: str = "") -> None:
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self.folder = folder or default_folder()
        self.salt = salt

    @classmethod
    def temporary(cls, salt: str = "") -> Cache:
        """A cache that is deleted with this object."""
        own = tempfile.TemporaryDirectory(prefix="postrun-")
        cache = cls(Path(own.name), salt)
        cache._own = own
        return cache

    def key(self, ref: RunRef) -> str:
        """The entry of a run: another where the run, or what entries hold, is another."""
        where = str(ref.path) if ref.remote else str(ref.path.absolute())
        text = "\n".join((self.salt, ref.source, where, ref.id, ref.version))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}{suffix}"

    def record(self, key: str) -> dict[str, Any] | None:
        """An entry's record, or None."""
        path = self._path(key, ".json")
        try:
            value = orjson.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) and self._path(key, ".parquet").exists() else None

    def columns(self, key: str, names: Sequence[str]) -> pl.DataFrame | None:
        """Columns of an entry, those of `names` that it has; None where it cannot be read."""
        path = self._path(key, ".parquet")
        try:
            known = set(pl.read_parquet_schema(path))
            return pl.read_parquet(path, columns=[n for n in names if n in known])
        except (OSError, pl.exceptions.PolarsError):
            return None

    def put(self, key: str, record: dict[str, Any], columns: pl.DataFrame) -> None:
        """Keep an entry; PostrunError where the folder cannot be written."""
        path = self._path(key, ".parquet")
        text = orjson.dumps(record, option=orjson.OPT_NON_STR_KEYS, default=str)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(
            path,
            partial(
                columns.write_parquet, compression="zstd", compression_level=1, statistics=False
            ),
        )
        write_atomically(self._path(key, ".json"), lambda aside: aside.write_bytes(text))

    def used(self, keys: Sequence[str]) -> None:
        """Note that entries were used now: they are deleted last."""
        for key in keys:
            with suppress(OSError):
                os.utime(self._path(key, ".json"))

    def prune(self, limit: int = LIMIT) -> None:
        """Delete what was used longest ago until the cache holds at most `limit` bytes."""
        entries = []
        for path in self.folder.glob("??/*.json"):
            with suppress(OSError):
                columns = path.with_suffix(".parquet")
                entries.append((path.stat().st_mtime, columns.stat().st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit:
                return
            for name in (path, path.with_suffix(".parquet")):
                with suppress(OSError):
                    name.unlink()
            total -= size
