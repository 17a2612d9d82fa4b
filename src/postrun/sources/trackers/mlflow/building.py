"""A run of MLflow from what either of its stores holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.model import Identity, Run, State
from postrun.sources.trackers.building import moment, tracker_run
from postrun.sources.trackers.points import Points, rows_of
from postrun.sources.trackers.settings_files import read_setting
from postrun.sources.trackers.system import system_frame

STATES = {
    "FINISHED": State.FINISHED,
    "FAILED": State.FAILED,
    "KILLED": State.CRASHED,
    "RUNNING": State.RUNNING,
    "SCHEDULED": State.RUNNING,
}
_SYSTEM = "system/"
#: What databases hold instead of infinity, for SQL has none.
_LARGEST = float(np.finfo(np.float64).max)


def seconds_of(milliseconds: object) -> float | None:
    """Return a time of MLflow as Unix seconds, None if it is none."""
    known = isinstance(milliseconds, int | float) and milliseconds > 0
    return milliseconds / 1000 if known else None  # type: ignore[operator]


def mlflow_run(
    source: str,
    run_id: str,
    path: Path,
    about: Mapping[str, Any],
    values: tuple[Sequence[str], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    params: Mapping[str, str],
    tags: Mapping[str, str],
    notes: Sequence[str] = (),
) -> Run:
    """Return a run of MLflow.

    Args:
        source: The name of the source.
        run_id: The id under which the run is shown.
        path: Where it lies.
        about: `name`, `experiment`, `status`, `start_time` and `end_time` in milliseconds.
        values: Names, steps, times in milliseconds, and values of all logged numbers in the order of logging.
        params: The parameters as MLflow keeps them, as text.
        tags: The tags, MLflow's own (`mlflow.*`) among them.
        notes: What could not be read.
    """
    names, step, time, value = values
    known = (
        sorted(set(names), key=list(names).index)
        if len(names) < 1000
        else list(dict.fromkeys(names))
    )
    index = {name: i for i, name in enumerate(known)}
    code = np.fromiter((index[name] for name in names), np.int64, len(names))
    infinite = np.abs(value) >= _LARGEST
    value = np.where(infinite, np.copysign(np.inf, value), value)
    machine = np.array([name.startswith(_SYSTEM) for name in known], np.bool_)
    own = ~machine[code] if len(code) else np.zeros(0, np.bool_)
    points = Points(known, code[own], step[own], time[own] / 1000, value[own])
    started, ended = seconds_of(about.get("start_time")), seconds_of(about.get("end_time"))
    identity = Identity(
        run_id,
        name=str(about.get("name") or tags.get("mlflow.runName") or ""),
        project=str(about.get("experiment") or ""),
        notes=tags.get("mlflow.note.content", ""),
        commit=tags.get("mlflow.source.git.commit", ""),
        repository=tags.get("mlflow.source.git.repoURL", ""),
        tags=[f"{k}:{v}" for k, v in sorted(tags.items()) if not k.startswith("mlflow.")],
        started_at=moment(started),
    )
    run = tracker_run(
        source,
        identity,
        rows_of(points)[0],
        path,
        config={key: read_setting(text) for key, text in params.items()},
        state=STATES.get(str(about.get("status")), State.UNKNOWN),
        ended=ended,
        notes=notes,
    )
    if (~own).any():
        samples = Points(known, code[~own], step[~own], time[~own] / 1000, value[~own])
        frame = rows_of(samples)[0]
        names_of = {n: n.removeprefix(_SYSTEM) for n in frame.columns}
        run.system = system_frame(frame.rename(names_of), run.identity.started_at)
    program = tags.get("mlflow.source.name")
    run.environment = {"program": program} if program else {}
    return run
