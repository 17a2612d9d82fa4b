"""The store's tables as three Delta tables, behind the same questions: what `delta` measures today's beside.

One commit holds rows of one table only, so a run counts once its row of `runs` is committed, which comes last;
rows of `metrics` and `findings` count if their `entry` is in `runs`. A run that is written again is either
appended (`newest`, its newest row counts, as today) or replaces its row (`MERGE`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import polars as pl
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from postrun.store.schema import INTERNAL, KEYS, RUNS, SCHEMAS
from postrun.store.storage import REMEDY, StoreError

#: Rows that are read together, as today.
_WRITING = {
    name: WriterProperties(compression="ZSTD", max_row_group_size=group)
    for name, group in (("runs", 128), ("metrics", 32_768), ("findings", 32_768))
}
_ORDER = {
    "metrics": ["metric", "entity", "project", "run"],
    "findings": ["entity", "project", "run"],
}
_RETRIES = CommitProperties(max_commit_retries=100)
#: Every reader reads all commits since the last checkpoint: 0.5 ms each.
_SETTINGS = {"delta.checkpointInterval": "10"}
#: Delta knows microseconds.
_MOMENT = pl.Datetime("us", "UTC")
_TYPES = {name: dict(schema) for name, schema in SCHEMAS.items()}
_TYPES["runs"]["written"] = _MOMENT


class DeltaTables:
    """Tables below a root.

    Attributes:
        conflicts: Commits of this object that were tried again, for another writer had changed the same rows.
    """

    def __init__(self, root: str, options: dict[str, str] | None = None) -> None:
        self.root, self.options = root, options
        self.conflicts = 0
        self._open: dict[str, DeltaTable] = {}

    def table(self, name: str) -> DeltaTable:
        """Return a table as it is now; TableNotFoundError if it was never written."""
        if name in self._open:
            self._open[name].update_incremental()
        else:
            self._open[name] = DeltaTable(f"{self.root}/{name}", storage_options=self.options)
        return self._open[name]

    def scan(self, name: str) -> pl.LazyFrame:
        """Return all rows of a table; none if it was never written."""
        try:
            return pl.scan_delta(self.table(name))
        except TableNotFoundError:
            return pl.LazyFrame(schema=_TYPES[name])

    def append(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Add the rows of runs; StoreError if they cannot be written."""
        for name in ("metrics", "findings"):
            self._append(name, frames[name].sort(_ORDER[name], maintain_order=True))
        self._append("runs", stamped(frames["runs"]))

    def replace(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Add the rows of runs in the place of their older ones."""
        for name in ("metrics", "findings"):
            self._append(name, frames[name].sort(_ORDER[name], maintain_order=True))
        new = stamped(frames["runs"])

        def merged() -> None:
            merger = self.table("runs").merge(
                new, "old.origin = new.origin", source_alias="new", target_alias="old",
                writer_properties=_WRITING["runs"], commit_properties=_RETRIES,
            )  # fmt: skip
            merger.when_matched_update_all().when_not_matched_insert_all().execute()

        self._again(merged)

    def delete(self, ids: list[str]) -> None:
        """Delete runs, and their rows in all tables."""
        words = ", ".join(f"'{one}'" for one in ids)
        for name, key in (("runs", "id"), ("metrics", "run"), ("findings", "run")):
            self._again(
                lambda n=name, k=key: self.table(n).delete(  # type: ignore[misc]
                    f"{k} in ({words})", writer_properties=_WRITING[n], commit_properties=_RETRIES
                )
            )

    def compact(self, *, sort: bool = False) -> None:
        """Merge small files; with `sort`, write `metrics` sorted by metric."""
        for name in SCHEMAS:
            self._again(lambda n=name: self._compact(n, sort))  # type: ignore[misc]

    def _compact(self, name: str, sort: bool) -> None:
        optimizer, how = self.table(name).optimize, _WRITING[name]
        if sort and name == "metrics":
            optimizer.z_order(["metric"], writer_properties=how, commit_properties=_RETRIES)
        else:
            optimizer.compact(writer_properties=how, commit_properties=_RETRIES)
        self.table(name).create_checkpoint()

    def vacuum(self) -> int:
        """Delete files that no version needs; how many."""
        return sum(
            len(self.table(n).vacuum(0, dry_run=False, enforce_retention_duration=False))
            for n in SCHEMAS
        )

    def _append(self, name: str, frame: pl.DataFrame) -> None:
        where = f"{self.root}/{name}"

        def added() -> None:
            write_deltalake(
                self._open.get(name) or where, frame, mode="append", storage_options=self.options,
                writer_properties=_WRITING[name], commit_properties=_RETRIES, configuration=_SETTINGS,
            )  # fmt: skip
            if name not in self._open:
                self.table(name)

        self._again(added)

    def _again(self, job: Callable[[], object], tries: int = 50) -> None:
        """Do what another writer may get in the way of; Delta repeats an append, but not beside a DELETE."""
        for left in reversed(range(tries)):
            try:
                with said(self.root):
                    job()
                return
            except CommitFailedError:
                self.conflicts += 1
                self._open.clear()
                if not left:
                    raise

    @cached_property
    def rows(self) -> pl.DataFrame:
        """One row per run that counts: of an origin the newest, of several copies of a run the longest."""
        found = self.scan("runs").select(KEYS).collect()
        return (
            found.sort("written", "entry")
            .unique("origin", keep="last", maintain_order=True)
            .filter(~pl.col("removed").fill_null(False))
            .sort("rows", "written", "entry", nulls_last=False)
            .unique(["entity", "project", "id"], keep="last", maintain_order=True)
            .sort("written", "entry")
        )


class DeltaStore:
    """What a query asks of a store, answered by Delta tables."""

    def __init__(self, root: str, options: dict[str, str] | None = None) -> None:
        self._where = root, options

    @property
    def runs(self) -> pl.LazyFrame:
        """As `Store.runs`."""
        return self._counting("runs").drop(INTERNAL)

    @property
    def metrics(self) -> pl.LazyFrame:
        """As `Store.metrics`."""
        return self._counting("metrics").drop("entry")

    @property
    def findings(self) -> pl.LazyFrame:
        """As `Store.findings`."""
        return self._counting("findings").drop("entry")

    def names(self) -> list[str]:
        """As `Store.names`."""
        return sorted(self.metrics.select("metric").unique().collect()["metric"])

    def system(self) -> pl.LazyFrame:
        """Nothing: files of runs are no part of the trial."""
        return pl.LazyFrame()

    console = system

    def _counting(self, name: str) -> pl.LazyFrame:
        tables = DeltaTables(*self._where)
        keys = tables.rows.select("entry").lazy()
        return tables.scan(name).join(keys, on="entry", how="semi")


def stamped(runs: pl.DataFrame) -> pl.DataFrame:
    """Return rows of runs as written now."""
    moment = pl.lit(time.time_ns() // 1000, pl.Int64).cast(_MOMENT).alias("written")
    return runs.with_columns(moment).select(list(RUNS))


@contextmanager
def said(root: str) -> Iterator[None]:
    """Turn what the Rust runtime raises, panics included, into a StoreError; conflicts are the caller's."""
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError) as error:
        raise StoreError(root, _problem(error), REMEDY) from error
    except BaseException as error:  # a panic of the Rust runtime is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise StoreError(root, _problem(error), REMEDY) from error


def _problem(error: BaseException) -> str:
    return f"the store cannot be written: {str(error).splitlines()[0]}"
