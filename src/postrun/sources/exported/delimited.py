"""Tables as text: CSV and its kin, as programs and people write them.

A file that Polars reads as numbers throughout is taken as it is. Otherwise rows are read one by one, and
columns of text by `frames/texts`. Rows that are shorter or longer than the header, quotes that nothing
closes and zero bytes cost themselves, and are counted and named by their line.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from postrun.model import TargetError
from postrun.sources.frames.texts import typed
from postrun.sources.text_numbers import read_number

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig", 1), (b"\xff\xfe\0\0", "utf-32", 4), (b"\0\0\xfe\xff", "utf-32", 4),
    (b"\xff\xfe", "utf-16", 2), (b"\xfe\xff", "utf-16", 2),
)  # fmt: skip
_HEAD = 65_536
#: Share of zero bytes from which a file is no text; fewer are what a crash leaves in one.
_ZEROS = 0.1
#: Lines with a quote that nothing closes, after which quotes are not looked at any more.
_OPEN_QUOTES = 20
#: How spreadsheets tell the separator, in a line of its own.
_SEPARATOR = re.compile(r"sep=(.)\s*$", re.IGNORECASE)
_LINE = re.compile(r"\r\n|\n|\r")
_COMMA_NUMBER = re.compile(r"^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$")


class _Dialect(NamedTuple):
    delimiter: str
    decimal_comma: bool


def header_of(path: Path) -> list[str]:
    """Return the names of a file's columns, [] if it has none that can be read."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            text = _decoded(file.read(_HEAD), path, [])
    except (OSError, EOFError, TargetError):
        return []
    lines = _without_comments(_LINE.split(text))
    if not lines:
        return []
    return next(csv.reader(lines[:1], delimiter=_dialect(lines).delimiter), [])


def read_delimited(path: Path, notes: list[str], texts: bool = False) -> pl.DataFrame:
    """Return a delimited text file as a frame; `notes` takes what was decided.

    With `texts`, all columns stay text, empty cells null.

    Raises:
        TargetError: The file is empty or not readable, with the cause.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as error:
        raise TargetError(path, f"not readable: {error}", "Export the file again.") from None
    if not data.strip():
        raise TargetError(path, "the file is empty", "Export the file again.")
    if not texts:
        frame = _plain(data)
        if frame is not None:
            return typed(frame, notes)
    every = _LINE.split(_decoded(data, path, notes))
    lines = _without_comments(every)
    if not lines:
        raise TargetError(path, "the file is empty", "Export the file again.")
    dialect = _dialect(lines)
    numbers = [i for i, line in enumerate(every, 1) if line.strip()][-len(lines) :]
    frame = _as_texts(lines, numbers, dialect, notes)
    return frame if texts else typed(frame, notes, dialect.decimal_comma)


def _plain(data: bytes) -> pl.DataFrame | None:
    """Return a file that is plain CSV, None if it needs a lenient reading."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return None
    marked = (
        data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:1] in b"#," or data[:4].lower() == b"sep="
    )
    if marked or b"\0" in data or b"\n" not in data.strip():
        return None
    try:
        frame = pl.read_csv(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, UnicodeError):
        return None
    names = frame.columns
    if frame.width < 2 or any("_duplicated_" in n or not n.strip() for n in names):
        return None
    if _ragged(data, frame) or _no_header(names):
        return None
    if names[0] == "Unnamed: 0" and _is_index(frame.to_series(0)):
        frame = frame.drop(names[0])
    if not all(series.null_count() for series in frame):
        return frame  # a column without gaps: no row is empty
    empty = pl.Series([True] * frame.height, dtype=pl.Boolean)
    for series in frame:
        empty &= series.alias("x").is_null()  # Polars reads names such as "^a$" as patterns
    return frame.filter(~empty) if empty.any() else frame


def _ragged(data: bytes, frame: pl.DataFrame) -> bool:
    """Return whether rows may be shorter than the header: Polars fills them up without a word."""
    if not frame.to_series(frame.width - 1).null_count():
        return False
    # Within quotes, a comma may stand in a cell.
    return b'"' in data or data.count(b",") != (frame.height + 1) * (frame.width - 1)


def _no_header(names: Sequence[str]) -> bool:
    """Return whether what stands where the names should is a row of numbers."""
    return all(read_number(name) is not None for name in names)


