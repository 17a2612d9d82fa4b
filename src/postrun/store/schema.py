"""What a store holds: its tables, its files, and how older ones are read.

    STORE/store.json                                     what this is, its version, the salt of masked values
    STORE/tables/STEM.{runs,metrics,findings}.parquet    batches of rows, never changed
    STORE/history/entity=E/project=P/run=R/SUM.parquet   one wide file per run, zstd; system/ and console/ too

A run is in the store when a batch with its row is: the file `STEM.runs.parquet` is written after all that its
rows name. Of several rows of one run the newest counts, so that writers need not know of each other.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import polars as pl

from postrun.store.storage import MARKER, Storage, StoreError

#: Version of the tables and files; a newer store is not touched.
VERSION = 1
TABLES = "tables"
STREAMS = ("history", "system", "console")
_FORMAT = "postrun store"
#: Stands in paths for an entity or project that is not known.
NOBODY = "_"

Schema = dict[str, Any]
_MOMENT = pl.Datetime("us", "UTC")
#: Texts and lists of a run's own.
RUNS: Schema = {
    **dict.fromkeys(("entity", "project", "id", "name", "group", "job_type", "sweep"), pl.String),
    "tags": pl.List(pl.String),
    **dict.fromkeys(("state", "ending"), pl.String),
    "failed": pl.Boolean,
    "started": _MOMENT,
    "runtime": pl.Float64,
    **dict.fromkeys(("framework", "host", "url", "commit", "repository"), pl.String),
    **dict.fromkeys(("exit_code", "rows", "first_step", "last_step", "reported_last_step"), pl.Int64),
    **dict.fromkeys(("whole", "sampled", "truncated"), pl.Boolean),
    "nonfinite": pl.Int64,
    "completeness": pl.String,
    **dict.fromkeys(("critical", "warning"), pl.Int64),
    "findings": pl.List(pl.String),
    **dict.fromkeys(("config", "summary", "masked"), pl.String),
    "gone": pl.Boolean,
    "bytes": pl.Int64,
    **dict.fromkeys(STREAMS, pl.String),
    "origin": pl.String,
    "written": pl.Datetime("ns", "UTC"),
    # For postrun itself.
    "entry": pl.Int64,
    **dict.fromkeys(("version", "features", "record", "about", "odd", "sums"), pl.String),
    "removed": pl.Boolean,
}  # fmt: skip
#: Columns of `runs` that are not shown.
INTERNAL = ("entry", "version", "features", "record", "about", "odd", "sums", "removed")
#: What tells which rows count.
KEYS = ("entry", "written", "origin", "entity", "project", "id", "rows", "removed")

_OWNER: Schema = {"entity": pl.String, "project": pl.String, "run": pl.String, "entry": pl.Int64}
METRICS: Schema = {
    **_OWNER,
    **dict.fromkeys(("metric", "role", "better", "unit"), pl.String),
    "central": pl.Boolean,
    **dict.fromkeys(("n", "bad"), pl.Int64),
    **dict.fromkeys(
        ("first_step", "last_step", "final", "low", "high", "best", "best_step"), pl.Float64
    ),
}
FINDINGS: Schema = {
    **_OWNER,
    "number": pl.Int64,
    **dict.fromkeys(("rule", "name", "severity"), pl.String),
    "confidence": pl.Float64,
    **dict.fromkeys(("message", "remedy", "metric"), pl.String),
    **dict.fromkeys(("step_from", "step_to"), pl.Float64),
    "evidence": pl.String,
}
#: Tables of several rows per run, and what tells these apart.
OWN = {"metrics": "metric", "findings": "number"}
SCHEMAS: dict[str, Schema] = {"runs": RUNS, "metrics": METRICS, "findings": FINDINGS}

#: Version to what makes a batch's table of that version one of the next: `f(table, frame)`. A version that only
#: adds columns needs none: they are null in older batches.
MIGRATIONS: dict[int, Callable[[str, pl.DataFrame], pl.DataFrame]] = {}

_STEM = re.compile(r"^(?P<moment>\d{19})-(?P<mark>[0-9a-f]{16})-v(?P<version>\d+)(?P<merged>m?)$")


@dataclass(frozen=True, slots=True)
class BatchName:
    """A batch's name: when it was written (Unix nanoseconds), by which version, whether it merges others."""

    name: str
    moment: int
    version: int
    merged: bool

    @classmethod
    def parse(cls, name: str) -> BatchName | None:
        """The stem of this name, None for another program's file."""
        found = _STEM.match(name)
        if found is None:
            return None
        return cls(name, int(found["moment"]), int(found["version"]), bool(found["merged"]))

    @classmethod
    def new(cls, moment: int, mark: int, merged: bool = False) -> BatchName:
        """A new one, of this version."""
        name = f"{moment:019d}-{mark:016x}-v{VERSION}{'m' if merged else ''}"
        return cls(name, moment, VERSION, merged)

    def file(self, table: str) -> str:
        """Where a table of the batch lies."""
        return f"{TABLES}/{self.name}.{table}.parquet"

    @property
    def replaces(self) -> str:
        """Where the names of the batches lie that this one took the place of."""
        return f"{TABLES}/{self.name}.replaces.json"


