"""A store of runs: many runs' tables and histories as lazy frames, wherever they lie."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl

from postrun.model import TargetError
from postrun.model.display import notebook
from postrun.store.roots import plain_root, storage
from postrun.store.schema import INTERNAL, STREAMS, VERSION, check, create, salt_of
from postrun.store.storage import Storage, StoreError
from postrun.store.tables import Rows, Tables, collected, stamped, write_batch

#: Seconds between batches, and most runs of one: what a killed process has to do again at most.
_EVERY, _MOST = 5.0, 256
#: Small batches from which on they are merged, for each costs every reader a few files; and what is small, in
#: bytes: larger ones are not written again and again while a store grows.
_MANY, _SMALL = 12, 64_000_000
_TIMES: dict[str, Any] = {"_step": pl.Int64, "_runtime": pl.Float64, "_timestamp": pl.Float64}
_CONSOLE = {"timestamp": pl.Float64, "stream": pl.String, "line": pl.String}
#: What the files of a run are found by.
PLACES = ("entity", "project", "id", "entry", "odd", *STREAMS)
#: Types of histories' columns by their names in `odd`; text where it is none of them.
_TYPES = {"Float64": pl.Float64, "Int64": pl.Int64, "Boolean": pl.Boolean}
#: How the names in the partitions' paths are read.
_HIVE = {"entity": pl.String, "project": pl.String, "run": pl.String}


class Store:
    """A store. Every property looks at it as it is at that moment.

    Attributes:
        left_out: Origins of runs that are passed over, for they are damaged.
        problems: What could not be read of the tables so far.

    Args:
        root: A folder, an object store's URL (`s3://bucket/prefix`), or "store:" for the user's own.
        write: It is to be written to; it is made where there is none.

    Raises:
        TargetError: There is no store; StoreError: it is of a newer version, or cannot be read or written.
    """

    def __init__(self, root: str, *, write: bool = False) -> None:
        self.storage: Storage = storage(plain_root(root))
        self.left_out: Collection[str] = ()
        self.problems: list[StoreError] = []
        version = check(self.storage)
        if not version and not write:
            raise TargetError(
                self.storage.root, "no store is here", "Make one: postrun pull TARGET --store DIR."
            )
        if write and (version < VERSION or not self.salt):
            create(self.storage)

    def _repr_html_(self) -> str:
        return notebook(self)

    @property
    def root(self) -> str:
        """Where it lies."""
        return self.storage.root

    @property
    def salt(self) -> bytes:
        """The key of the hashes that tell masked values apart; b"" if an older version made the store."""
        return salt_of(self.storage)

    def tables(self) -> Tables:
        """The tables as they are now."""
        return Tables(self.storage, self.left_out, self.problems)

    @property
    def runs(self) -> pl.LazyFrame:
        """One row per run: identity, state, completeness, findings (rule codes), config and summary (JSON).

        `started` and `written` are UTC, `runtime` is in seconds; `gone` marks what its server has no more.
        """
        return self.tables().runs().drop(INTERNAL)

    @property
    def metrics(self) -> pl.LazyFrame:
        """One row per run and numeric metric: role, values and steps; `final` is the median of the last 5%."""
        return self.tables().table("metrics").drop("entry")

    @property
    def findings(self) -> pl.LazyFrame:
        """One row per run and finding, worst first; symptoms follow their causes. `evidence` is JSON."""
        return self.tables().table("findings").drop("entry")

    def history(
        self, metrics: Sequence[str] | None = None, where: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """Rows of all runs that log any of `metrics`.

        Columns: entity, project, run, `_step`, `_runtime`, `_timestamp` (seconds), metrics.

        Only the named columns are read; a run without a metric has nulls there. Numbers are Float64; a metric
        that no run logs as a number is text.

        Args:
            metrics: Columns of histories; all where None.
            where: A condition on the columns of `runs`.
        """
        found = self.rows_of_histories(metrics, where)
        times = {*_HIVE, *_TIMES}
        asked = [name for name in found.collect_schema() if name not in times]
        return (
            found.filter(pl.any_horizontal(pl.selectors.by_name(*asked).is_not_null()))
            if asked
            else found
        )

    def names(self) -> list[str]:
        """All columns that histories have beyond steps and times."""
        tables = self.tables()
        return _names(tables, odd_columns(_chosen(tables, None)))

    def system(self, where: pl.Expr | None = None) -> pl.LazyFrame:
        """System metrics of all runs: entity, project, run, `_timestamp`, `_runtime`, metrics."""
        return self._stream(_chosen(self.tables(), where), "system", None)

    def console(self, where: pl.Expr | None = None) -> pl.LazyFrame:
        """Console lines of all runs: entity, project, run, timestamp, stream, line."""
        return self._stream(_chosen(self.tables(), where), "console", _CONSOLE)

    def rows_of_histories(
        self, metrics: Sequence[str] | None = None, where: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """`history` with the rows that log none of the metrics as well."""
        tables = self.tables()
        chosen = _chosen(tables, where)
        here = chosen.filter(pl.col("history").fill_null("") != "")
        odd = odd_columns(here)
        if metrics is None:
            metrics = _names(tables, odd)
        asked = list(dict.fromkeys(m for m in metrics if m not in _TIMES))
        texts = _texts(tables, asked, odd)
        wanted = {m: pl.String if m in texts else pl.Float64 for m in asked}
        parts = []
        for schema, numbers in by_types(here, odd, asked):
            names = here["history"].gather(numbers).to_list()
            found = self._scan(names, {**_TIMES, **schema}, here, "history")
            parts.append(
                found.with_columns(
                    pl.selectors.by_name(m).cast(t, strict=False) for m, t in wanted.items()
                )
            )
        return _together(parts, {**_HIVE, **_TIMES, **wanted})

    def columns(self, names: Sequence[str], schema: Mapping[str, Any]) -> pl.LazyFrame:
        """Columns of history files, one file after another in the order given; null where one has none."""
        return pl.scan_parquet(
            [self.storage.full(name) for name in names],
            schema=dict(schema),
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=self.storage.options,
            hive_partitioning=False,
            glob=False,
        )

    def _stream(
        self, chosen: pl.DataFrame, stream: str, schema: dict[str, Any] | None
    ) -> pl.LazyFrame:
        here = chosen.filter(pl.col(stream).fill_null("") != "")
        names = here[stream].to_list()
        if schema is not None:
            return _together(
                [self._scan(names, schema, here, stream)] if names else [], {**_HIVE, **schema}
            )
        # Nothing tells the columns before the files are asked; the same hardware gives the same ones.
        parts = [self._scan([name], None, here, stream) for name in names]
        return pl.concat(parts, how="diagonal_relaxed") if parts else pl.LazyFrame(schema=_HIVE)

    def _scan(
        self, names: Sequence[str], schema: dict[str, Any] | None, here: pl.DataFrame, stream: str
    ) -> pl.LazyFrame:
        """Files of a stream, with whose they are."""

        def lazy(paths: Sequence[str], hive: bool) -> pl.LazyFrame:
            return pl.scan_parquet(
                [self.storage.full(path) for path in paths],
                schema=schema,
                hive_partitioning=hive,
                hive_schema=_HIVE if hive else None,
                try_parse_hive_dates=False,
                missing_columns="insert",
                extra_columns="ignore",
                storage_options=self.storage.options,
                glob=False,
            )

        def owned(entity: str | None, project: str | None, run: str | None) -> list[pl.Expr]:
            """The owner's columns: those of the path where None."""
            given = {"entity": entity, "project": project, "run": run}
            return [
                pl.col(k) if v is None else pl.lit(v, pl.String).alias(k) for k, v in given.items()
            ]

        wanted, parts = set(names), []
        groups: dict[tuple[str | None, str | None, str | None], list[str]] = {}
        for entity, project, run, name in here.select(
            "entity", "project", "id", stream
        ).iter_rows():
            if name not in wanted:
                continue
            if "=~" in name:  # what has too long a name for a folder lies under a hash of it
                parts.append(lazy([name], False).select(*owned(entity, project, run), pl.all()))
            else:  # what is not known has a name of its own there
                groups.setdefault((entity and None, project and None, None), []).append(name)
        for owner, paths in groups.items():
            parts.append(lazy(paths, True).select(*owned(*owner), pl.exclude(*_HIVE)))
        return pl.concat(parts, how="diagonal_relaxed")

    @cached_property
    def writer(self) -> Writer:
        """What adds rows."""
        return Writer(self.storage)


