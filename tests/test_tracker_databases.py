"""Databases of trackers while their writers use them or after these were killed: a committed state is read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from postrun.sources.trackers import databases
from postrun.sources.trackers.databases import database

#: Writes 3,000 rows, begins to overwrite them all with a cache too small to hold them, and is killed.
_KILLED = """
import os, sqlite3
db = sqlite3.connect("runs.db", isolation_level=None)
db.execute("create table t (x)")
db.execute("begin")
db.executemany("insert into t values (?)", [("old" + "-" * 200,)] * 3000)
db.execute("commit")
db.execute("pragma cache_size = 5")
db.execute("begin")
db.execute("update t set x = replace(x, 'old', 'new')")
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_PATIENCE", 0.1)


def read(path: Path) -> tuple[int, str, list[str]]:
    """Return how many rows there are, the largest, and what was noted."""
    notes: list[str] = []
    with database(path, notes) as connection:
        count, largest = connection.execute("select count(*), max(x) from t").fetchone()
    return count, largest[:3], notes


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["delete", "wal"])
def writer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as connection:
        connection.execute(f"pragma journal_mode = {request.param}")
        connection.execute("create table t (x)")
        connection.execute("insert into t values ('old')")
        yield connection


@pytest.mark.parametrize("lock", ["deferred", "immediate", "exclusive"])
def test_an_open_transaction_is_not_read(
    tmp_path: Path, writer: sqlite3.Connection, lock: str
) -> None:
    writer.execute(f"begin {lock}")
    writer.execute("insert into t values ('new')")
    before = sorted(tmp_path.iterdir())
    count, largest, notes = read(tmp_path / "runs.db")
    assert (count, largest) == (1, "old")
    assert all("was locked by its writer" in note for note in notes)
    assert sorted(tmp_path.iterdir()) == before
    writer.execute("commit")
    databases._locked.clear()
    assert read(tmp_path / "runs.db") == (2, "old", [])


def test_a_killed_writers_transaction_is_taken_back(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED], cwd=tmp_path)
    assert done.returncode == -9
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    assert len(before) == 2
    with closing(sqlite3.connect(f"file:{tmp_path}/runs.db?immutable=1", uri=True)) as plain:
        assert "new" in {x[:3] for (x,) in plain.execute("select x from t")}
    count, largest, notes = read(tmp_path / "runs.db")
    assert (count, largest, len(notes)) == (3000, "old", 1)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_database_that_commits_into_a_log_is_read_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table t (x)")
        connection.execute("insert into t values ('old')")
        connection.commit()
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("runs.db", "runs.db-wal"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
    assert read(path) == (1, "old", [])
    assert names(tmp_path) == ["copy", "runs.db"]
    assert read(copy / "runs.db") == (1, "old", [])
    assert names(copy) == ["runs.db", "runs.db-wal"]
