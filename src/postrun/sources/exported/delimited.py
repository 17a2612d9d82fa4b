"""Tables as text: CSV and its kin, as programs and people write them.

A file that Polars reads as numbers throughout is taken as it is. Otherwise each column that came as
text is looked at: cells that are numbers in any usual spelling are read, words for "missing" are
null, and of a column that is mostly numbers the other cells go as text to `KEY:text`, counted and
named by their row.
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
from postrun.sources.wandb_local.columns import Table

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
#: Words for a value that is not there, in lower case.
_MISSING = frozenset({"", "na", "n/a", "#n/a", "none", "null", "<na>", "nil"})
#: Words for numbers that are not finite, in lower case.
_WORDS = {
    sign + word: float(sign + word)
    for sign in ("", "+", "-")
    for word in ("nan", "inf", "infinity")
}
#: A column is one of numbers if at least this share of its cells is.
_MOSTLY = 0.5
_HEAD = 65_536
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
            return _typed(frame, False, notes)
    text = _decoded(data, path, notes)
    lines = _without_comments(_LINE.split(text))
    if not lines:
        raise TargetError(path, "the file is empty", "Export the file again.")
    dialect = _dialect(lines)
    frame = _as_texts(lines, dialect, path, notes)
    return frame if texts else _typed(frame, dialect.decimal_comma, notes)


def _plain(data: bytes) -> pl.DataFrame | None:
    """Return a file that is plain CSV, None if it needs a lenient reading."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return None
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:1] in b"#,"
    if marked or b"\0" in data[:1000] or b"\n" not in data.strip():
        return None
    try:
        frame = pl.read_csv(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, UnicodeError):
        return None
    names = frame.columns
    if frame.width < 2 or any("_duplicated_" in n or not n.strip() for n in names):
        return None
    if names[0] == "Unnamed: 0" and _is_index(frame.to_series(0)):
        frame = frame.drop(names[0])
    empty = pl.Series([True] * frame.height, dtype=pl.Boolean)
    for series in frame:
        empty &= series.alias("x").is_null()  # Polars reads names such as "^a$" as patterns
    return frame.filter(~empty) if empty.any() else frame


def _decoded(data: bytes, path: Path, notes: list[str]) -> str:
    """Return a file's text: UTF-8, else UTF-16 by its mark or its zero bytes, else Latin-1."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data[: len(data) // 2 * 2 if "16" in encoding else None].decode(encoding)
            except UnicodeDecodeError as error:
                raise TargetError(
                    path, f"not valid {encoding}: {error}", "Save it as UTF-8."
                ) from None
    zeros = np.frombuffer(data[:1000], np.uint8) == 0
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(zeros) > 3 and zeros[start::2].mean() > 0.7:
            return data[: len(data) // 2 * 2].decode(encoding, "replace")
    if zeros.any():
        raise TargetError(
            path, "not a text file: it holds zero bytes", "Export it as CSV in UTF-8."
        )
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
    lines: Sequence[str], dialect: _Dialect, path: Path, notes: list[str]
) -> pl.DataFrame:
    """Return all cells as text, with null for those that are missing or empty."""
    try:
        rows = list(csv.reader(lines, delimiter=dialect.delimiter))
    except csv.Error as error:
        raise TargetError(
            path, f"not a readable CSV file: {error}", "Export the file again."
        ) from None
    names = _names(rows[0], rows[1:], notes)
    width = len(names)
    ragged = [i for i, row in enumerate(rows[1:], 1) if len(row) > width and any(row[width:])]
    if ragged:
        notes.append(
            f"{len(ragged)} rows have more cells than the header ({width}), the first is row {ragged[0]}: "
            "the cells beyond it were left out"
        )
    columns = []
    for number, name in enumerate(names):
        cells = [row[number] if number < len(row) else None for row in rows[1:]]
        columns.append(pl.Series(name, cells, dtype=pl.String))
    frame = pl.DataFrame(columns)
    first = frame.to_series(0)
    if rows[0][0].strip() in ("", "Unnamed: 0") and _is_index(first):
        frame = frame.drop(names[0])  # the index that pandas writes
    return frame


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


def _typed(frame: pl.DataFrame, decimal_comma: bool, notes: list[str]) -> pl.DataFrame:
    """Return columns of text in the types of what they hold."""
    columns: list[pl.Series] = []
    odd: list[str] = []
    table = Table()
    table.rows = frame.height
    for series in frame:
        if series.dtype != pl.String:
            columns.append(series)
            continue
        found = _numbers(series, decimal_comma, odd)
        if found:
            columns += found
        else:
            cells = series.alias("x")
            known = cells.is_not_null().arg_true().to_numpy().astype(np.int64)
            table.put_column(series.name, known, [_cell(c) for c in cells.drop_nulls()])
    columns += table.series()
    if odd:
        notes.append("cells that are no numbers, in columns of numbers: " + "; ".join(odd[:8]))
    notes += table.notes
    order = {name: i for i, name in enumerate(frame.columns)}
    columns.sort(key=lambda s: order.get(s.name.removesuffix(":text"), len(order)))
    return pl.DataFrame(columns)


def _cell(text: str) -> bool | str | None:
    """Return a cell of a column of text: truth values and missing words as such."""
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    return None if word in _MISSING else text


def _numbers(series: pl.Series, decimal_comma: bool, odd: list[str]) -> list[pl.Series]:
    """Return a column of mostly numbers, and its other cells as a second one; [] if it is text.

    `odd` takes a sentence about cells that are neither numbers nor empty.
    """
    name, text = series.name, series.alias("x").str.strip_chars()
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    spelled = plain if decimal_comma else text
    value = spelled.cast(pl.Float64, strict=False)
    word = text.str.to_lowercase()
    named = word.replace_strict(_WORDS, default=None, return_dtype=pl.Float64)
    value = pl.select(pl.coalesce(named, value)).to_series()
    missing = word.is_in(list(_MISSING)) & (value.is_null())
    rest = text.is_not_null() & value.is_null() & ~missing
    count, others = value.count(), int(rest.sum())
    if not count or count < _MOSTLY * (count + others):
        return []
    told = rest | (missing & (series != ""))  # an empty cell is only empty; "NA" is said
    if told.any():
        first = int(told.arg_true()[0])
        cells = int(told.sum())
        what = "cell" if cells == 1 else "cells"
        odd.append(f'{name}: {cells} {what} ("{series[first][:20]}" in row {first + 1})')
    out = [_narrow(value, spelled).alias(name)]
    if others:
        cut = pl.select(pl.when(rest).then(series).alias(f"{name}:text")).to_series()
        out.append(cut)
    return out


def _narrow(value: pl.Series, spelled: pl.Series) -> pl.Series:
    """Return a column of whole numbers as such, if each was spelled as one."""
    whole = spelled.cast(pl.Int64, strict=False)
    same = whole.null_count() == value.null_count()
    return whole.alias(value.name) if same else value
