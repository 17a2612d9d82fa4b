"""Words by which consoles count and name work, for all that reads consoles."""

from __future__ import annotations

import re

from postrun.model.lazily import pattern

#: What trainers count, as a pattern.
UNIT_PATTERN = "epoch|step|iter(?:ation)?|update|episode|round|batch|stage"
#: Units under the names that their short forms stand for.
UNITS = {"iter": "iteration"}
#: Work other than training.
OTHER_WORK = pattern(
    r"download|loading|shard|\bmap\b|tokeni[sz]|fetching|filter|eval|valid|test|predict|generat|extract|"
    r"upload|convert|saving|process|sampl|sanity|inference|metric|dataset|prepar",
    re.IGNORECASE,
)
#: Words before a counter that tells of another time than the line's own.
NOT_NOW = pattern(r"best|resum|load|restor|from|until|every|saved|start", re.IGNORECASE)
#: How the SDK of W&B begins its own lines.
SDK_LINE = "wandb"


def unit_of_word(word: str) -> str:
    """Return the unit that a word names: "iteration" for "Iter"."""
    lower = word.lower()
    return UNITS.get(lower, lower)