class Writer:
    """Adds the rows of runs to a store in batches: one every few seconds."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._rows = Rows()
        self._last = time.monotonic()
        self._batches = 0

    def add(self, rows: Rows) -> None:
        """Take rows in; they are in the store after `flush` at the latest."""
        self._rows.add(rows)
        if len(self._rows.runs) >= _MOST or time.monotonic() - self._last > _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in; StoreError where that is not possible."""
        rows, self._rows = self._rows, Rows()
        self._last = time.monotonic()
        if rows.runs:
            frames = rows.frames()
            write_batch(self.storage, frames | {"runs": stamped(frames["runs"])})
            self._batches += 1
            if self._batches % _MANY == 0:
                self._merge()

    def close(self) -> None:
        """Write the rest, and merge batches where they have become many."""
        self.flush()
        if len(Tables(self.storage).stems) > _MANY:
            self._merge()

    def _merge(self) -> None:
        from postrun.store.maintenance import compact

        compact(self.storage, _SMALL)


def _chosen(tables: Tables, where: pl.Expr | None) -> pl.DataFrame:
    """Of the runs that fit a condition, what their files are found by."""
    runs = tables.runs()
    fitting = runs if where is None else runs.filter(where)
    return collected(fitting.select(PLACES), tables.storage.root)


