"""SQLite files that other programs write, opened so that their writers are never disturbed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from postrun.model import TargetError

_HEADER = b"SQLite format 3\x00"
#: Bytes at the beginning of a database that hold its schema, as a rule.
_SCHEMA = 1 << 18
#: Seconds to wait for a writer that has locked a database, and for which it is then not waited for again.
_PATIENCE, _AGAIN = 2.0, 30.0
_locked: dict[Path, float] = {}
#: Noted of a run whose database was locked.
_LOCKED = "{} was locked by its writer, or left in the middle of writing: its last complete state was read"


def holds_tables(path: Path, wanted: frozenset[str]) -> bool:
    """Return whether a file is a SQLite database with these tables.

    Raises:
        TargetError: It is one by its beginning, and cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_SCHEMA)
    except OSError:
        return False
    if not head.startswith(_HEADER):
        return False
    try:
        with database(path) as connection:
            found = connection.execute("select name from sqlite_master where type = 'table'")
            return {str(name) for (name,) in found} >= wanted
    except TargetError:
        if all(re.search(rb"CREATE TABLE \W?%s\b" % name.encode(), head) for name in wanted):
            raise
        return False


#: What SQLite says if a table or a column is called otherwise.
_OTHER_TABLES = ("no such column", "no such table")


def _unreadable(path: Path, error: Exception) -> TargetError:
    return TargetError(
        path,
        f"not a readable database: {error}",
        "Copy it while nothing writes to it, and read the copy.",
    )


@contextmanager
def database(path: Path, notes: list[str] | None = None) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file to read one state of it; nothing is written beside it.

    A file that its writer has locked, or left in the middle of a transaction, is copied with its journal, and
    SQLite brings the copy back to the last commit. `notes` takes that.

    Raises:
        TargetError: It cannot be read, or holds other tables than it should.
    """
    with ExitStack() as stack:
        try:
            connection = _opened(path, stack)
            if connection is None:
                connection = _copied(path, stack)
                if notes is not None:
                    notes.append(_LOCKED.format(path.name))
            yield connection
        except sqlite3.OperationalError as error:
            if not str(error).startswith(_OTHER_TABLES):
                raise _unreadable(path, error) from None
            raise TargetError(
                path,
                f"its tables are of a version that is not known: {error}",
                "Update postrun, or read the runs with the tracker's own library and pass them to "
                "Run.from_frame.",
            ) from None
        except (sqlite3.Error, UnicodeDecodeError, OSError) as error:  # a name in a damaged page
            raise _unreadable(path, error) from None


def _opened(path: Path, stack: ExitStack) -> sqlite3.Connection | None:
    """Open a database and begin to read it; None if its writer has locked it, or it needs to be recovered."""
    options = "mode=ro"
    if _keeps_log(path):
        # SQLite would leave its log and the index of it behind.
        if not _holds(path, "-wal"):
            options = "mode=ro&immutable=1"
        elif not _holds(path, "-shm"):
            return _copied(path, stack)
    patience = 0.0 if monotonic() < _locked.get(path, 0.0) else _PATIENCE
    connection = _connected(f"{path.resolve().as_uri()}?{options}", stack, patience)
    try:
        connection.execute("begin")
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        _locked[path] = monotonic() + _AGAIN
        return None
    return connection


def _copied(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open a copy of a database, which SQLite brings back to its last commit by the journal beside it."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="postrun-")))
    for suffix in ("-journal", "-wal", ""):  # the journal first: it holds what pages were before
        if _holds(path, suffix):
            shutil.copyfile(f"{path}{suffix}", folder / f"copy{suffix}")
    connection = _connected((folder / "copy").as_uri(), stack, _PATIENCE)
    connection.execute("select count(*) from sqlite_master").fetchone()
    return connection


def _keeps_log(path: Path) -> bool:
    """Return whether a database commits into a log beside it (write-ahead logging), by its header."""
    with path.open("rb") as file:
        return 2 in file.read(20)[18:]


def _holds(path: Path, suffix: str) -> bool:
    beside = Path(f"{path}{suffix}")
    return beside.is_file() and beside.stat().st_size > 0


def _connected(place: str, stack: ExitStack, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(place, uri=True, timeout=patience)
    stack.callback(connection.close)
    connection.text_factory = _lenient_text
    return connection


def _lenient_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the columns of a table of a known name; none if it is missing."""
    return frozenset(str(row[1]) for row in connection.execute(f"pragma table_info({table})"))
