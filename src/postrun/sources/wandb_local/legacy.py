"""Run folders of SDK 0.8 and 0.9: one JSON object per line instead of a `.wandb` log.

`wandb-history.jsonl` holds the history and `wandb-events.jsonl` the system metrics; config, summary,
metadata and console log lie beside them in the folder itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Damage
from postrun.model.times import parse_time
from postrun.sources.files import is_own, leads_out
from postrun.sources.frames.rows import fill_rows
from postrun.sources.frames.times import ordered
from postrun.sources.lenient_json import object_of
from postrun.sources.oddities import Oddities
from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.files_folder import FilesFolder
from postrun.sources.wandb_local.log import Log, empty_system
from postrun.sources.wandb_local.media import fold_media

HISTORY, EVENTS = "wandb-history.jsonl", "wandb-events.jsonl"


def is_legacy(folder: Path) -> bool:
    """Return whether a run folder holds a history or system metrics as JSON lines."""
    below = _lines_of(folder)
    return any((below / n).is_file() and not leads_out(below / n) for n in (HISTORY, EVENTS))


def _lines_of(folder: Path) -> Path:
    """Return where the JSON lines lie: in the run folder, or in `files/` if they were moved there."""
    below = folder / "files"
    return below if (below / HISTORY).is_file() else folder


def read_legacy(folder: Path, files: FilesFolder) -> Log:
    """Read the JSON lines of a run folder; `files` are those beside them.

    A line that is no JSON object is left out and noted with its place.
    """
    folder = _lines_of(folder)
    log = Log(folder / HISTORY)
    table = Table()
    rows = _rows(log.path, log)
    log.records = len(rows)
    fill_rows(table, rows)
    columns = fold_media({s.name: s for s in table.series()}, table.media)
    log.history = ordered(columns, table.rows, log.notes)
    log.media, log.nonfinite = dict(table.media), table.nonfinite
    log.notes += table.notes
    if not log.path.is_file():
        log.unreadable, log.remedy = f"{HISTORY} is missing", "Copy the whole run folder again."
    elif not rows:
        log.unreadable, log.remedy = f"{HISTORY} holds no row", ""
    log.system = _system(_rows(folder / EVENTS, log))
    _learn_end(log, files.metadata)
    for name in ("cli_version", "python_version"):
        if files.internal.get(name):
            log.telemetry[name] = str(files.internal[name])
    return log


def _rows(path: Path, log: Log) -> list[dict[str, Any]]:
    """Return the JSON objects of a file; what is wrong with other lines is noted in `log`."""
    if not is_own(path, log.notes):
        return []
    rows: list[dict[str, Any]] = []
    odd = Oddities()
    offset = 0
    for line in path.read_bytes().splitlines(keepends=True):
        row = object_of(line, odd) if line.strip() else {}
        if row is None:
            whole = line.endswith(b"\n")
            reason = "a line that is not JSON" if whole else "the file ends inside a line"
            log.damage.append(Damage(path.name, offset, len(line), reason, resumed=whole))
            log.truncated |= not whole
        elif row:
            rows.append(row)
        offset += len(line)
    log.notes += [f"{path.name}: {told}" for told in odd.sentences()]
    return rows


def _system(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the system metrics under the names that later SDKs give them."""
    if not rows:
        return empty_system()
    table = Table()
    plain = [
        {k.removeprefix("system."): v for k, v in row.items() if k != "_wandb"} for row in rows
    ]
    fill_rows(table, plain)
    columns = {s.name: s for s in table.series()}
    columns.pop("_runtime", None)  # computed anew, from the start of the run
    if "_timestamp" not in columns:
        columns["_timestamp"] = pl.Series("_timestamp", [None] * len(rows), dtype=pl.Float64)
    names = ["_timestamp", *sorted(n for n in columns if n != "_timestamp")]
    frame = pl.DataFrame([columns[n] for n in names])
    return frame.with_columns(pl.col("_timestamp").cast(pl.Float64, strict=False))


def _learn_end(log: Log, metadata: dict[str, Any]) -> None:
    """Take the end of the run from wandb-metadata.json, where these SDKs kept it."""
    started = parse_time(metadata.get("startedAt"))
    last = parse_time(metadata.get("heartbeatAt"))
    if started is not None:
        log.run["start_time"] = {"seconds": 0, "nanos": int(started.timestamp() * 1e9)}
    for ours, theirs in (("project", "project"), ("job_type", "jobType"), ("display_name", "name")):
        if isinstance(metadata.get(theirs), str):
            log.run[ours] = metadata[theirs]
    code = metadata.get("exitcode")
    if isinstance(code, int) and not isinstance(code, bool):
        log.exited, log.exit_code = True, code
        if started is not None and last is not None:
            log.exit_runtime = round((last - started).total_seconds())
