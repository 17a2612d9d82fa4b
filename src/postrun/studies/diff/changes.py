"""A difference between two runs, and how likely it is the cause of another result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from postrun.model.text import shortened

#: Longest value in a table's cell.
_BRIEF = 48


class Weight(IntEnum):
    """How likely a change is the cause of another result, the likeliest first."""

    DATA = 0
    TRAINING = 1
    CODE = 2
    SETTING = 3
    FRAMEWORK = 4
    SEED = 5
    MACHINE = 6
    PACKAGE = 7
    ASIDE = 8

    @property
    def words(self) -> str:
        """Why it has its place, for a table."""
        return _WORDS[self]


_WORDS = {
    Weight.DATA: "data or model",
    Weight.TRAINING: "sets how training goes",
    Weight.CODE: "code",
    Weight.SETTING: "another setting",
    Weight.FRAMEWORK: "training framework",
    Weight.SEED: "seed: another draw of the same",
    Weight.MACHINE: "machine",
    Weight.PACKAGE: "another package",
    Weight.ASIDE: "logging, evaluation, places",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: "setting", "command", "package", "commit", "code", "data" or "machine".
        key: What differs.
        before: Its value in the first run as text; "" if it has none.
        after: Its value in the second run.
        weight: How likely it is the cause.
        how: "changed", "added", "removed", "moved" or "type".
    """

    kind: str
    key: str
    before: str
    after: str
    weight: Weight
    how: str = "changed"

    def words(self) -> str:
        """Return the change in words: "lr 0.001 → 0.003"."""
        before, after = shortened([self.before or "not set", self.after or "not set"], _BRIEF)
        if self.how == "moved" and self.before == self.after:
            return self.key
        return f"{self.key} {before} → {after}"
