"""The forms in which servers answer: how they write times, and which fields they leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any


def _with_zone(moment: datetime) -> str:
    return moment.astimezone(timezone(timedelta(hours=-7))).isoformat()


#: Ways to write a time, by name. "cloud" is what today's cloud writes.
TIMES: dict[str, Callable[[datetime], str]] = {
    "cloud": lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "no zone": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"),
    "offset": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    "other zone": _with_zone,
    "short offset": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    "milliseconds": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.123Z"),
    "microseconds": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.123456"),
    "nanoseconds": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"),
    "blank": lambda t: t.strftime("%Y-%m-%d %H:%M:%S"),
}
#: Fields of a run that the SDK's answer models allow to be null.
OPTIONAL = (
    "tags", "displayName", "sweepName", "state", "group", "jobType", "commit", "readOnly",
    "heartbeatAt", "description", "notes", "historyLineCount", "user", "config", "summaryMetrics",
    "systemMetrics", "historyKeys", "projectId",
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """How a server answers.

    Attributes:
        times: How it writes times, a key of `TIMES`.
        null: Fields of runs that are null in all its answers.
        absent: Fields of runs that it does not know.
        values: Fields of runs that have these values instead of their own.
    """

    times: str = "cloud"
    null: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    values: Mapping[str, Any] = field(default_factory=dict)

    def time(self, moment: datetime) -> str:
        """A time as this server writes it."""
        return TIMES[self.times](moment.astimezone(UTC))

    def run(self, node: dict[str, Any]) -> dict[str, Any]:
        """A run's fields as this server gives them."""
        return {
            name: None if name in self.null else self.values.get(name, value)
            for name, value in node.items()
            if name not in self.absent
        }
