"""A table file as a history: its columns in a history's types, its steps and times."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from postrun.model import TargetError
from postrun.sources.exported.delimited import read_delimited
from postrun.sources.frames.files import read_columns
from postrun.sources.frames.parquet import columns_of
from postrun.sources.frames.times import ordered

#: Columns that count steps, the first of them that is there.
_STEPS = (
    "_step", "Step", "step", "steps", "global_step", "trainer/global_step", "train/global_step", "iteration",
    "iter", "epoch", "Epoch",
)  # fmt: skip


def read_table(path: Path, notes: list[str], media: dict[str, int] | None = None) -> pl.DataFrame:
    """Return a Parquet or delimited text file as a frame.

    `notes` takes what was decided, `media` the number of media by their `_type`.

    Raises:
        TargetError: The file is empty or not readable.
    """
    if path.suffix != ".parquet":
        return read_delimited(path, notes)
    try:
        found = columns_of(read_columns(path, notes))
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise TargetError(path, f"not a readable Parquet file: {first}", _AGAIN) from None
    notes += found.notes
    if media is not None:
        media.update(found.media)
    return pl.DataFrame([series.rename(name) for name, series in found.columns.items()])


_AGAIN = "Write the file again."


def read_history(path: Path, notes: list[str], media: dict[str, int] | None = None) -> pl.DataFrame:
    """Return a table file as `Run.history` has it; `notes` and `media` as in `read_table`.

    The steps are the first known column that holds whole numbers, else the numbers of the rows.

    Raises:
        TargetError: The file is not readable or holds no column of numbers.
    """
    return as_history(read_table(path, notes, media), path, notes)


def as_history(frame: pl.DataFrame, path: Path, notes: list[str]) -> pl.DataFrame:
    """Return a frame as `Run.history` has it; arguments and errors as in `read_history`."""
    if not any(dtype.is_numeric() for dtype in frame.dtypes):
        raise TargetError(
            path,
            "no column of numbers",
            "A history has one row per step and one column per metric, separated by commas, semicolons, "
            "tabs or |, with a header.",
        )
    columns = {series.name: series for series in frame}
    name = next((n for n in _STEPS if n in columns and _counts(columns[n])), None)
    if name is None:
        numbers = pl.int_range(frame.height, dtype=pl.Int64, eager=True)
        _aside(columns, "_step", notes)
        columns["_step"] = numbers.alias("_step")
    else:
        columns["_step"] = columns[name].alias("_step")
    return ordered(columns, frame.height, notes)


def _counts(series: pl.Series) -> bool:
    """Return whether a column holds whole numbers (or doubles that are whole), at least one."""
    if not series.dtype.is_numeric() or not series.count():
        return False
    known = series.drop_nulls().cast(pl.Float64)
    return bool((known.is_finite() & (known == known.round())).all())


def _aside(columns: dict[str, pl.Series], name: str, notes: list[str]) -> None:
    """Move a column of steps or times that holds none to a name of its own."""
    odd = columns.pop(name, None)
    if odd is not None and odd.count():
        columns[f"{name}:text"] = odd.cast(pl.String).alias(f"{name}:text")
        notes.append(f"{name} does not hold numbers throughout: it is kept as {name}:text")
