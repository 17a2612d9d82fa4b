"""Reading a Parquet file with Polars, whose panics on damaged files are no errors of Python."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from postrun.sources.frames.footer import footer_problem
from postrun.sources.frames.memory import available


def read_whole(path: Path) -> pl.DataFrame:
    """Return all columns of a Parquet file.

    Raises:
        PolarsError: The file, or one of its columns, cannot be read, or it would fill more than the memory.
        OSError: The file cannot be opened.
    """
    _check(path)
    try:
        return pl.read_parquet(path, memory_map=False)
    except BaseException as error:
        if _is_panic(error):
            raise pl.exceptions.ComputeError("its footer contradicts its pages") from None
        raise


def read_columns(path: Path, notes: list[str]) -> pl.DataFrame:
    """Return the columns of a Parquet file that can be read; `notes` takes the names of the others.

    Raises:
        PolarsError: The file or all of its columns cannot be read, or it would fill more than the memory.
        OSError: The file cannot be opened.
    """
    _check(path)
    try:
        return pl.read_parquet(path)
    except BaseException as error:
        if not _is_panic(error):
            raise
    read: list[pl.Series] = []
    lost: list[str] = []
    for name in pl.read_parquet_schema(path):
        try:
            read.append(pl.read_parquet(path, columns=[name]).to_series())
        except BaseException as error:
            if not _is_panic(error) and not isinstance(error, pl.exceptions.PolarsError):
                raise
            lost.append(name)
    if not read:
        raise pl.exceptions.ComputeError("its footer contradicts its pages")
    notes.append(f"{len(lost)} columns cannot be read and were left out: {', '.join(lost[:5])}")
    return pl.DataFrame(read)


def _check(path: Path) -> None:
    """Refuse a file whose footer cannot be true, before Polars believes it."""
    if problem := footer_problem(path, available()):
        raise pl.exceptions.ComputeError(f"its footer is wrong: {problem}")


def _is_panic(error: BaseException) -> bool:
    """Return whether an error is a panic within Polars, whose class has no base but BaseException."""
    return type(error).__name__ == "PanicException"
