"""The tables of a store: batches of rows that are never changed, read as one.

Each writer adds batches under names of its own; merging writes one batch and a list of those that it takes
the place of, which are left lying for whoever still reads them. So nobody waits for anybody, and a process that
is killed leaves at most files that no batch names.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
import polars as pl

from postrun.store.schema import KEYS, OWN, RUNS, SCHEMAS, TABLES, VERSION, BatchName, migrated
from postrun.store.storage import Listed, Storage, StoreError

#: Rows of a table that are read together: of metrics so few that one metric's are some of them, of runs so few
#: that one run's config and all that belongs to it is had without those of thousands.
_GROUPS = {"runs": 128, "metrics": 32_768, "findings": 32_768}


@dataclass(slots=True)
class Rows:
    """What becomes one batch: rows of each table."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Rows) -> None:
        """Take in the rows of another run."""
        self.runs += other.runs
        self.metrics += other.metrics
        self.findings += other.findings

    def frames(self) -> dict[str, pl.DataFrame]:
        """The tables."""
        return {
            name: pl.DataFrame(getattr(self, name), schema=schema, orient="row")
            for name, schema in SCHEMAS.items()
        }


def parquet(frame: pl.DataFrame, group: int | None = None) -> bytes:
    """A frame as a Parquet file's bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", row_group_size=group)
    return buffer.getvalue()


def write_batch(
    storage: Storage, frames: Mapping[str, pl.DataFrame], replaces: Sequence[str] = ()
) -> BatchName:
    """Write a batch; it counts once its runs are written, which comes last."""
    merged = bool(replaces)
    stem = BatchName.new(time.time_ns(), secrets.randbits(64), merged)
    order = {
        "metrics": ["metric", "entity", "project", "run"],
        "findings": ["entity", "project", "run"],
    }
    for name, by in order.items():
        storage.write(
            stem.file(name), parquet(frames[name].sort(by, maintain_order=True), _GROUPS[name])
        )
    if merged:
        storage.write(stem.replaces, orjson.dumps(list(replaces)))
    storage.write(stem.file("runs"), parquet(frames["runs"], _GROUPS["runs"]))
    return stem


def stamped(runs: pl.DataFrame) -> pl.DataFrame:
    """Rows of runs as written now."""
    moment = pl.lit(time.time_ns(), pl.Int64).cast(RUNS["written"]).alias("written")
    return runs.with_columns(moment)


def scan_batch(storage: Storage, table: str, stem: BatchName) -> pl.LazyFrame:
    """A table of one batch, as this version has it."""
    path = storage.full(stem.file(table))
    if stem.version == VERSION:
        return pl.scan_parquet(
            [path],
            schema=SCHEMAS[table],
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=storage.options,
            glob=False,
        )
    frame = pl.read_parquet(path, storage_options=storage.options)
    return migrated(table, frame, stem.version).lazy()


class Tables:
    """The tables as they were at one moment, without the runs of the origins `left_out`.

    Attributes:
        problems: What could not be read; the rest is there.
        stems: The batches that count.
        replaced: Those that a merged batch took the place of.
    """

    def __init__(
        self,
        storage: Storage,
        left_out: Collection[str] = (),
        problems: list[StoreError] | None = None,
    ) -> None:
        self.storage = storage
        self.problems: list[StoreError] = [] if problems is None else problems
        self._left_out = left_out
        self._doubled = False
        self.files: dict[str, Listed] = {item.name: item for item in storage.listed(TABLES)}
        self.stems, self.replaced = self._counting()

    def _counting(self) -> tuple[list[BatchName], set[str]]:
        suffix = ".runs.parquet"
        names = [
            n.removeprefix(f"{TABLES}/").removesuffix(suffix)
            for n in self.files
            if n.endswith(suffix)
        ]
        stems = sorted(
            (stem for name in names if (stem := BatchName.parse(name)) is not None),
            key=lambda s: s.name,
        )
        replaced: set[str] = set()
        for stem in stems:
            if stem.merged and stem.replaces in self.files:
                try:
                    replaced.update(map(str, orjson.loads(self.storage.read(stem.replaces))))
                except (OSError, ValueError):
                    self._noted(stem.replaces)
        return [stem for stem in stems if stem.name not in replaced], replaced

    @cached_property
    def rows(self) -> pl.DataFrame:
        """One row per run that counts: `KEYS` and `batch`, by when they were written.

        Of the rows of one origin the newest; of several origins of one run (copies of a log) the one with most
        rows, then the newest. Removed runs are left out.
        """
        order = ["rows", "written", "entry"]
        return (
            self.kept.sort(order, nulls_last=False)
            .unique(["entity", "project", "id"], keep="last", maintain_order=True)
            .sort("written", "entry")
        )

    @cached_property
    def kept(self) -> pl.DataFrame:
        """Of `origins`, what was not removed: copies of a run as well."""
        return self.origins.filter(~pl.col("removed").fill_null(False))

    @cached_property
    def origins(self) -> pl.DataFrame:
        """The newest row of each origin, removed or not: `KEYS`, `batch`, and `at`, its place in the batch."""
        schema = {name: RUNS[name] for name in KEYS} | {"at": pl.Int64, "batch": pl.Int64}
        parts = [pl.DataFrame(schema=schema)]
        for number, stem in enumerate(self.stems):
            try:
                part = self._keys(stem)
            except (pl.exceptions.PolarsError, OSError):
                self._noted(stem.file("runs"))
                continue
            parts.append(part.with_columns(pl.lit(number, pl.Int64).alias("batch")))
        found = pl.concat(parts)
        self._doubled = len(parts) > 2 and bool(
            found.select("entry", "written").is_duplicated().any()
        )
        return (
            found.filter(~pl.col("origin").is_in(list(self._left_out)))
            .sort("written", "entry", "batch")
            .unique("origin", keep="last", maintain_order=True)
        )

    def size(self, stem: BatchName) -> int:
        """Bytes of a batch's tables."""
        files = (self.files.get(stem.file(name)) for name in SCHEMAS)
        return sum(item.size for item in files if item is not None)

    def _keys(self, stem: BatchName) -> pl.DataFrame:
        keys = self._scan("runs", stem).select(KEYS).collect()
        at = pl.int_range(pl.len(), dtype=pl.Int64).alias("at")
        return keys.with_columns(at)

    def _scan(self, table: str, stem: BatchName) -> pl.LazyFrame:
        return scan_batch(self.storage, table, stem)

    def runs(self, chosen: pl.DataFrame | None = None) -> pl.LazyFrame:
        """The `runs` table, in the order of `rows`; of `chosen` rows of it only."""
        rows = self.rows if chosen is None else chosen
        keys = rows.select("entry", "written", "batch").unique(["entry", "written"])
        parts = []
        for number in sorted(set(keys["batch"].to_list())):
            wanted = keys.filter(pl.col("batch") == number).drop("batch").lazy()
            part = self._scan("runs", self.stems[number])
            parts.append(part.join(wanted, on=["entry", "written"], how="semi"))
        if not parts:
            return pl.LazyFrame(schema=RUNS)
        return pl.concat(parts)

    def table(
        self,
        name: str,
        chosen: pl.DataFrame | None = None,
        stems: Sequence[BatchName] | None = None,
    ) -> pl.LazyFrame:
        """The `metrics` or `findings` of the runs that count, or of `chosen` ones; of some batches only."""
        rows = self.rows if chosen is None else chosen
        wanted = rows.select("entry").unique().lazy()
        parts = [
            self._scan(name, stem).join(wanted, on="entry", how="semi")
            for stem in (self.stems if stems is None else stems)
            if self._sound(stem.file(name))
        ]
        if not parts:
            return pl.LazyFrame(schema=SCHEMAS[name])
        found = pl.concat(parts)
        # Two may have merged the same batches at a time.
        return found.unique(["entry", OWN[name]]) if self._doubled else found

    def _noted(self, name: str) -> None:
        problem = StoreError(
            self.storage.full(name),
            "not readable: the runs in it are missing from the table",
            "Delete it, and pull their targets again.",
        )
        if str(problem) not in map(str, self.problems):
            self.problems.append(problem)

    def _sound(self, name: str) -> bool:
        """True where a file's end, which says what it holds, can be read."""
        try:
            pl.scan_parquet(
                self.storage.full(name), storage_options=self.storage.options, glob=False
            ).collect_schema()
        except (pl.exceptions.PolarsError, OSError):
            self._noted(name)
            return False
        return True


def rewrite(tables: Tables, rows: pl.DataFrame, **changes: Any) -> None:
    """Write rows of `Tables.origins` again with other values; those of the other tables stay theirs."""
    values = (pl.lit(value, RUNS[name]).alias(name) for name, value in changes.items())
    frame = collected(tables.runs(rows), tables.storage.root).with_columns(values)
    empty = {name: pl.DataFrame(schema=SCHEMAS[name]) for name in ("metrics", "findings")}
    write_batch(tables.storage, {"runs": stamped(frame), **empty})


def collected(lazy: pl.LazyFrame, root: str) -> pl.DataFrame:
    """The rows of tables; StoreError where one is damaged within, behind an end that could be read."""
    try:
        return lazy.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise StoreError(
            root, f"a table is damaged: {first}", f"This says which: postrun store verify {root}"
        ) from error
