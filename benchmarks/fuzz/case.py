"""One mutant: its files, what to read, and which rows no mutation touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Case:
    """A mutant.

    Attributes:
        files: Contents by path below an empty folder.
        target: The path to read.
        intact: Values of `loss` in rows that the mutation left alone: each must be read.
        refusable: Whether the target may be refused: its container itself is damaged.
    """

    files: dict[str, bytes]
    target: str
    intact: frozenset[float] = field(default_factory=frozenset)
    refusable: bool = False


@dataclass(frozen=True, slots=True)
class Mutator:
    """A way to change an intact run: its name, and what makes a mutant of a source of chance."""

    name: str
    make: Callable[[Random], Case]