def _decoded(data: bytes, path: Path, notes: list[str]) -> str:
    """Return a file's text: UTF-8, else UTF-16 by its mark or its zero bytes, else Latin-1."""
    for mark, encoding, size in _MARKS:
        if data.startswith(mark):
            try:
                return data[: len(data) // size * size].decode(encoding)
            except UnicodeDecodeError as error:
                raise TargetError(
                    path, f"not valid {encoding}: {error}", "Save it as UTF-8."
                ) from None
    zeros = np.frombuffer(data[:1000], np.uint8) == 0
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(zeros) > 3 and zeros[start::2].mean() > 0.7:
            return data[: len(data) // 2 * 2].decode(encoding, "replace")
    if zeros.sum() > _ZEROS * len(zeros):
        raise TargetError(
            path, "not a text file: it holds zero bytes", "Export it as CSV in UTF-8."
        )
    if count := data.count(b"\0"):
        notes.append(f"{_counted(count, 'zero byte')} in the file {_was(count)} left out")
        data = data.replace(b"\0", b"")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.end >= len(data) and len(data) == _HEAD:  # cut inside a character
            return data.decode(errors="ignore")
        notes.append("the file is not UTF-8; it was read as Latin-1")
        return data.decode("latin-1")


def _without_comments(lines: Sequence[str]) -> list[str]:
    """Return the lines from the header on: empty lines and comments before it are left out.

    A comment sign directly before the first name, as `numpy.savetxt` writes it, belongs to it.
    """
    kept = [line for line in lines if line.strip()]
    if len(kept) > 1 and _SEPARATOR.match(kept[0]):
        kept = kept[1:]
    while len(kept) > 1 and kept[0].startswith("#"):
        bare = kept[0].lstrip("# ")
        counts = [bare.count(d) for d in _DELIMITERS]
        named = any(c.isalpha() for c in bare)
        if named and max(counts) and counts == [kept[1].count(d) for d in _DELIMITERS]:
            kept[0] = bare
            break
        kept = kept[1:]
    return kept


def _dialect(lines: Sequence[str]) -> _Dialect:
    """Return what separates cells, and whether numbers have a decimal comma."""
    sample = [re.sub(r'"(?:[^"]|"")*"', "", line) for line in lines[:20]]
    counts = {d: sample[0].count(d) for d in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda d: (counts[d], -_DELIMITERS.index(d)))
    if delimiter == ",":
        return _Dialect(delimiter, False)
    cells = [cell.strip() for line in lines[1:50] for cell in line.split(delimiter)]
    commas = sum(bool(_COMMA_NUMBER.match(cell)) for cell in cells)
    points = sum(bool(re.match(r"^[+-]?\d+\.\d+$", cell)) for cell in cells)
    return _Dialect(delimiter, commas > points)


def _as_texts(
    lines: Sequence[str], numbers: Sequence[int], dialect: _Dialect, notes: list[str]
) -> pl.DataFrame:
    """Return all cells as text, with null for those that are missing; `numbers` are those of the lines."""
    rows, at = _rows(lines, numbers, dialect.delimiter, notes)
    if _no_header(rows[0]):
        notes.append(
            "the first line holds numbers, no names: columns are called column_1, column_2, ..."
        )
        rows, at = [[""] * len(rows[0]), *rows], [0, *at]
    names = _names(rows[0], rows[1:], notes)
    _note_ragged(rows, at, len(names), notes)
    columns = []
    for number, name in enumerate(names):
        cells = [row[number] if number < len(row) else None for row in rows[1:]]
        columns.append(pl.Series(name, cells, dtype=pl.String))
    frame = pl.DataFrame(columns)
    first = frame.to_series(0)
    if rows[0][0].strip() in ("", "Unnamed: 0") and _is_index(first):
        frame = frame.drop(names[0])  # the index that pandas writes
    return frame


def _rows(
    lines: Sequence[str], numbers: Sequence[int], delimiter: str, notes: list[str]
) -> tuple[list[list[str]], list[int]]:
    """Return the rows of a table and the number of the line at which each begins.

    A line whose quotes are not closed is read as if they were letters; else it would swallow all that follows.
    """
    rows: list[list[str]] = []
    at: list[int] = []
    odd: list[int] = []
    begin = 0
    while begin < len(lines):
        reader = (
            csv.reader(lines[begin:], delimiter=delimiter, strict=True)
            if len(odd) < _OPEN_QUOTES
            else csv.reader(lines[begin:], delimiter=delimiter, quoting=csv.QUOTE_NONE)
        )
        done = 0
        try:
            for row in reader:
                rows.append(row)
                at.append(numbers[begin + done])
                done = reader.line_num
            break
        except csv.Error:
            odd.append(numbers[begin + done])
            rows.append(lines[begin + done].split(delimiter))
            at.append(numbers[begin + done])
            begin += done + 1
    if odd:
        first = f"the first is line {odd[0]}" if len(odd) > 1 else f"line {odd[0]}"
        notes.append(
            f"{_counted(len(odd), 'line')} with odd quotes, {first}: read as if these were letters"
        )
    return rows, at


def _note_ragged(
    rows: Sequence[Sequence[str]], at: Sequence[int], width: int, notes: list[str]
) -> None:
    """Note the rows that are longer or shorter than the header."""
    long = [i for i, row in enumerate(rows) if i and len(row) > width and any(row[width:])]
    short = [i for i, row in enumerate(rows) if i and len(row) < width and any(row)]
    for what, found, became in (
        ("more", long, "the cells beyond it were left out"),
        ("fewer", short, "the missing ones are empty"),
    ):
        if found:
            have = "row has" if len(found) == 1 else "rows have"
            notes.append(
                f"{len(found):,} {have} {what} cells than the header ({width}), the first in line "
                f"{at[found[0]]}: {became}"
            )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _names(header: Sequence[str], rows: Sequence[Sequence[str]], notes: list[str]) -> list[str]:
    """Return a name for each column: none is empty, none repeats."""
    names: list[str] = []
    repeated = []
    for number, cell in enumerate(header):
        name = base = cell.strip() or f"column_{number + 1}"
        count = 2
        while name in names:
            name, count = f"{base} ({count})", count + 1
        if name != base:
            repeated.append(base)
        names.append(name)
    if repeated:
        shown = ", ".join(dict.fromkeys(repeated))
        notes.append(f"the header repeats {shown}: later columns are called KEY (2) and so on")
    if (
        names
        and names[-1] == f"column_{len(names)}"
        and not any(len(row) >= len(names) and row[len(names) - 1].strip() for row in rows)
    ):
        names.pop()  # a separator at the end of each line
    return names


def _is_index(cells: pl.Series) -> bool:
    """Return whether a column counts the rows from 0 on."""
    numbers = cells.cast(pl.Int64, strict=False)
    return numbers.null_count() == 0 and numbers.to_list() == list(range(len(numbers)))
