"""The CSV file of the W&B page's runs table: one row per run, without histories.

Config and summary are columns of one table there, and nothing tells them apart. A column is taken
for a setting if the metric packs know it as one, if its name has a dot (nested settings), or if it
holds text; for a summary value if the packs know it as a metric or its name has a slash. What is left is
a setting if its values repeat, as those of a grid do, else a summary value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from postrun.metrics.packs_loader import Pack, packs
from postrun.model import Completeness, Identity, Listing, Run, State
from postrun.model.times import parse_time
from postrun.sources.exported.delimited import read_delimited
from postrun.sources.wandb_local.summary import set_path

#: Columns of the page's own, by what a run calls them.
_OWN = {
    "Name": "name", "State": "state", "Notes": "notes", "User": "user", "Tags": "tags", "Created": "created",
    "Runtime": "runtime", "Sweep": "sweep", "ID": "id", "Group": "group", "Job Type": "job_type",
    "Hostname": "host", "Commit": "commit", "GitHub": "repository", "GPU Type": "gpu", "GPU Count": "gpu_count",
    "Updated": "updated", "End Time": "ended", "Description": "description", "Entity": "entity",
    "Project": "project",
}  # fmt: skip
_EMPTY = ("", "-", "--")
#: A column is a setting if it has at most this share of different values.
_REPEATS = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: an id that no other has, its number, and what listing shows."""

    id: str
    number: int
    listing: Listing
    started: float | None


def is_runs_table(header: Sequence[str]) -> bool:
    """Return whether a header is that of a runs table."""
    return "Name" in header and len({"State", "Created", "Runtime", "ID"} & set(header)) > 1


def table_runs(path: Path, version: str) -> list[Row]:
    """Return the runs of a table; `version` tells whether the file changed since it was read."""
    frame, _, _ = _read(path, version)
    texts = frame.select(pl.col(pl.String))
    cells = texts.to_dicts()
    names = [str(c.get("ID") or c.get("Name") or f"row {i + 1}") for i, c in enumerate(cells)]
    counts, seen = Counter(names), Counter[str]()
    out = []
    for number, (row, name) in enumerate(zip(cells, names, strict=True)):
        seen[name] += 1
        run_id = name if counts[name] == 1 else f"{name} #{seen[name]}"
        moment = parse_time(row.get("Created"))
        state = State.of(row.get("State")) or State.UNKNOWN
        listing = Listing(str(row.get("Name") or ""), _text(row, "Project"), state)
        out.append(Row(run_id, number, listing, moment.timestamp() if moment else None))
    return out


def load_table_run(path: Path, number: int, version: str) -> Run:
    """Return the run in one row of a table: settings and results, no history."""
    frame, config, note = _read(path, version)
    row = frame.row(number, named=True)
    about = table_runs(path, version)[number]
    run = Run(
        identity=Identity(
            id=about.id,
            name=_text(row, "Name"),
            entity=_text(row, "Entity"),
            project=_text(row, "Project"),
            group=_text(row, "Group"),
            job_type=_text(row, "Job Type"),
            tags=[tag.strip() for tag in _text(row, "Tags").split(",") if tag.strip()],
            notes=_text(row, "Notes"),
            sweep=_text(row, "Sweep"),
            host=_text(row, "Hostname"),
            commit=_text(row, "Commit"),
            started_at=parse_time(row.get("Created")),
        ),
        state=about.listing.state,
        runtime=_number(row.get("Runtime")),
        path=path,
    )
    for name, value in row.items():
        if name in _OWN or value is None or value in _EMPTY:
            continue
        if name in config:
            set_path(run.config, tuple(name.split(".")), value)
        else:
            run.summary[name] = value
    gpu = _text(row, "GPU Type")
    run.environment = {"gpu": gpu} if gpu else {}
    run.completeness = Completeness(
        source="exported",
        no_history="a runs table holds one row per run: settings and results, no history",
        notes=[note],
    )
    return run


@lru_cache(maxsize=4)
def _read(path: Path, version: str) -> tuple[pl.DataFrame, frozenset[str], str]:
    """Return the table, the columns that are settings, and a sentence on that decision."""
    texts = read_delimited(path, [], texts=True)
    typed = [s if s.name in _OWN else _typed(s) for s in texts]
    frame = pl.DataFrame(typed)
    known = [pack.narrow() for pack in packs() if pack.stream == "history"]
    own = (series for series in frame if series.name not in _OWN)
    config = frozenset(series.name for series in own if _is_setting(series, known))
    results = [n for n in frame.columns if n not in _OWN and n not in config]
    told = ", ".join(sorted(config)) or "none"
    note = (
        f"a runs table does not tell settings from results: taken as settings are {told}; as results "
        f"{', '.join(results) or 'none'}"
    )
    return frame, config, note


def _typed(series: pl.Series) -> pl.Series:
    """Return a column of numbers or truth values as such, if all of its cells are."""
    cells = pl.select(
        pl.when(~series.alias("x").is_in(list(_EMPTY))).then(series).alias(series.name)
    ).to_series()
    for dtype in (pl.Int64, pl.Float64):
        found = cells.str.strip_chars().cast(dtype, strict=False)
        if found.null_count() == cells.null_count():
            return found
    words = cells.str.to_lowercase()
    if words.drop_nulls().is_in(["true", "false"]).all() and words.count():
        return pl.select(
            pl.when(words.is_not_null()).then(words == "true").alias(series.name)
        ).to_series()
    return cells


def _is_setting(series: pl.Series, known: Sequence[Pack]) -> bool:
    name = series.name
    if any(p.fullmatch(name) for pack in known for ps in pack.settings.values() for p in ps):
        return True
    if name.startswith("_") or any(pack.describe(name) for pack in known):
        return False
    if not series.dtype.is_numeric() or "." in name:
        return True
    if "/" in name:
        return False
    return series.alias("x").drop_nulls().n_unique() <= _REPEATS * max(2, series.count())


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or value in _EMPTY else str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
