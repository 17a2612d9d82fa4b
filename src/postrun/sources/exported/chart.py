"""The CSV file of a chart of the W&B page: one row per step, columns "run - metric".

Each metric of each run has up to three columns: the value, and the least and the greatest of the
group that the page drew as one point (`__MIN`, `__MAX`). Some files hold `run - _step` as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from postrun.model import Identity, Run, TargetError
from postrun.sources.exported.delimited import read_delimited
from postrun.sources.exported.history import as_history
from postrun.sources.exported.run import completeness_of
from postrun.sources.sampling import looks_sampled

_BANDS = ("__MIN", "__MAX")
_BETWEEN = " - "
#: First columns that are times; W&B's own words.
_SECONDS = ("Relative Time (Process)", "Relative Time (Wall)", "Relative Time", "_runtime")
_WALL = ("Wall Time", "_timestamp")
_UNSURE = "the W&B page draws long histories from a sample of their rows"
_NOTE = "read from a chart's CSV: config, summary and log are not in it"


def is_chart(header: Sequence[str]) -> bool:
    """Return whether a header is a chart's: an axis, then columns "run - metric" alone."""
    return (
        len(header) > 1
        and bool(header[0].strip())
        and _BETWEEN not in header[0]
        and all(_BETWEEN in name for name in header[1:])
    )


def chart_runs(header: Sequence[str]) -> list[str]:
    """Return the names of the runs of a chart, in the order of its columns."""
    return list(dict.fromkeys(run for run, _ in _split(header[1:]).values()))


def _split(columns: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return run and metric of each column, cut at the last " - ": names of runs often hold one."""
    out = {}
    for column in columns:
        run, _, metric = _without_band(column)[0].rpartition(_BETWEEN)
        out[column] = run, metric
    return out


def _without_band(name: str) -> tuple[str, str]:
    """Return a column's name without its band, and the band ("" if it is the value)."""
    band = next((b for b in _BANDS if name.endswith(b)), "")
    return name.removesuffix(band), band


def load_chart_run(path: Path, name: str, version: str) -> Run:
    """Return one run of a chart; `version` tells whether the file changed since it was read.

    Raises:
        TargetError: The file is not readable, or holds no number of this run.
    """
    frame, notes = _read(path, version)
    axis = frame.columns[0]
    columns: dict[str, pl.Series] = {}
    for column, (owner, metric) in _split(frame.columns[1:]).items():
        _, band = _without_band(column)
        if owner == name and not (band and metric in ("_step", axis)):
            columns[f"{metric}{band}"] = frame[column].alias(f"{metric}{band}")
    if not columns:
        raise TargetError(path, f"the chart has no run {name}")
    if axis not in columns:
        columns[_axis_name(axis)] = frame[axis].alias(_axis_name(axis))
    rows = _rows_with_values(columns, axis)
    own = pl.DataFrame(list(columns.values())).filter(rows)
    told = list(notes)
    run = Run(identity=Identity(id=name, name=name), path=path, history=as_history(own, path, told))
    run.runtime = _last(run.history["_runtime"])
    run.completeness = completeness_of(run, told)
    run.completeness.notes.append(_NOTE)
    run.completeness.unsure = _UNSURE
    run.completeness.sampled = looks_sampled(run.history, None)
    return run


@lru_cache(maxsize=4)
def _read(path: Path, version: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read a chart once for all of its runs."""
    notes: list[str] = []
    return read_delimited(path, notes), tuple(notes)


def _axis_name(axis: str) -> str:
    """Return what a history calls the axis of a chart."""
    if axis == "Step":
        return "_step"
    return "_runtime" if axis in _SECONDS else "_timestamp" if axis in _WALL else axis


def _rows_with_values(columns: dict[str, pl.Series], axis: str) -> pl.Series:
    """Return which rows are the run's: those in which it has a value beside the axis."""
    out: pl.Series | None = None
    for name, series in columns.items():
        if name not in (axis, _axis_name(axis)):
            known = series.alias("x").is_not_null()
            out = known if out is None else out | known
    assert out is not None
    return out


def _last(series: pl.Series) -> float | None:
    top = series.max()
    return float(top) if isinstance(top, int | float) else None
