"""What was found out over many runs: sentences, tables and charts, for every report to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from postrun.model.display import notebook
from postrun.model.errors import UsageError
from postrun.model.text import did_you_mean, number

#: Hours from which on times are told in hours.
_LONG = 2.0
#: Columns of hours.
_HOURS = ("hours", "gpu_hours", "hours_saved", "hours_per_gain", "gpu_hours_per_gain")
#: How times (UTC) are written into files.
_ISO = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as data; `kind` says how it is drawn, and what `data` holds.

    * "lines": x (label), y (label), lines: [{label, x, y, low, high, steps, points, level, colour}] (low, high:
      bands; steps: drawn as stairs; points: without a line; level: a level line; colour: classes of its own),
      log_x, time
    * "intervals": rows: [{label, value, low, high, note}], reference (a vertical line), x (label), share
    * "bars": x (label), y (label), labels, parts: [{label, values}], each bar a stack
    * "heat": x (label), y (label), columns, rows, values (row by row), unit
    """

    kind: str
    title: str
    data: dict[str, Any]


@dataclass(slots=True)
class Section:
    """One part of a study. `key` names its table in files and JSON."""

    key: str
    title: str
    text: list[str] = field(default_factory=list)
    table: pl.DataFrame | None = None
    charts: list[Chart] = field(default_factory=list)
    #: Columns that a terminal leaves out for want of room; all other reports show them.
    wide: tuple[str, ...] = ()
    #: Whether a terminal shows many rows: names that the reader looks up.
    whole: bool = False


@dataclass(slots=True)
class Study:
    """The result of a command over many runs. `kind` is the command's name.

    `headline` says what matters, most important first; `caveats` what it cannot show; `subject` is the
    metric that it is about, "" if none. `axis` is what runs are compared over. By a run's id, `groups` has
    the name of its group and `results` the value it is compared by; a run that is left out has none.
    """

    kind: str
    title: str
    headline: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    subject: str = ""
    axis: str = "step"
    groups: dict[str, str] = field(default_factory=dict)
    results: dict[str, float] = field(default_factory=dict)

    def add(self, *sections: Section) -> None:
        """Add the sections that show something: rows, or text where there is no table."""
        self.sections += [
            s for s in sections if (s.table.height if s.table is not None else len(s.text))
        ]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by their keys."""
        return {s.key: s.table for s in self.sections if s.table is not None}

    def __getitem__(self, key: str) -> pl.DataFrame:
        """A table by its key; UsageError that names those that there are if it has no such table."""
        tables = self.tables
        if key not in tables:
            near = did_you_mean(key, tables)
            there = f"It has {', '.join(tables)}." if tables else "It has no table."
            raise UsageError(f"{self.kind} has no table {key!r}.{near} {there}")
        return tables[key]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the charts, as plain data."""
        return {
            "kind": self.kind,
            "title": self.title,
            "headline": self.headline,
            "caveats": self.caveats,
            "tables": {key: plain_times(frame).to_dicts() for key, frame in self.tables.items()},
            "text": {s.key: s.text for s in self.sections if s.text},
        }

    def _repr_html_(self) -> str:
        return notebook(self)


def told(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table without the columns that have no single value, or only empty texts."""
    return frame[[c.name for c in frame if not frame.height or not _empty(c)]]


def _empty(column: pl.Series) -> bool:
    known = column.drop_nulls()
    return not len(known) or (column.dtype == pl.String and bool((known == "").all()))


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """A table for people: hours as minutes or seconds if all are short. Files keep the hours."""
    shown = []
    for column in frame.get_columns():
        name, most = column.name, None
        if name in _HOURS and column.dtype.is_float():
            most = column.filter(column.is_finite()).max()
        unit, factor = _unit_of(most if isinstance(most, float) else _LONG)
        other = name.replace("hours", unit)
        shown.append(
            column if factor == 1 or other in frame.columns else (column * factor).alias(other)
        )
    return pl.DataFrame(shown)


def _unit_of(hours: float) -> tuple[str, float]:
    """Return the unit in which times of at most so many hours are read, and how many an hour has."""
    if hours < 0.05:
        return "seconds", 3600.0
    return ("minutes", 60.0) if hours < _LONG else ("hours", 1.0)


def plain_times(frame: pl.DataFrame) -> pl.DataFrame:
    """A table for files: times as ISO 8601 text, which spreadsheets, scripts and people read alike."""
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(_ISO) for name in times)


def cells(frame: pl.DataFrame) -> list[list[str]]:
    """A table's cells as people read them; empty where there is no value."""
    return [[cell(value) for value in row] for row in frame.iter_rows()]


def cell(value: Any) -> str:
    """One cell as people read it."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return str(value)
