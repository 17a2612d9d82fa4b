"""Looking after a store: is everything there, are its tables in few files, what can go."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from postrun.store.pack import where
from postrun.store.schema import OWN, SCHEMAS, STREAMS, TABLES
from postrun.store.storage import Listed, Storage, StoreError, is_left_over
from postrun.store.tables import Tables, collected, rewrite, write_batch

#: Seconds for which what nobody names is left lying: a writer may be about to name it, a reader still read it.
GRACE = 24 * 3600.0
_READERS = 4
#: What `verify` asks of the table of runs.
_LOOKED_AT = ("id", "origin", "rows", "sums", *STREAMS)


@dataclass(slots=True)
class Verdict:
    """What `verify` found: `problems` are sentences, one per file; the rest are counts and bytes."""

    runs: int = 0
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    unnamed: int = 0
    unnamed_bytes: int = 0
    batches: int = 0
    copies: int = 0
    damaged: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """True where nothing is damaged or missing."""
        return not self.problems


def verify(
    storage: Storage, quick: bool = False, advance: Callable[[int], None] = lambda rows: None
) -> Verdict:
    """Look at every file that the tables name: is it there, of its size, with its checksum, readable?

    `quick` looks at names alone. `damaged` are the origins of runs that must be pulled again.
    """
    tables = Tables(storage)
    out = Verdict(runs=tables.rows.height, batches=len(tables.stems))
    out.copies = tables.kept.height - out.runs
    here = {item.name: item for stream in STREAMS for item in storage.listed(stream)}
    torn = list(_torn(tables))
    try:
        rows = list(_all_rows(tables, _LOOKED_AT))
    except StoreError:
        rows = []  # why is told by what is torn
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lambda row: _looked_at(storage, here, row, quick), rows)
        for row, problems in zip(rows, found, strict=True):
            out.problems += problems
            if problems:
                out.damaged.append(row["origin"])
            advance(row["rows"] or 0)
    named = {row[stream] for row in rows for stream in STREAMS if row[stream]}
    out.files = len(named)
    out.bytes = sum(here[name].size for name in named if name in here)
    loose = [item for name, item in here.items() if name not in named]
    out.unnamed, out.unnamed_bytes = len(loose), sum(item.size for item in loose)
    out.problems += torn or map(str, tables.problems)
    return out


def _all_rows(tables: Tables, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of all origins that were not removed: copies of a run have files as well."""
    yield from collected(tables.runs(tables.kept).select(columns), tables.storage.root).iter_rows(
        named=True
    )


def _looked_at(
    storage: Storage, here: Mapping[str, Listed], row: Mapping[str, Any], quick: bool
) -> list[str]:
    """What is wrong with the files of a run."""
    sums, found = json.loads(row["sums"]), []
    for stream in STREAMS:
        if name := row[stream]:
            if name not in here:
                found.append(f"{storage.full(name)}: missing, {row['id']} names it")
            elif not quick and (
                problem := _within(
                    storage, name, sums[stream], row["rows"] if stream == "history" else None
                )
            ):
                found.append(f"{storage.full(name)}: {problem}")
    return found


def _within(storage: Storage, name: str, digest: str, rows: int | None) -> str:
    """What is wrong with a file that is there, "" for nothing; None for any number of rows."""
    try:
        data = storage.read(name)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if hashlib.sha256(data).hexdigest() != digest:
        return "not what was written: its checksum differs"
    try:
        height = pl.read_parquet(io.BytesIO(data)).height
    except pl.exceptions.PolarsError as error:
        return f"not readable: {str(error).strip().splitlines()[0]}"
    return "" if rows is None or height == rows else f"{height} rows, and the table says {rows}"


def _torn(tables: Tables) -> Iterator[str]:
    """Tables that are damaged, or lie about the others."""
    for stem in tables.stems:
        for name in SCHEMAS:
            path = stem.file(name)
            if path not in tables.files:
                yield f"{tables.storage.full(path)}: missing"
                continue
            try:
                pl.read_parquet(io.BytesIO(tables.storage.read(path)))
            except (pl.exceptions.PolarsError, OSError) as error:
                first = str(error).strip().splitlines()[0]
                yield f"{tables.storage.full(path)}: not readable: {first}"


