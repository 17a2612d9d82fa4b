"""Trainings with their truth."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from benchmarks.faults.kinds import Kind, kind_of
from benchmarks.faults.subject import Subject


class Truth(enum.StrEnum):
    """What is the matter with a training, as its source says."""

    FAULT = "fault"
    HEALTHY = "healthy"
    MIXED = "mixed"  # a stranger's run: causes of several classes, or none


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that a truth says, in its own words.

    Attributes:
        group: Class that it is counted under ("training", "evaluation", ...), "" if there is one only.
        kind: What tells it; None for words that no kind stands for, which no tool can then tell.
        curve: False if no curve can show it.
    """

    words: str
    group: str = ""
    kind: Kind | None = None
    curve: bool = True

    @classmethod
    def of(cls, words: str, group: str = "", curve: bool = True) -> Cause:
        """Return a cause whose kind is found in its words."""
        return cls(words, group, kind_of(words), curve)


@dataclass(slots=True)
class Case:
    """One training of one source.

    Attributes:
        label: The source's own word for it ("clean", "nonfinite", "buggy", "fixed", ...).
        causes: What is to be told; for a healthy one, what may be said without being an alarm.
        pair: The program or training that it is one of several runs of, "" if it stands alone.
        others: What other detectors are published to say, by their names.
    """

    source: str
    name: str
    truth: Truth
    subject: Subject
    label: str = ""
    causes: tuple[Cause, ...] = ()
    pair: str = ""
    others: dict[str, bool] = field(default_factory=dict)
