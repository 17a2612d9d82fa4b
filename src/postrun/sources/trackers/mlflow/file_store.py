"""MLflow's file store: `mlruns/EXPERIMENT/RUN` with a file per metric, parameter and tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from postrun.model import Listing, Run, State
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.cut_line import CUT_LINE, last_line_is_cut
from postrun.sources.trackers.mlflow.building import STATES, mlflow_run, seconds_of
from postrun.sources.trackers.settings_files import read_settings

_META = "meta.yaml"
#: States as the numbers of MLflow's protobuf schema.
_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_LARGEST_STEP = 1 << 53
_RUN_FILES = {_META, "metrics", "params"}


class MlflowFiles:
    """Folders of the file store: the store, one of its experiments, or one run."""

    name = "mlflow"
    title = "MLflow"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run whose folder this is."""
        if not set(names) >= _RUN_FILES:
            return
        path = folder / _META
        notes: list[str] = []
        about = _about(folder, notes)
        if "run_id" not in about and "run_uuid" not in about:
            about["run_id"] = folder.name
            notes.append(f"{_META} names no run: name, state and times are not known")
        if about.get("lifecycle_stage") == "deleted":
            return
        metrics = sorted(p for p in (folder / "metrics").rglob("*") if p.is_file())
        state = STATES.get(str(about.get("status")), State.UNKNOWN)
        yield Found(
            folder,
            (path, *metrics),
            partial(_load, self.name, folder, about, metrics, notes),
            id=str(about.get("run_id") or about.get("run_uuid")),
            listing=partial(Listing, str(about.get("name") or ""), _experiment(folder), state),
            alone=False,
            started=seconds_of(about.get("start_time")),
        )

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder is part of a run."""
        return name in ("metrics", "params", "tags", "artifacts", "inputs", "outputs", ".trash")


def _about(folder: Path, notes: list[str]) -> dict[str, Any]:
    about = read_settings(folder / _META, notes)
    status = about.get("status")
    if isinstance(status, int):
        about["status"] = _NUMBERS.get(status)
    about["name"] = about.get("run_name") or _text(folder / "tags" / "mlflow.runName")
    return about


def _experiment(folder: Path) -> str:
    return str(read_settings(folder.parent / _META, []).get("name") or "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _texts(folder: Path) -> dict[str, str]:
    """Return the files of a folder as texts by their names, which may have slashes."""
    return {p.relative_to(folder).as_posix(): _text(p) for p in folder.rglob("*") if p.is_file()}


def _load(
    source: str,
    folder: Path,
    about: dict[str, Any],
    metrics: list[Path],
    known: list[str],
    run_id: str,
) -> Run:
    """Read a run; lines that are cut off or hold no numbers are counted."""
    names: list[str] = []
    parts: list[Any] = []
    notes = list(known)
    for path in metrics:
        rows = [line.split() for line in _text(path).splitlines()]
        if rows and last_line_is_cut(path):
            rows.pop()
            notes.append(CUT_LINE.format(path.name))
        fields = max(map(len, rows), default=0)
        numbers = [r for row in rows if (r := _numbers(row, fields)) is not None]
        if len(numbers) < len(rows):
            notes.append(f'{path.name}: {len(rows) - len(numbers)} lines are no "time value step"')
        names += [path.relative_to(folder / "metrics").as_posix()] * len(numbers)
        parts += numbers
    table = np.array(parts, np.float64).reshape(len(parts), 3)
    order = np.argsort(table[:, 0], kind="stable")
    table, names = table[order], [names[i] for i in order.tolist()]
    values = (names, table[:, 2].astype(np.int64), table[:, 0], table[:, 1])
    own = about | {"experiment": _experiment(folder)}
    params, tags = _texts(folder / "params"), _texts(folder / "tags")
    return mlflow_run(source, run_id, folder, own, values, params, tags, notes)


def _numbers(row: list[str], fields: int) -> tuple[float, float, float] | None:
    """Return time, value and step of a line; files of MLflow before 1.0 have no steps in any line."""
    try:
        if len(row) != fields:
            return None
        time, value = float(row[0]), float(row[1])
        step = float(row[2]) if len(row) > 2 else 0.0
        return (time, value, step) if abs(step) < _LARGEST_STEP else None
    except (ValueError, IndexError):
        return None
