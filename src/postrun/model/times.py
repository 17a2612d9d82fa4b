"""Times as W&B writes them, in all their forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime

#: What `datetime.fromisoformat` refuses of ISO 8601: more or fewer than 3 or 6 decimals are its own.
_PARTS = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?)?\s*"
    r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*",
    re.IGNORECASE,
)
#: Unix times from this value on are milliseconds: as seconds they would lie after the year 5000.
_MILLISECONDS = 1e11


def parse_time(value: object) -> datetime | None:
    """Return a time as UTC; None if it is none.

    Takes ISO 8601 with `T` or a blank, with any number of decimals (beyond microseconds they are
    cut), with `Z`, an offset or without a zone (then it is UTC, as W&B writes it), and Unix seconds
    or milliseconds as numbers.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
        found = _PARTS.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        day, clock, decimals, zone = found.groups()
        offset = "+00:00" if not zone or zone[0] not in "+-" else zone
        moment = datetime.fromisoformat(
            f"{day}T{clock or '00:00:00'}{'.' + f'{decimals:0<6}'[:6] if decimals else ''}{offset}"
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
