"""At which findings a training is to stop."""

from __future__ import annotations

from postrun.model import Severity
from postrun.rules.registry import find_rule
from postrun.watch.event import Event

_LEVELS = ("warning", "critical")


def stop_of(text: str) -> str | Severity:
    """Return the rule's code or the severity that a text means.

    Raises:
        UsageError: It is neither.
    """
    return Severity.parse(text) if text.lower() in _LEVELS else find_rule(text).code


def stops(event: Event, stop: str | Severity) -> bool:
    """Return whether an event tells of a finding at which a training is to stop."""
    if event.finding is None or not event.is_alert:
        return False
    if isinstance(stop, Severity):
        return event.severity >= stop
    return any(part.rule == stop for part in event.finding.with_symptoms())