def compact(storage: Storage, below: int | None = None) -> tuple[int, int]:
    """Merge the batches of the tables into one; how many there were before, and are now.

    The merged ones stay until `prune` takes them, for they may be read just now.

    Args:
        place: Where the store lies.
        below: Merge only batches of fewer bytes than this; None for all.

    Raises:
        StoreError: A batch cannot be read (what it holds would be lost), or the new one not written.
    """
    tables = Tables(storage)
    before = len(tables.stems)
    stems = [s for s in tables.stems if below is None or tables.size(s) < below]
    if len(stems) < 2:
        return before, before
    numbers = [tables.stems.index(stem) for stem in stems]
    # Removed runs as well: another writer may not know yet that they are.
    kept = tables.origins.filter(pl.col("batch").is_in(numbers))
    frames = {"runs": collected(tables.runs(kept), storage.root)}
    for name, key in OWN.items():
        # Of all rows that count, for one may have been written again elsewhere; each once, whoever else merged.
        found = tables.table(name, tables.origins, stems).unique(["entry", key])
        frames[name] = collected(found, storage.root)
    if tables.problems:
        first = tables.problems[0]
        raise StoreError(storage.root, f"{first.target}: {first.problem}", first.remedy)
    # What the merged ones replaced stays replaced when these are gone.
    stem = write_batch(storage, frames, [*(s.name for s in stems), *sorted(tables.replaced)])
    written = pl.read_parquet(io.BytesIO(storage.read(stem.file("runs"))), columns=["entry"])
    if written.height != kept.height:  # believed only when it was read back
        raise StoreError(
            storage.root, f"{stem.file('runs')} does not hold what was written into it"
        )
    return before, before - len(stems) + 1


@dataclass(slots=True)
class Pruned:
    """What `prune` deleted, or would: files and bytes, and rows of the table by reason."""

    files: int = 0
    bytes: int = 0
    rows: Counter[str] = field(default_factory=Counter)


def prune(
    storage: Storage,
    *,
    gone: bool = False,
    copies: bool = False,
    older: float = GRACE,
    dry: bool = False,
) -> Pruned:
    """Delete what is not needed: files that nothing names, merged batches, what killed writers left.

    Args:
        place: Where the store lies.
        gone: Forget runs that their server has no more.
        copies: Forget runs of which a longer copy is here.
        older: Only files that have not changed for so many seconds.
        dry: Count, and delete nothing.
    """
    out = Pruned()
    tables = Tables(storage)
    kept = tables.kept
    if tables.problems:
        raise StoreError(
            storage.root,
            f"nothing is deleted from a damaged store: {tables.problems[0].target}: "
            f"{tables.problems[0].problem}",
            tables.problems[0].remedy,
        )
    forgotten = _forgotten(tables, kept, gone, copies)
    for reason, rows in forgotten.items():
        out.rows[reason] += rows.height
        if rows.height and not dry:
            _forget(tables, rows)
    if not dry and any(rows.height for rows in forgotten.values()):
        tables = Tables(storage)
    named = {row[s] for row in _all_rows(tables, STREAMS) for s in STREAMS if row[s]}
    dead = {
        path
        for name in tables.replaced
        for path in tables.files
        if path.removeprefix(f"{TABLES}/").startswith(f"{name}.")
    }
    before = time.time() - older
    for item in storage.listed(""):
        top = item.name.partition("/")[0]
        loose = item.name in dead or is_left_over(item.name)
        loose |= top in STREAMS and item.name not in named
        loose |= top == TABLES and _headless(item.name, tables)
        if loose and item.modified <= before:
            out.files += 1
            out.bytes += item.size
            if not dry:
                storage.delete(item.name)
    return out


def _headless(name: str, tables: Tables) -> bool:
    """True for a table of a batch whose runs were never written."""
    stem = name.partition(".")[0]
    return name.endswith((".parquet", ".json")) and f"{stem}.runs.parquet" not in tables.files


def _forgotten(
    tables: Tables, kept: pl.DataFrame, gone: bool, copies: bool
) -> dict[str, pl.DataFrame]:
    out = {}
    if gone:
        lazy = tables.runs(kept).filter(pl.col("gone")).select("entry")
        marked = collected(lazy, tables.storage.root)
        out["gone"] = kept.join(marked, on="entry", how="semi")
    if copies:
        out["copies"] = kept.join(tables.rows, on="origin", how="anti")
    return out


def _forget(tables: Tables, rows: pl.DataFrame) -> None:
    """Write that runs are not in the store any more: later rows that say so."""
    blank = dict.fromkeys(("record", "about", "odd", "sums", *STREAMS), "")
    rewrite(tables, rows, removed=True, **blank)


def damaged_targets(verdict: Verdict) -> list[str]:
    """What to pull again, as targets."""
    return sorted({where(origin) for origin in verdict.damaged})
