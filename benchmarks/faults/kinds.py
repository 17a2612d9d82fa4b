"""Kinds of faults: which words of a truth name one, and which words of a tool tell it (kinds.toml)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.faults.statements import Level, Statement

_FILE = Path(__file__).with_name("kinds.toml")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        truth: Names this kind in a source's words.
        says: Tells it in a tool's words.
        never: Spoils a statement that `says` matches; None if nothing does.
    """

    name: str
    truth: re.Pattern[str]
    says: re.Pattern[str]
    never: re.Pattern[str] | None

    def told_by(self, statement: Statement) -> bool:
        """True if a statement that is no praise tells this fault."""
        if statement.level is Level.GOOD or not self.says.search(statement.text):
            return False
        return self.never is None or not self.never.search(statement.text)

    def told(self, statements: Iterable[Statement]) -> bool:
        """True if any of the statements tells this fault."""
        return any(self.told_by(statement) for statement in statements)


def _pattern(parts: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


@cache
def kinds() -> tuple[Kind, ...]:
    """Return all kinds, in the order in which they are looked for in a truth's words."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["kind"]
    return tuple(
        Kind(
            e["name"],
            _pattern(e["truth"]),
            _pattern(e["says"]),
            _pattern(e["never"]) if "never" in e else None,
        )
        for e in entries
    )


def kind_named(name: str) -> Kind:
    """Return the kind of this name.

    Raises:
        KeyError: There is none.
    """
    return {kind.name: kind for kind in kinds()}[name]


def kind_of(words: str) -> Kind | None:
    """Return the first kind that a truth's words name, None if there is none."""
    return next((kind for kind in kinds() if kind.truth.search(words)), None)
