"""What a tool says about a training, in one form for all tools."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How much a statement matters to the tool that makes it."""

    GOOD = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a tool says: the name of its check, how grave it is, and its words."""

    check: str
    level: Level
    words: str

    @property
    def text(self) -> str:
        """The check's name and the words, as kinds are looked for in them."""
        return f"{self.check}: {self.words}"


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a tool says about one training.

    Attributes:
        asked: False if the tool could not be asked: `problem` says why.
    """

    statements: tuple[Statement, ...] = ()
    asked: bool = True
    problem: str = ""

    @classmethod
    def of(cls, statements: Iterable[Statement]) -> Answer:
        """Return an answer of these statements."""
        return cls(tuple(statements))

    def at_least(self, level: Level) -> list[Statement]:
        """Return the statements that are at least this grave."""
        return [statement for statement in self.statements if statement.level >= level]
