"""Names of groups of runs: W&B's own if they tell the groups apart, else their settings, else g1, g2, ..."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from postrun.model.text import shortened
from postrun.records.record import RunRecord

#: Names longer than this are codes with a legend instead.
_LONGEST = 28
#: Letters of a setting that a label or a sentence holds.
_BRIEF = 60
#: Signs that lists of names are written with.
_SEPARATORS = re.compile(r"[,;]")
#: The part of a run's name that tells its seed: "adam-seed3", "adam_s3".
_SEED_PART = re.compile(r"(?i)[-_./ ]*(?:seed|s)[-_=:. ]?\d+$")


def own_names(records: Sequence[RunRecord], groups: Sequence[Sequence[int]]) -> list[str]:
    """Return the name that W&B has for each group of runs: its group, its sweep, or its runs' common name.

    [] unless one of these tells all groups apart.
    """
    readers = (
        lambda r: r.group,
        lambda r: r.sweep,
        lambda r: _SEED_PART.sub("", r.name) if r.name != r.id else "",
    )
    for read in readers:
        found = [{read(records[i]) for i in members} for members in groups]
        if all(len(names) == 1 for names in found):
            names = [next(iter(own)) for own in found]
            if _fit(names):
                return names
    return []


def setting_names(settings: Sequence[Mapping[str, Any]], bare: bool = False) -> list[str]:
    """Return names that say each group's settings, such as "lr=0.5 batch_size=32".

    [] if they would be long, alike, or hold a comma. `bare`: the reader knows the one key that groups differ
    in, so that words stand without it ("adam"); numbers never do.
    """
    keys = list(settings[0]) if settings else []
    values = [list(s.values()) for s in settings]
    if bare and len(keys) == 1 and all(isinstance(v, str) and _is_word(v) for (v,) in values):
        names = [str(v) for (v,) in values]
    else:
        names = [
            " ".join(
                f"{short_key(k, keys)}={value_text(v)}" for k, v in zip(keys, own, strict=True)
            )
            for own in values
        ]
    return names if _fit(names) else []


def code_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return g1, g2, ... in the order of the settings, so that a group keeps its name."""
    order = sorted(range(len(settings)), key=lambda i: [_rank(v) for v in settings[i].values()])
    names = [""] * len(settings)
    for place, i in enumerate(order, 1):
        names[i] = f"g{place}"
    return names


def _fit(names: Sequence[str]) -> bool:
    """Return whether names are short, all different, no bare numbers, and free of separators."""
    return len(set(names)) == len(names) and all(
        0 < len(name) <= _LONGEST and _is_word(name) and not _SEPARATORS.search(name)
        for name in names
    )


def _is_word(text: str) -> bool:
    """Return whether a text is neither empty nor a bare number nor a bare truth value."""
    try:
        float(text)
    except ValueError:
        return text.strip().lower() not in ("", "true", "false", "none", "null", "nan")
    return False


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (1, 0.0, value_text(value)) if value is not None else (2, 0.0, "")


def short_key(key: str, keys: Sequence[str]) -> str:
    """Return the last part of a key, unless another key ends alike."""
    last = key.rsplit(".", 1)[-1]
    return last if sum(k.rsplit(".", 1)[-1] == last for k in keys) == 1 else key


def value_text(value: Any) -> str:
    """Return a setting as people read it, whole."""
    if value is None:
        return "not set"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def value_texts(values: Sequence[Any]) -> list[str]:
    """Return settings as labels hold them, long ones cut in the middle; different ones stay different."""
    return shortened([value_text(value) for value in values], _BRIEF)


def brief_text(value: Any) -> str:
    """Return a setting as a table's cell or a sentence holds it, long texts cut in the middle."""
    return shortened([value_text(value)], _BRIEF)[0]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings in words: "lr=0.5, batch_size=32"."""
    keys = list(settings)
    return ", ".join(f"{short_key(k, keys)}={value_text(v)}" for k, v in settings.items())


def natural(name: str) -> list[tuple[int, float, str]]:
    """Return a sort key that puts g2 before g10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, float(p), "") if p.isdigit() else (1, 0.0, p) for p in parts]
