"""What a watched training is told to have done: one event each."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from postrun.model import Finding, Severity


class Kind(enum.StrEnum):
    """What happened."""

    STARTED = "started"
    FOUND = "found"
    ESCALATED = "escalated"
    EASED = "eased"
    RECOVERED = "recovered"
    STALLED = "stalled"
    RESUMED = "resumed"
    PROBLEM = "problem"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a watched run.

    Attributes:
        run: The run's id.
        name: The run's display name.
        message: One sentence, masked.
        severity: How much it matters, GOOD for a recovery.
        time: When it was told, Unix seconds.
        at: The last step that was known then, in words ("step 1,200"); "" before the first row.
        step: The same as a number.
        finding: What was found; None if the event is not about a finding.
    """

    kind: Kind
    run: str
    name: str
    message: str
    severity: Severity
    time: float
    at: str = ""
    step: float | None = None
    finding: Finding | None = None

    @property
    def is_alert(self) -> bool:
        """Whether it tells of something wrong, and not of a start, a recovery or an end."""
        return self.kind in (Kind.FOUND, Kind.ESCALATED, Kind.STALLED)

    @property
    def moment(self) -> str:
        """When it was told, as ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.time, UTC).isoformat(timespec="seconds")

    def sentence(self) -> str:
        """Return the event in one line: what, where, and the message."""
        code = f"{self.finding.rule}: " if self.finding else ""
        verb = {Kind.ESCALATED: "escalated: ", Kind.EASED: "eased: ", Kind.RECOVERED: "recovered: "}
        return f"{verb.get(self.kind, '')}{code}{self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Return the event as JSON writes it; `text` is one line for chat services."""
        return {
            "event": self.kind.value,
            "run": self.run,
            "name": self.name,
            "severity": self.severity.label,
            "time": self.moment,
            "at": self.at,
            "step": self.step,
            "message": self.message,
            "finding": self.finding.as_dict() if self.finding else None,
            "text": f"{self.name}: {self.severity.label} {self.sentence()}"
            + (f" (at {self.at})" if self.at else ""),
        }
