"""What the server knows: runs with their history, events, log, files and artifacts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from postrun.model.text import plain
from tests.standin.forms import Form

FORM = Form()


def strict(line: str) -> str:
    """A JSON line as the server keeps it: NaN and ±Infinity as strings."""
    if "NaN" not in line and "Infinity" not in line:
        return line
    return json.dumps(plain(json.loads(line)))


NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def column(values: list[Any], unions: bool = True) -> Any:
    """A column as the exports hold it: numbers as doubles, steps as integers, others as they are.

    A mixed column is a union, a struct with one field per type, as today's server writes it; with
    `unions` off it is JSON text.
    """
    known = [v for v in values if v is not None]
    if all(isinstance(v, int) and not isinstance(v, bool) for v in known):
        return pa.array(values, pa.int64())
    if all(
        isinstance(v, int | float) or v in NOT_FINITE
        for v in known
        if not isinstance(v, dict | list)
    ) and not any(isinstance(v, dict | list | bool) for v in known):
        return pa.array(
            [v if v is None else float(NOT_FINITE.get(v, v)) for v in values], pa.float64()
        )
    mixed = len({_kind(v) for v in known}) > 1
    if mixed and unions:
        return pa.array([None if v is None else {_kind(v): _leaf(v)} for v in values])
    if mixed or any(isinstance(v, dict | list) for v in known):
        return pa.array([v if v is None else json.dumps(v) for v in values], pa.string())
    return pa.array(values)


def _kind(value: Any) -> str:
    """The field of a union that holds a value."""
    kinds = {
        bool: "bool",
        int: "float64",
        float: "float64",
        str: "utf8",
        dict: "struct",
        list: "list",
    }
    return f"_type_{kinds[type(value)]}"


def _leaf(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@dataclass
class ServerArtifact:
    """One version of an artifact."""

    name: str
    type: str = "model"
    version: int = 0
    aliases: list[str] = field(default_factory=lambda: ["latest"])
    size: int = 0
    digest: str = "d" * 32
    state: str = "COMMITTED"


@dataclass
class ServerRun:
    """One run. `config` as the server holds it: {"lr": {"value": 0.1}}; rows and events are JSON lines.

    `exported`: how many of the rows are in Parquet exports, in files of `per_export` rows; the others are
    live. `unions`: whether mixed columns of exports are unions or JSON text.
    """

    entity: str
    project: str
    id: str
    name: str = ""
    state: str = "finished"
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    sweep: str | None = None
    notes: str | None = None
    commit: str | None = None
    host: str | None = None
    user: str = "me"
    created: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    heartbeat: datetime = datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC)
    rows: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    console: list[tuple[str, str, str]] = field(default_factory=list)  # time, level, text
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: list[tuple[str, ServerArtifact]] = field(default_factory=list)  # "logged" or "used"
    alerts: list[dict[str, Any]] = field(default_factory=list)
    exported: int = 0
    per_export: int = 50_000
    unions: bool = True
    _steps: list[int] = field(default_factory=list, repr=False)

    def log(self, row: dict[str, Any]) -> None:
        """Append one row of history."""
        self.rows.append(strict(json.dumps(row)))

    @property
    def steps(self) -> list[int]:
        """The `_step` of each row."""
        for line in self.rows[len(self._steps) :]:
            self._steps.append(int(json.loads(line)["_step"]))
        return self._steps

    @property
    def last_step(self) -> int:
        """The greatest step, -1 without rows."""
        return max(self.steps, default=-1)

    def exports(self) -> list[bytes]:
        """The Parquet files of the exported rows."""
        files = []
        for start in range(0, self.exported, self.per_export):
            rows = [
                json.loads(r)
                for r in self.rows[start : min(self.exported, start + self.per_export)]
            ]
            keys = list(dict.fromkeys(key for row in rows for key in row))
            columns = {key: column([row.get(key) for row in rows], self.unions) for key in keys}
            out = io.BytesIO()
            pq.write_table(pa.table(columns), out)
            files.append(out.getvalue())
        return files

    def node(self, form: Form = FORM) -> dict[str, Any]:
        """The run's fields, as GraphQL gives them."""
        return form.run(self._node(form))

    def _node(self, form: Form) -> dict[str, Any]:
        keys = {k for line in self.rows[:1] + self.rows[-1:] for k in json.loads(line)}
        return {
            "__typename": "Run",
            "id": f"run-{self.entity}-{self.project}-{self.id}",
            "projectId": "1",
            "internalId": "1",
            "tags": self.tags,
            "name": self.id,
            "displayName": self.name or self.id,
            "sweepName": self.sweep,
            "state": self.state,
            "config": json.dumps(self.config),
            "group": self.group,
            "jobType": self.job_type,
            "commit": self.commit,
            "host": self.host,
            "readOnly": False,
            "createdAt": form.time(self.created),
            "heartbeatAt": form.time(self.heartbeat),
            "description": None,
            "notes": self.notes,
            "systemMetrics": self.events[-1] if self.events else "{}",
            "summaryMetrics": json.dumps(plain(self.summary)),
            "historyLineCount": len(self.rows),
            "eventsLineCount": len(self.events),
            "logLineCount": len(self.console),
            "historyKeys": {
                "lastStep": self.last_step,
                "sets": [],
                "keys": {k: {"typeCounts": [{"type": "number", "count": 1}]} for k in sorted(keys)},
            },
            "user": {"name": self.user, "username": self.user},
        }
