"""Runs that were taken from a store together: what is asked of one of them is read for all at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from postrun.model import Run, TargetError
from postrun.stats.robust import Floats, Ints
from postrun.store.pack import read_run
from postrun.store.roots import near_storage
from postrun.store.schema import METRICS, BatchName
from postrun.store.store import Store, by_types, odd_columns
from postrun.store.tables import Tables, collected, scan_batch

Bools = NDArray[np.bool_]
#: A column's values, and which rows have one, None for all.
Column = tuple[Floats, Bools | None]
#: Values of a column of all runs that are read at once; beyond, each run is read when it is asked for.
_MOST = 100_000_000
#: Below so many runs, nothing is gained.
_FEW = 4
_FACTS = [name for name in METRICS if name not in ("entity", "project", "run", "entry", "metric")]


class StoredRuns:
    """Runs of a store.

    Args:
        store: The store.
        tables: Its tables.
        rows: Of `Tables.rows`, those of the runs, with the columns `history`, `odd`, `features` and `version`
            of `runs`.
    """

    def __init__(self, store: Store, tables: Tables, rows: pl.DataFrame) -> None:
        self.store, self.tables, self.rows = store, tables, rows
        self._at = {entry: i for i, entry in enumerate(rows["entry"].to_list())}
        self._features = rows["features"].to_list()
        self._versions = rows["version"].to_list()
        self.salt = store.salt
        self._histories = rows["history"].to_list()
        self._counts = [n or 0 for n in rows["rows"].to_list()]
        self._together = len(self._at) >= _FEW and sum(self._counts) <= _MOST
        self._records: dict[int, str] = {}
        self._shown: dict[int, dict[str, Any]] = {}
        self._facts: dict[frozenset[str] | None, dict[int, dict[str, dict[str, Any]]]] = {}
        self._columns: dict[str, dict[int, Column]] = {}

    def record(
        self, entry: int, features: str, only: frozenset[str] | None
    ) -> dict[str, Any] | None:
        """What was computed of a run, with the metrics of `only`; None where other rules did it."""
        if self._features[self._at[entry]] != features:
            return None
        if not self._records:
            lazy = self.tables.runs(self.rows).select("entry", "record")
            found = collected(lazy, self.store.root)
            self._records = dict(found.iter_rows())
        if only not in self._facts:
            self._facts[only] = self._metrics(only)
        record: dict[str, Any] = json.loads(self._records[entry])
        record["metrics"] = self._facts[only].get(entry, {})
        if only is not None:
            record["only"] = sorted(only)
        return record

    def shown(self, entry: int) -> dict[str, Any]:
        """Return what listing shows: `summary` (JSON), `last_step`, `runtime`, `ending`, `exit_code`."""
        if not self._shown:
            names = ("entry", "summary", "last_step", "runtime", "ending", "exit_code")
            frame = collected(self.tables.runs(self.rows).select(names), self.store.root)
            self._shown = {row["entry"]: row for row in frame.iter_rows(named=True)}
        return self._shown[entry]

    def privacy(self, entry: int) -> str:
        """Return how a run was masked when it entered the store: a `Privacy.key`."""
        return str(self._versions[self._at[entry]] or "").rpartition(" ")[2]

    def _metrics(self, only: frozenset[str] | None) -> dict[int, dict[str, dict[str, Any]]]:
        found: dict[int, dict[str, dict[str, Any]]] = {}
        if only == frozenset():
            return found
        lazy = self.tables.table("metrics", self.rows)
        if only is not None:
            lazy = lazy.filter(pl.col("metric").is_in(list(only)))
        frame = collected(lazy.select("entry", "metric", *_FACTS), self.store.root)
        for entry, metric, *facts in frame.iter_rows():
            found.setdefault(entry, {})[metric] = dict(zip(_FACTS, facts, strict=True))
        return found

    def columns(self, entry: int, names: Iterable[str]) -> dict[str, tuple[Ints, Floats]]:
        """Row numbers and values of columns of a run's history, missing values left out.

        Raises:
            TargetError: The run's file cannot be read.
        """
        at, wanted = self._at[entry], list(dict.fromkeys(names))
        if not self._histories[at]:
            return {}
        if self._together:
            self._read_all([n for n in wanted if n not in self._columns])
        columns = {n: self._columns[n][at] for n in wanted if at in self._columns.get(n, {})}
        if len(columns) < len(wanted):
            frame = read_row(self.tables, self.rows.row(at, named=True), frozenset(wanted)).history
            columns = {n: _numbers(frame[n]) for n in wanted if n in frame.columns}
        present = {name: _present(*column) for name, column in columns.items()}
        return {name: found for name, found in present.items() if len(found[0])}

    def _read_all(self, names: list[str]) -> None:
        """Columns of all runs; where a file of some is damaged, none of these, and each is asked by itself."""
        if not names:
            return
        self._columns |= {name: {} for name in names}
        here = self.rows.with_row_index("at_shelf").filter(pl.col("history").fill_null("") != "")
        storages = here["at_shelf"].to_list()
        for schema, numbers in by_types(here, odd_columns(here), names):
            files = here["history"].gather(numbers).to_list()
            runs = [storages[n] for n in numbers]
            try:
                frame = self.store.columns(files, schema).collect()
            except (pl.exceptions.PolarsError, OSError):
                continue
            ends = list(accumulate((self._counts[run] for run in runs), initial=0))
            if frame.height != ends[-1]:
                continue
            for name in names:
                values, there = _numbers(frame[name])
                for run, start, stop in zip(runs, ends, ends[1:], strict=False):
                    mask = None if there is None else there[start:stop]
                    self._columns[name][run] = values[start:stop], mask


def _numbers(column: pl.Series) -> Column:
    """A column's values, and which rows have one, None for all."""
    values = column.cast(pl.Float64, strict=False)
    return values.to_numpy(), values.is_not_null().to_numpy() if values.null_count() else None


def _present(values: Floats, there: Bools | None) -> tuple[Ints, Floats]:
    if there is None:
        return np.arange(len(values)), values
    return np.flatnonzero(there), values[there]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run of a store; another process, which has no use for its tables, gets None."""

    stored: StoredRuns
    entry: int

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    @property
    def salt(self) -> bytes:
        """As `Store.salt`."""
        return self.stored.salt

    @property
    def privacy(self) -> str:
        """As `StoredRuns.privacy`."""
        return self.stored.privacy(self.entry)

    def record(self, features: str, only: frozenset[str] | None) -> dict[str, Any] | None:
        """As `StoredRuns.record`."""
        return self.stored.record(self.entry, features, only)

    def columns(self, names: Iterable[str]) -> dict[str, tuple[Ints, Floats]]:
        """As `StoredRuns.columns`."""
        return self.stored.columns(self.entry, names)


def read_row(tables: Tables, row: dict[str, Any], only: frozenset[str] | None = None) -> Run:
    """The run of a row of `Tables.rows`."""
    return load_stored(tables.storage.root, tables.stems[row["batch"]], row["at"], only)


def load_stored(root: str, stem: BatchName, at: int, only: frozenset[str] | None = None) -> Run:
    """The run at a place in a batch of a store, read whole or in part.

    Raises:
        TargetError: The batch or a file of the run cannot be read.
    """
    where = near_storage(root)
    try:
        rows = scan_batch(where, "runs", stem).slice(at, 1).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TargetError(
            where.full(stem.file("runs")),
            f"not readable: {str(error).strip().splitlines()[0]}",
            "Look at the store with `postrun store verify`.",
        ) from error
    return read_run(where, rows.row(0, named=True), only)
