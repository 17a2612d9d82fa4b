"""What was read once, kept for the next time: a record and the numeric columns of each run.

Entries are keyed by where a run lies and by its version, so that a run which changed is another entry.
Each is two files, columns first, both written aside and renamed: there is never half an entry. Whatever
cannot be read (another program's file, a cut disk) is as good as not there.

Columns lie one after another in a NumPy file, uncompressed, with their places in the record: one metric of
one run is a seek and a read, 0.1 ms, where a column of a Parquet file costs 1 ms.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from postrun.model import PostrunError, RunRef
from postrun.model.places import cache_folder
from postrun.stats.robust import Floats, Ints
from postrun.store.atomic import write_atomically

#: Bytes that the cache may hold; beyond, what was used longest ago is deleted.
LIMIT = 8 * 2**30
#: Name in the record under which the places of columns are kept.
_PLACES = "columns"
#: Name under which the number of all values is kept, and the bytes of NumPy's header before them.
_VALUES, _HEADER = "values", 128
#: Column to its first value, its number of values, and whether every row has one.
Places = dict[str, tuple[int, int, bool]]


class Cache:
    """Entries below one folder. `salt` is part of every key: what else decides what an entry holds."""

    def __init__(self, folder: Path | None = None, salt: str = "") -> None:
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self.folder = folder or cache_folder()
        self.salt = salt

    def __reduce__(self) -> tuple[type[Cache], tuple[Path, str]]:
        """In another process it is the same folder, which that process does not own."""
        return Cache, (self.folder, self.salt)

    @classmethod
    def usable(cls) -> Cache:
        """The user's cache, or a temporary one where its folder cannot be written."""
        cache = cls()
        try:
            cache.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (cache.folder / f".{os.getpid()}.part").touch()
            (cache.folder / f".{os.getpid()}.part").unlink()
        except OSError:
            return cls.temporary()
        return cache

    @classmethod
    def temporary(cls, salt: str = "") -> Cache:
        """A cache that is deleted with this object."""
        own = tempfile.TemporaryDirectory(prefix="postrun-")
        cache = cls(Path(own.name), salt)
        cache._own = own
        return cache

    def key(self, ref: RunRef, kind: str = "") -> str:
        """The entry of a run, of a kind: another where the run, or what entries hold, is another."""
        where = str(ref.path) if ref.remote else str(ref.path.absolute())
        text = "\n".join((self.salt, kind, ref.source, where, ref.id, ref.version))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]

    def _path(self, key: str, suffix: str) -> Path:
        return Path(self._name(key, suffix))

    def _name(self, key: str, suffix: str) -> str:
        """A path as text: thousands of them are asked for, and making paths costs as much as opening them."""
        return f"{self.folder}/{key[:2]}/{key[2:]}{suffix}"

    def record(self, key: str) -> dict[str, Any] | None:
        """An entry's record, or None."""
        try:
            with open(self._name(key, ".json"), "rb") as file:  # noqa: PTH123
                value = orjson.loads(file.read())
        except (OSError, ValueError):
            return None
        if not isinstance(value, dict):
            return None
        try:  # columns that are not as large as the record says are not its own
            size = os.stat(self._name(key, ".npy")).st_size  # noqa: PTH116
        except OSError:
            return None
        return value if size - 8 * value.get(_VALUES, -1) == _HEADER else None

    def columns(
        self, key: str, places: Places, names: Iterable[str]
    ) -> dict[str, tuple[Ints, Floats]]:
        """Row numbers and values of columns, missing values left out; only those that are there."""
        wanted = {name: places[name] for name in names if name in places}
        found = {}
        try:
            with open(self._name(key, ".npy"), "rb") as file:  # noqa: PTH123
                for name, (start, count, dense) in wanted.items():
                    file.seek(_HEADER + 8 * start)
                    values = np.fromfile(file, np.float64, count)
                    rows = np.arange(count) if dense else np.fromfile(file, np.int64, count)
                    if len(values) == len(rows) == count:
                        found[name] = rows, values
        except (OSError, ValueError):
            return {}
        return found

    def put(self, key: str, record: dict[str, Any], columns: Mapping[str, pl.Series]) -> Places:
        """Keep an entry: a record and columns of numbers; the places of the columns.

        PostrunError where that is not possible.
        """
        parts: list[Floats] = []
        places: Places = {}
        size = 0
        for name, named in columns.items():
            column = named.alias("x")  # Polars reads names such as "^a$" as patterns
            dense = not column.null_count()
            values = (column if dense else column.drop_nulls()).cast(pl.Float64).to_numpy()
            parts.append(values)
            if not dense:
                rows = np.flatnonzero(column.is_not_null().to_numpy())
                parts.append(rows.view(np.float64))  # their bits, not their values
            places[name] = (size, len(values), dense)
            size += len(values) * (1 if dense else 2)
        text = orjson.dumps(
            {**record, _PLACES: places, _VALUES: size}, option=orjson.OPT_NON_STR_KEYS, default=str
        )
        data = np.concatenate(parts) if parts else np.zeros(0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._path(key, ".npy"), partial(_save, data))
            write_atomically(self._path(key, ".json"), lambda aside: aside.write_bytes(text))
        except (OSError, PostrunError) as error:
            reason = error.__cause__ if isinstance(error, PostrunError) else error
            raise PostrunError(
                f"{self.folder}: the cache cannot be written: {getattr(reason, 'strerror', None) or reason}. "
                "Set POSTRUN_CACHE_DIR to a folder with room."
            ) from error
        return places

    def used(self, keys: Sequence[str]) -> None:
        """Note that entries were used now: they are deleted last."""
        for key in keys:
            with suppress(OSError):
                os.utime(self._name(key, ".json"))

    def prune(self, limit: int = LIMIT) -> None:
        """Delete what was used longest ago until the cache holds at most `limit` bytes."""
        entries = []
        for path in self.folder.glob("??/*.json"):
            with suppress(OSError):
                columns = path.with_suffix(".npy")
                entries.append((path.stat().st_mtime, columns.stat().st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit:
                return
            for name in (path, path.with_suffix(".npy")):
                with suppress(OSError):
                    name.unlink()
            total -= size


def _save(data: Floats, aside: Path) -> None:
    with aside.open("wb") as file:  # given a name, NumPy would add a suffix to it
        np.save(file, data)
