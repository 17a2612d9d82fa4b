"""Parquet files of Neptune's exporter: a row per attribute, and per step of a series."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from postrun.model import Identity, Run, State, TargetError, empty_console
from postrun.model.times import parse_time
from postrun.sources.frames.files import read_columns
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.points import Points, coded, rows_of
from postrun.sources.trackers.system import system_frame

_PART = re.compile(r"(?P<run>.*?)_?part_(?P<number>\d+)\.parquet")
_COLUMNS = {"project_id", "run_id", "attribute_path", "attribute_type"}
#: Types of single values, and the column that holds each.
_VALUES = {
    "float": "float_value", "int": "int_value", "string": "string_value", "bool": "bool_value",
    "datetime": "datetime_value", "string_set": "string_set_value",
}  # fmt: skip
_OWN, _MONITORING = "sys/", "monitoring/"
#: Steps are decimals; a history counts in whole numbers.
_NO_STEP = "Neptune's steps are not whole numbers: they are in the column `step`, and `_step` counts the rows"


class Neptune:
    """Folders that Neptune's exporter wrote, from Neptune 2 or 3."""

    name = "neptune"
    title = "Neptune export"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the runs whose parts lie in a folder."""
        parts: dict[str, list[Path]] = {}
        for name in sorted(names):
            if match := _PART.fullmatch(name):
                parts.setdefault(match["run"] or folder.name, []).append(folder / name)
        for run, paths in parts.items():
            if _is_export(paths[0]):
                files = tuple(paths)
                yield Found(paths[0], files, partial(_load, self.name, files), id=run, alone=False)

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: the exporter keeps files elsewhere."""
        return False


def _is_export(path: Path) -> bool:
    """Return whether a Parquet file has the columns of an export.

    Raises:
        TargetError: It is called as a part of a run, and cannot be read.
    """
    try:
        return pl.read_parquet_schema(path).keys() >= _COLUMNS
    except (OSError, pl.exceptions.PolarsError) as error:
        if not path.is_file() or path.name.startswith("part_"):
            return False  # other programs call their files alike
        problem = f"not a readable Parquet file: {str(error).splitlines()[0]}"
        raise TargetError(path, problem, "Export the run again.") from None


def _load(source: str, paths: tuple[Path, ...], run_id: str) -> Run:
    """Read the parts of a run; one that cannot be read is noted.

    Raises:
        TargetError: No part can be read.
    """
    frames: list[pl.DataFrame] = []
    notes: list[str] = []
    for path in paths:
        try:
            frames.append(read_columns(path, notes))
        except (OSError, pl.exceptions.PolarsError) as error:
            notes.append(f"{path.name} is not readable: {str(error).splitlines()[0]}")
    if not frames:
        raise TargetError(paths[0], "; ".join(notes), "Export the run again.")
    rows = pl.concat(frames, how="diagonal_relaxed")
    config, own = _single_values(rows)
    series = rows.filter(pl.col("attribute_type") == "float_series")
    machine = pl.col("attribute_path").str.starts_with(_MONITORING)
    history = _history(series.filter(~machine), notes)
    created = own.get("creation_time")
    tags = own.get("tags") or []
    identity = Identity(
        run_id,
        name=str(own.get("name") or ""),
        project=str(rows["project_id"][0] or "").rpartition("/")[2],
        entity=str(rows["project_id"][0] or "").rpartition("/")[0],
        notes=str(own.get("description") or ""),
        tags=[str(tag) for tag in tags] if isinstance(tags, list) else [],
        host=str(own.get("hostname") or ""),
        started_at=parse_time(str(created)) if created else None,
    )
    state = State.FAILED if own.get("failed") is True else State.UNKNOWN
    run = tracker_run(source, identity, history, paths[0], config=config, state=state, notes=notes)
    run.system = system_frame(_history(series.filter(machine), []), run.identity.started_at)
    run.console = _console(rows)
    seconds = own.get("running_time_seconds") or own.get("running_time")
    if isinstance(seconds, int | float):
        run.runtime = max(float(seconds), run.runtime or 0.0)
    return run


def _single_values(rows: pl.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a run, and what Neptune itself keeps of it."""
    config: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for kind, column in _VALUES.items():
        if column not in rows.columns:
            continue
        found = rows.filter(pl.col("attribute_type") == kind).select("attribute_path", column)
        for path, value in found.iter_rows():
            if path.startswith(_OWN):
                own[path.removeprefix(_OWN)] = value
            elif not path.startswith((_MONITORING, "source_code/")):
                config[path] = value if isinstance(value, int | float | str | list) else str(value)
    return config, own


def _history(series: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    known = series.drop_nulls(["float_value", "step"])
    names, code = coded(known["attribute_path"].to_list())
    step = known["step"].cast(pl.Float64).to_numpy()
    time = known["timestamp"].dt.epoch("ms").cast(pl.Float64).to_numpy() / 1000
    value = known["float_value"].cast(pl.Float64).to_numpy()
    whole = bool((step == np.rint(step)).all())
    places = (
        step.astype(np.int64) if whole else np.unique(step, return_inverse=True)[1].astype(np.int64)
    )
    order = np.argsort(places, kind="stable")
    points = Points(names, code[order], places[order], time[order], value[order])
    frame, _ = rows_of(points)
    if whole:
        return frame
    notes.append(_NO_STEP)
    return frame.with_columns(pl.Series("step", np.unique(step)[frame["_step"].to_numpy()]))


def _console(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the streams that Neptune captured."""
    path = pl.col("attribute_path")
    lines = rows.filter(
        (pl.col("attribute_type") == "string_series") & path.str.contains(r"std(?:out|err)$")
    )
    if not lines.height:
        return empty_console()
    return lines.sort("timestamp", "step").select(
        (pl.col("timestamp").dt.epoch("ms") / 1000).alias("timestamp"),
        path.str.extract(r"(std(?:out|err))$").alias("stream"),
        pl.col("string_value").str.strip_chars_end("\n").alias("line"),
        pl.lit(None, pl.String).alias("styled"),
    )