Odd = dict[str, dict[str, str]]


def odd_columns(runs: pl.DataFrame) -> Odd:
    """History file to those of its columns that are not Float64, and their types."""
    rows = runs.select("history", "odd").iter_rows()
    return {name: json.loads(text) for name, text in rows if name and text}


def by_types(
    runs: pl.DataFrame, odd: Odd, names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Runs whose columns have the same types: these, and the runs' numbers. A scan takes one type a column."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, path in enumerate(runs["history"].to_list()):
        kinds = odd.get(path, {})
        default = (kinds.get(m, "Int64" if m == "_step" else "Float64") for m in names)
        groups.setdefault(tuple(default), []).append(number)
    for types, numbers in groups.items():
        yield {m: _TYPES.get(t, pl.String) for m, t in zip(names, types, strict=True)}, numbers


def _names(tables: Tables, odd: Odd) -> list[str]:
    rows = tables.table("metrics").select("metric").unique().collect()
    return sorted({*rows["metric"], *(name for kinds in odd.values() for name in kinds)})


def _texts(tables: Tables, asked: Sequence[str], odd: Odd) -> set[str]:
    """Of the columns asked for, those that are text and that no run has as a number."""
    kinds = {m: {of[m] for of in odd.values() if m in of} for m in asked}
    texts = [m for m, found in kinds.items() if found == {"String"}]
    if not texts:
        return set()
    known = tables.table("metrics").filter(pl.col("metric").is_in(texts)).select("metric")
    return set(texts) - set(known.collect()["metric"])


def _together(parts: Iterable[pl.LazyFrame], schema: dict[str, Any]) -> pl.LazyFrame:
    found = list(parts)
    return pl.concat(found, how="vertical") if found else pl.LazyFrame(schema=schema)
