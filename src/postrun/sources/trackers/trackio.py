"""Trackio: one SQLite file per project, with the runs of the project in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from postrun.model import Alert, Identity, Listing, Run, TargetError
from postrun.model.times import parse_time
from postrun.sources.frames.rows import frame_of
from postrun.sources.lenient_json import object_of
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run
from postrun.sources.trackers.databases import columns, database, holds_tables
from postrun.sources.trackers.system import system_frame

_SUFFIX = ".db"
_TABLES = frozenset({"metrics", "configs"})
#: Settings that Trackio itself writes.
_OWN = ("_Username", "_Created", "_Group")


class Trackio:
    """Databases of Trackio, in `~/.cache/huggingface/trackio` unless TRACKIO_DIR says otherwise."""

    name = "trackio"
    title = "Trackio"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the runs of each project whose database lies in a folder."""
        for name in sorted(names):
            path = folder / name
            if not name.endswith(_SUFFIX) or not holds_tables(path, _TABLES):
                continue
            for run_id, run_name, first in _runs(path):
                began = parse_time(first)
                yield Found(
                    path,
                    (path, Path(f"{path}-wal")),
                    partial(_load, self.name, path, run_id),
                    id=run_name if run_id == run_name else f"{run_name}-{run_id[:8]}",
                    listing=partial(Listing, run_name, path.stem),
                    alone=False,
                    started=began.timestamp() if began else None,
                )

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder holds the media of the databases."""
        return name == "media"


def _runs(path: Path) -> list[tuple[str, str, object]]:
    """Return id, name and first time of each run; in databases of older versions the name is the id."""
    with database(path) as connection:
        key = "run_id" if "run_id" in columns(connection, "metrics") else "run_name"
        if "run_name" not in columns(connection, "metrics"):
            return []
        found = connection.execute(
            f"select {key}, max(run_name), min(timestamp) from metrics group by {key}"
        )
        return [(str(run), str(name), first) for run, name, first in found]


def _load(source: str, path: Path, run: str, run_id: str) -> Run:
    """Read one run of a project.

    Raises:
        TargetError: The database cannot be read, or has no row of the run.
    """
    notes: list[str] = []
    with database(path, notes) as connection:
        key = "run_id" if "run_id" in columns(connection, "metrics") else "run_name"
        query = "select timestamp, step, metrics, run_name from {} where {} = ? order by id"
        found = connection.execute(query.format("metrics", key), (run,)).fetchall()
        settings = connection.execute(
            f"select config from configs where {key} = ?", (run,)
        ).fetchone()
        system: list[Any] = []
        if columns(connection, "system_metrics"):
            system = connection.execute(
                f"select timestamp, metrics from system_metrics where {key} = ? order by id", (run,)
            ).fetchall()
        alerts: list[Any] = []
        if columns(connection, "alerts"):
            alerts = connection.execute(
                f"select title, text, level from alerts where {key} = ? order by id", (run,)
            ).fetchall()
    if not found:
        raise TargetError(
            path, f"no row of the run {run}", "It may be deleted: `trackio list runs`."
        )
    rows = [_row(metrics, timestamp) | {"_step": step} for timestamp, step, metrics, _ in found]
    config = _object(settings[0]) if settings else {}
    group, created = config.get("_Group"), parse_time(config.get("_Created"))
    identity = Identity(
        run_id, name=str(found[0][3]), project=path.stem, group=str(group or ""), started_at=created
    )
    own = {k: v for k, v in config.items() if k not in _OWN}
    result = tracker_run(source, identity, frame_of(rows), path, config=own, notes=notes)
    samples = frame_of(_row(metrics, timestamp) for timestamp, metrics in system)
    result.system = system_frame(samples, result.identity.started_at)
    result.alerts = [Alert(str(t), str(text or ""), str(level)) for t, text, level in alerts]
    return result


def _row(metrics: bytes | str, timestamp: object) -> dict[str, Any]:
    moment = parse_time(timestamp)
    row = _object(metrics)
    return row | {"_timestamp": moment.timestamp()} if moment else row


def _object(text: bytes | str) -> dict[str, Any]:
    return object_of(text) or {}
