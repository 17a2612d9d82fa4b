"""Today's tables and Delta's behind the same few verbs, and what is done to both in processes of their own."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import polars as pl

from benchmarks.store.delta_tables import DeltaStore, DeltaTables
from benchmarks.store.made_rows import Frames, rows
from postrun.store import Store
from postrun.store.maintenance import _forget, compact, prune
from postrun.store.query import query
from postrun.store.store import _MANY, _SMALL
from postrun.store.tables import Tables, stamped, write_batch

SQL = """select r.id, "config.optimizer.lr" as lr, m.final from runs r join metrics m on r.id = m.run
         where m.metric = 'eval/loss' and r.failed order by m.final limit 5"""


class Way(Protocol):
    """Tables that runs are written into, below a root."""

    root: str

    def append(self, frames: Frames) -> None:
        """Add runs in one batch, merging small batches now and then as a long pull does."""

    def replace(self, frames: Frames) -> None:
        """Add runs, some of which are there already."""

    def delete(self, ids: list[str]) -> None:
        """Delete runs from the tables."""

    def compact(self) -> None:
        """Merge all batches."""

    def prune(self) -> None:
        """Delete files that nothing names, however new."""

    def store(self) -> Any:
        """What `query` and the questions take, opened anew."""


class Today:
    """The tables as the store has them."""

    def __init__(self, root: str) -> None:
        self.root, self._batches = root, 0
        self._storage = Store(root, write=True).storage

    def append(self, frames: Frames) -> None:
        """As `Writer` does."""
        write_batch(self._storage, frames | {"runs": stamped(frames["runs"])})
        self._batches += 1
        if self._batches % _MANY == 0:
            compact(self._storage, _SMALL)

    replace = append

    def delete(self, ids: list[str]) -> None:
        """As `prune --gone` does."""
        tables = Tables(self._storage)
        _forget(tables, tables.kept.filter(pl.col("id").is_in(ids)))

    def compact(self) -> None:
        """As `postrun store compact` does."""
        compact(self._storage)

    def prune(self) -> None:
        """As `postrun store prune` does, without its day of grace."""
        prune(self._storage, older=0)

    def store(self) -> Store:
        """The store."""
        return Store(self.root)


class Delta:
    """Three Delta tables; with `newest`, runs that are there already are appended again and not merged."""

    def __init__(self, root: str, newest: bool = False) -> None:
        self.root, self._batches = root, 0
        self.tables = DeltaTables(root, _options(root))
        self.newest = newest

    def append(self, frames: Frames) -> None:
        """Three commits."""
        self.tables.append(frames)
        self._now_and_then()

    def replace(self, frames: Frames) -> None:
        """Two commits and a MERGE."""
        if self.newest:
            self.tables.append(frames)
        else:
            self.tables.replace(frames)
        self._now_and_then()

    def _now_and_then(self) -> None:
        self._batches += 1
        if self._batches % _MANY == 0:
            self.tables.compact()

    def delete(self, ids: list[str]) -> None:
        """Three DELETEs."""
        self.tables.delete(ids)

    def compact(self) -> None:
        """OPTIMIZE, `metrics` in the order of metrics as today."""
        self.tables.compact(sort=True)

    def prune(self) -> None:
        """VACUUM."""
        self.tables.vacuum()

    def store(self) -> DeltaStore:
        """The tables."""
        return DeltaStore(self.root, _options(self.root))


def _options(root: str) -> dict[str, str] | None:
    return {"aws_allow_http": "true"} if root.startswith("s3:") else None


WAYS: dict[str, Callable[[str], Way]] = {
    "today": Today,
    "delta": Delta,
    "newest": lambda root: Delta(root, newest=True),
}


def size(root: str) -> float:
    """MB below a root."""
    return sum(p.stat().st_size for p in Path(root).rglob("*") if p.is_file()) / 1e6


def ask(way: str, root: str, one: str, tries: int = 5) -> dict[str, list[float]]:
    """Seconds of each question, the store opened anew, and MB of this process at its peak so far."""
    opened = WAYS[way](root).store if way != "today" else lambda: Store(root)

    def of_one() -> None:
        store = opened()
        found = store.runs.filter(pl.col("id") == one).collect()
        mine = store.metrics.filter(pl.col("run") == one).collect()
        assert found.height == 1 and mine.height > 1, (found.height, mine.height)

    questions: dict[str, Callable[[], Any]] = {
        "list all runs": lambda: opened().runs.select("project", "id", "state", "rows").collect(),
        "one metric of all runs": lambda: (
            opened().metrics.filter(pl.col("metric") == "eval/loss").select("run", "final").collect()
        ),
        "one run: its row, its metrics": of_one,
        "findings by rule": lambda: opened().findings.group_by("rule", "severity").len().collect(),
        "SQL over two tables": lambda: query(opened(), SQL).collect(),
    }  # fmt: skip
    out = {}
    for name, question in questions.items():
        question()
        seconds = []
        for _ in range(tries):
            begin = time.perf_counter()
            question()
            seconds.append(time.perf_counter() - begin)
        out[name] = [median(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]
    return out


def keep_writing(way: str, root: str, first: int, batches: int, size: int, again: bool) -> int:
    """Write batches of runs and print the number of each that is done; how many commits met a conflict.

    With `again`, every second batch writes runs that are there, with other values.
    """
    tables = WAYS[way](root)
    print("ready", flush=True)
    for n in range(batches):
        tables.append(rows(first + n * size, size))
        print(first + n * size, flush=True)
        if again and n % 2:
            tables.replace(rows(first + n // 2 * size, size, version=n + 1))
    return tables.tables.conflicts if isinstance(tables, Delta) else 0


def keep_compacting(way: str, root: str) -> int:
    """Merge batches until the parent closes standard input; how often."""
    tables, count = WAYS[way](root), 0
    print("ready", flush=True)
    while os.getppid() != 1 and not _closed():
        tables.compact()
        count += 1
        time.sleep(0.2)
    return count


def _closed() -> bool:
    import select

    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "ask":
        print(json.dumps(ask(words[0], words[1], words[2], int(words[3]))))
    elif what == "compact":
        print("end", keep_compacting(words[0], words[1]), flush=True)
    else:
        name, root, *numbers = words
        first, batches, runs, again = map(int, numbers)
        begin = time.perf_counter()
        met = keep_writing(name, root, first, batches, runs, bool(again))
        print("end", met, time.perf_counter() - begin, flush=True)
