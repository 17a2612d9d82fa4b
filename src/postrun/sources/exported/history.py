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

#: A column counts steps if more than this share of its values are whole numbers.
_MOSTLY = 0.5


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
    steps = _steps(columns, notes)
    if steps is None:
        steps = pl.int_range(frame.height, dtype=pl.Int64, eager=True)
        _aside(columns, "_step", notes)
    columns["_step"] = steps.alias("_step")
    return ordered(columns, frame.height, notes)


def _steps(columns: dict[str, pl.Series], notes: list[str]) -> pl.Series | None:
    """Return the first column that counts steps: whole numbers throughout, else for the most part.

    Values that are not whole are null; a sentence on them goes to `notes`. None if there is no such column.
    """
    found = {n: _whole(columns[n]) for n in _STEPS if n in columns and columns[n].count()}
    shares = {n: whole.count() / columns[n].count() for n, whole in found.items()}
    name = next((n for n, share in shares.items() if share == 1), None)
    name = name or next((n for n, share in shares.items() if share > _MOSTLY), None)
    if name is None:
        return None
    odd = columns[name].is_not_null() & found[name].is_null()
    if odd.any():
        row = int(odd.arg_true()[0])
        count = int(odd.sum())
        values, have = (
            ("1 value", "its row has") if count == 1 else (f"{count:,} values", "their rows have")
        )
        notes.append(
            f"{values} of {name} {'is' if count == 1 else 'are'} no whole number ({columns[name][row]} in row "
            f"{row + 1:,}): {have} no step"
        )
    return found[name]


def _whole(series: pl.Series) -> pl.Series:
    """Return the whole numbers of a column, null for all else."""
    if not series.dtype.is_numeric() or series.dtype.is_integer():
        return series if series.dtype.is_integer() else series.clear(len(series))
    whole = (series == series.round()) & series.is_finite()
    return pl.select(pl.when(whole).then(series).alias("_step")).to_series()


def _aside(columns: dict[str, pl.Series], name: str, notes: list[str]) -> None:
    """Move a column of steps or times that holds none to a name of its own."""
    odd = columns.pop(name, None)
    if odd is not None and odd.count():
        columns[f"{name}:text"] = odd.cast(pl.String).alias(f"{name}:text")
        notes.append(f"{name} does not hold numbers throughout: it is kept as {name}:text")
