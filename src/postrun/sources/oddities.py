"""What is odd in the files of a run: left out or changed piece by piece, counted, and said."""

from __future__ import annotations

import enum
from collections import Counter


class Odd(enum.Enum):
    """A kind of odd data, and what became of it: the sentence for one, and for several."""

    RECORD = (
        "record is not readable and was left out",
        "records are not readable and were left out",
    )
    PART = (
        "record is readable only in part, and the rest was left out",
        "records are readable only in part, and the rest was left out",
    )
    FIELD = (
        "field of a record is not readable and was left out",
        "fields of records are not readable and were left out",
    )
    ITEM = (
        "logged value is not readable and was left out",
        "logged values are not readable and were left out",
    )
    COLUMN = (
        "metric could not be read and was left out",
        "metrics could not be read and were left out",
    )
    STEP = (
        "row has a step that no run reaches (negative, or beyond 2^53): its step is unknown",
        "rows have a step that no run reaches (negative, or beyond 2^53): their steps are unknown",
    )
    TIME = (
        "time or duration is impossible (before 1970, after the year 2999, or longer than 100 years) "
        "and was left out",
        "times or durations are impossible (before 1970, after the year 2999, or longer than 100 years) "
        "and were left out",
    )
    DEEP = (
        "value is nested more than 100 levels deep: what lies deeper is kept as text",
        "values are nested more than 100 levels deep: what lies deeper is kept as text",
    )
    TYPE = (
        "value does not fit its type and is kept as text",
        "values do not fit their types and are kept as text",
    )
    ALIAS = (
        "YAML alias stands for what is around it, unknown or too deep, and is kept as text",
        "YAML aliases stand for what is around them, unknown or too deep, and are kept as text",
    )
    UNICODE = (
        "text holds half a character (a lone surrogate or a broken byte), which became U+FFFD",
        "texts hold half a character (a lone surrogate or a broken byte), which became U+FFFD",
    )


class Oddities(Counter[Odd]):
    """How often each kind of odd data was met."""

    def sentences(self) -> list[str]:
        """Return what was met, one sentence for each kind, in the order of the kinds."""
        found = ((self[kind], kind.value) for kind in Odd)
        return [f"{n:,} {one if n == 1 else many}" for n, (one, many) in found if n]
