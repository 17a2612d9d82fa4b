"""MLflow's SQLite database, which its servers and newer versions write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from postrun.model import Listing, Run, State, TargetError
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.databases import columns, database, holds_tables
from postrun.sources.trackers.mlflow.building import STATES, mlflow_run, seconds_of

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_TABLES = frozenset({"runs", "metrics", "params", "tags", "experiments"})


class MlflowSqlite:
    """Databases of MLflow (`mlflow.db`)."""

    name = "mlflow"
    title = "MLflow"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the runs of each database in a folder."""
        for name in sorted(names):
            path = folder / name
            if not name.endswith(_SUFFIXES) or not holds_tables(path, _TABLES):
                continue
            with database(path) as connection:
                if "run_uuid" not in columns(connection, "runs"):
                    continue
                rows = connection.execute(
                    "select run_uuid, runs.name, status, experiments.name, start_time from runs"
                    " left join experiments using (experiment_id)"
                    " where runs.lifecycle_stage is null or runs.lifecycle_stage <> 'deleted'"
                ).fetchall()
            for run, title, status, experiment, start in rows:
                state = STATES.get(str(status), State.UNKNOWN)
                yield Found(
                    path,
                    (path, Path(f"{path}-wal")),
                    partial(_load, self.name, path, str(run)),
                    id=str(run),
                    listing=partial(Listing, str(title or ""), str(experiment or ""), state),
                    alone=False,
                    started=seconds_of(start),
                )

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: artifacts lie where their store says."""
        return False


def _load(source: str, path: Path, run: str, run_id: str) -> Run:
    """Read one run of a database.

    Raises:
        TargetError: The database cannot be read, or the run is no longer in it.
    """
    notes: list[str] = []
    with database(path, notes) as connection:
        found = connection.execute(
            "select runs.name, status, start_time, end_time, experiments.name from runs"
            " left join experiments using (experiment_id) where run_uuid = ?",
            (run,),
        ).fetchone()
        if found is None:
            raise TargetError(path, f"no run {run}", "List the runs again: postrun list.")
        is_nan = "is_nan" if "is_nan" in columns(connection, "metrics") else "0"
        logged = connection.execute(
            f"select key, step, timestamp, value, {is_nan} from metrics where run_uuid = ?"
            " order by timestamp, step",
            (run,),
        ).fetchall()
        pairs = "select key, value from {} where run_uuid = ?"
        params = dict(connection.execute(pairs.format("params"), (run,)).fetchall())
        tags = dict(connection.execute(pairs.format("tags"), (run,)).fetchall())
    about = dict(
        zip(("name", "status", "start_time", "end_time", "experiment"), found, strict=True)
    )
    values = (
        [str(row[0]) for row in logged],
        np.array([row[1] for row in logged], np.int64),
        np.array([row[2] for row in logged], np.float64),
        np.array([np.nan if row[4] else row[3] for row in logged], np.float64),
    )
    return mlflow_run(source, run_id, path, about, values, params, tags, notes)
