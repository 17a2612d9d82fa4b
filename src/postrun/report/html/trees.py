"""Settings and results as a page lists them: of a family of keys without end, the first few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from postrun.model.families import family_of

#: Keys of a family beyond which a page shows only the first few; the data files have all.
_MANY, _SHOWN = 256, 10


def shortened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for a page: of each large family of keys the first few, and how many more there are."""
    if len(values) <= _MANY:
        return dict(values)
    families = {key: family_of(key) for key in values}
    sizes = Counter(families.values())
    shown: Counter[str] = Counter()
    out: dict[str, Any] = {}
    for key, value in values.items():
        family = families[key]
        if sizes[family] <= _MANY or shown[family] < _SHOWN:
            out[key] = value
        elif shown[family] == _SHOWN:
            out[family] = (
                f"{sizes[family] - _SHOWN:,} more keys like these; the JSON files have all"
            )
        shown[family] += 1
    return out
