"""Files that other programs write, opened so that their writers are never disturbed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from postrun.model import TargetError

_HEADER = b"SQLite format 3\x00"
#: Seconds to wait for a writer that has locked the database.
_PATIENCE = 2.0


class _AnyTag(yaml.SafeLoader):
    """A loader that reads what programs of other classes wrote as plain values, without making objects."""


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value or None


_AnyTag.add_multi_constructor("", _plain)


def read_settings(path: Path, notes: list[str]) -> dict[str, Any]:
    """Return a YAML mapping, with objects of Python as their plain parts; {} if it is missing or unreadable."""
    if not path.is_file():
        return {}
    try:
        value = yaml.load(path.read_text(encoding="utf-8", errors="replace"), _AnyTag)
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        notes.append(f"{path.name} is not readable: {str(error).splitlines()[0]}")
        return {}
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def read_setting(text: str) -> Any:
    """Return what a setting that is kept as text says: a number, a truth value, a list, or the text itself."""
    words = {"True": True, "False": False, "None": None, "nan": float("nan")}
    if text in words:
        return words[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def tables(path: Path) -> frozenset[str]:
    """Return the tables of a SQLite file; none if it is no such file or cannot be read now."""
    try:
        with path.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                return frozenset()
        with database(path) as connection:
            found = connection.execute("select name from sqlite_master where type = 'table'")
            return frozenset(str(name) for (name,) in found)
    except (OSError, TargetError):
        return frozenset()


#: What SQLite says if a table or a column is called otherwise.
_OTHER_TABLES = ("no such column", "no such table")


def _unreadable(path: Path, error: Exception) -> TargetError:
    return TargetError(
        path,
        f"not a readable database: {error}",
        "Copy it while nothing writes to it, and read the copy.",
    )


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file to read; if its writer has locked it, as it lies on the disk now.

    Raises:
        TargetError: It cannot be read, or holds other tables than it should.
    """
    connection: sqlite3.Connection | None = None
    try:
        connection = _opened(path)
        yield connection
    except sqlite3.OperationalError as error:
        if not str(error).startswith(_OTHER_TABLES):
            raise _unreadable(path, error) from None
        raise TargetError(
            path,
            f"its tables are of a version that is not known: {error}",
            "Update postrun, or read the runs with the tracker's own library and pass them to Run.from_frame.",
        ) from None
    except (sqlite3.Error, UnicodeDecodeError) as error:  # of a name in a damaged page
        raise _unreadable(path, error) from None
    finally:
        if connection is not None:
            connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    place = path.resolve().as_uri()
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{place}?{options}", uri=True, timeout=_PATIENCE)
        connection.text_factory = _lenient_text
        try:
            connection.execute("select count(*) from sqlite_master").fetchone()
            return connection
        except sqlite3.OperationalError:
            connection.close()
            if "immutable" in options:
                raise
    raise AssertionError("a database is opened or an error is raised")


def _lenient_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the columns of a table of a known name; none if it is missing."""
    return frozenset(str(row[1]) for row in connection.execute(f"pragma table_info({table})"))
