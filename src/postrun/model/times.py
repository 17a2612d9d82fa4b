"""Times as W&B writes them, in all their forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeGuard

#: What `datetime.fromisoformat` refuses of ISO 8601: more or fewer than 3 or 6 decimals are its own.
_PARTS = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?)?\s*"
    r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*",
    re.IGNORECASE,
)
#: Unix times from this value on are milliseconds: as seconds they would lie after the year 5000.
_MILLISECONDS = 1e11
#: The first second of the year 3000, and the seconds of 100 years: no run was that late or took that long.
YEAR_3000 = 32_503_680_000
LONGEST = 100 * 365 * 86_400
#: Steps are below 2^53, where a double still tells each from the next.
MOST_STEPS = 1 << 53


def is_time(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a Unix time (seconds) between 1970 and the year 3000."""
    return _is_number(value) and 0 <= value < YEAR_3000


def is_duration(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a number of seconds that a run may take: 0 to 100 years."""
    return _is_number(value) and 0 <= value <= LONGEST


def is_step(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number that a run may count to."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_STEPS


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_time(value: object) -> datetime | None:
    """Return a time as UTC; None if it is none, or not between 1970 and the year 3000.

    Takes ISO 8601 with `T` or a blank, with any number of decimals (beyond microseconds they are
    cut), with `Z`, an offset or without a zone (then it is UTC, as W&B writes it), and Unix seconds
    or milliseconds as numbers.
    """
    try:
        if _is_number(value):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC) if is_time(seconds) else None
        found = _PARTS.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        day, clock, decimals, zone = found.groups()
        offset = "+00:00" if not zone or zone[0] not in "+-" else zone
        moment = datetime.fromisoformat(
            f"{day}T{clock or '00:00:00'}{'.' + f'{decimals:0<6}'[:6] if decimals else ''}{offset}"
        )
        return moment.astimezone(UTC) if is_time(moment.timestamp()) else None
    except (ValueError, OverflowError, OSError):
        return None
