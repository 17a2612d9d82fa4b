"""Files of JSON lines in which each line is a row of metrics."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from postrun.metrics.grammar import JUDGED, read
from postrun.model import Damage, Identity, Run, TargetError
from postrun.model.times import parse_time
from postrun.sources.exported.history import as_history
from postrun.sources.frames.rows import frame_of
from postrun.sources.lenient_json import object_of
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import tracker_run

_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
#: Lines that are looked at to tell metrics from data sets.
_LOOK = 20
_HEAD = 65_536
#: A text of more characters is data.
_TEXT = 200
_STEPS = frozenset(
    {"step", "_step", "global_step", "iteration", "iter", "epoch", "steps", "update", "round"}
)
_TIMES = ("_timestamp", "timestamp", "time", "wall_time", "ts")
#: Unix seconds of 2000: a smaller number counts from the start.
_UNIX = 946_684_800


class JsonLines:
    """Logs of programs that write a JSON object per step."""

    name = "json_lines"
    title = "JSON lines"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield each file whose first lines are rows of metrics."""
        for name in sorted(names):
            path = folder / name
            if name.endswith(_SUFFIXES) and name != "wandb-history.jsonl" and _holds_metrics(path):
                yield Found(
                    path, (path,), partial(_load, self.name, path), id=_id(folder, path, names)
                )

    def owns(self, folder: Path, name: str) -> bool:
        """Return False: a file owns no folder."""
        return False


def _id(folder: Path, path: Path, names: Sequence[str]) -> str:
    """Return an id for one of several files of a folder, "" for the only one."""
    several = sum(name.endswith(_SUFFIXES) for name in names) > 1
    return f"{folder.resolve().name}-{path.stem}" if several else ""


def _holds_metrics(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            lines = file.read(_HEAD).removeprefix(BOM_UTF8).split(b"\n")[:_LOOK]
    except OSError:
        return False
    rows = [row for line in lines if (row := object_of(line)) is not None]
    if not rows or any(isinstance(v, str) and len(v) > _TEXT for row in rows for v in row.values()):
        return False
    numbers = {
        k
        for row in rows
        for k, v in row.items()
        if isinstance(v, int | float) and not isinstance(v, bool)
    }
    metrics = [
        key for key in numbers - _STEPS if (found := read(key)) and found[0].confidence >= JUDGED
    ]
    return len(metrics) > (0 if numbers & _STEPS else 1)


def _load(source: str, path: Path, run_id: str) -> Run:
    """Read the rows; lines that are no objects are named as damage.

    Raises:
        TargetError: No line is a row.
    """
    rows: list[dict[str, Any]] = []
    damage: list[Damage] = []
    data = path.read_bytes()
    at = len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0
    for line in data[at:].split(b"\n"):
        row = object_of(line) if line.strip() else None
        if row is not None:
            rows.append(row)
        elif line.strip():
            damage.append(
                Damage(str(path), at, len(line), "a line is no JSON object", resumed=True)
            )
        at += len(line) + 1
    if not rows:
        raise TargetError(path, "no line is a JSON object", "Write one JSON object per line.")
    if damage and damage[-1].offset + damage[-1].length >= at - 1:
        damage[-1].resumed, damage[-1].reason = False, "the last line is cut off"
    notes: list[str] = []
    for row in rows:
        _note_time(row)
    history = as_history(frame_of(rows), path, notes)
    run = tracker_run(source, Identity(run_id, name=run_id), history, path, notes=notes)
    run.completeness.damage = damage
    return run


def _note_time(row: dict[str, Any]) -> None:
    """Move the time of a row to `_timestamp`, if it has one."""
    for key in _TIMES:
        value = row.get(key)
        if isinstance(value, str) or (isinstance(value, int | float) and value > _UNIX):
            moment = parse_time(value)
            if moment is not None:
                row.pop(key)
                row["_timestamp"] = moment.timestamp()
                return