def migrated(table: str, frame: pl.DataFrame, version: int) -> pl.DataFrame:
    """A table as this version has it: older rows brought forward, missing columns null."""
    for step in range(version, VERSION):
        if step in MIGRATIONS:
            frame = MIGRATIONS[step](table, frame)
    schema = SCHEMAS[table]
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in schema.items()
    )


def hive(part: str) -> str:
    """A name as one folder of a partition; what would be too long for a file system is a hash of it."""
    text = quote(part, safe="") or NOBODY
    if len(text) <= 180:
        return text
    import hashlib

    return f"~{hashlib.sha256(part.encode('utf-8', 'replace')).hexdigest()[:32]}"


def folder(stream: str, entity: str, project: str, run: str) -> str:
    """Where a run's files of a stream lie."""
    return f"{stream}/entity={hive(entity)}/project={hive(project)}/run={hive(run)}"


def check(storage: Storage) -> int:
    """The version of the store that is here, 0 where none is; StoreError where it is newer or damaged."""
    about = _marker(storage)
    if about is None:
        return 0
    try:
        version = int(about["version"]) if about["format"] == _FORMAT else None
    except (ValueError, KeyError, TypeError):
        version = None
    if version is None:
        raise StoreError(
            storage.root,
            f"{MARKER} is not a store's",
            f'Where this is a store, write {{"format": "{_FORMAT}", "version": {VERSION}}} into it.',
        )
    if version > VERSION:
        raise StoreError(
            storage.root,
            f"a store of version {version}, and this postrun knows up to {VERSION}",
            "Upgrade postrun: pip install --upgrade postrun.",
        )
    return version


def _marker(storage: Storage) -> dict[str, Any] | None:
    """Return what the marker says, None without one, {} if it makes no sense; StoreError if it is not read."""
    try:
        about = orjson.loads(storage.read(MARKER))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(storage.root, f"{MARKER} cannot be read: {error.strerror}") from error
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def salt_of(storage: Storage) -> bytes:
    """Return the key of the hashes that tell masked values apart; b"" if an older version made the store."""
    try:
        return bytes.fromhex((_marker(storage) or {}).get("salt", ""))
    except (ValueError, TypeError):
        return b""


def create(storage: Storage) -> None:
    """Make a store here, or give one its salt; StoreError where that is not possible."""
    salt = salt_of(storage) or secrets.token_bytes(32)
    about = {"format": _FORMAT, "version": VERSION, "salt": salt.hex()}
    storage.write(MARKER, orjson.dumps(about, option=orjson.OPT_INDENT_2) + b"\n")
