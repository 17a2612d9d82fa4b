"""What runs with the same finding have in common, and other runs have not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from postrun.studies.groups import same
from postrun.studies.naming import brief_text

#: A setting that so few runs would share by chance this rarely, over all settings tried, is told.
_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Shared:
    """A condition on one setting that all runs of a finding fulfil, and `others` runs without it do too."""

    key: str
    text: str
    others: int

    @property
    def words(self) -> str:
        """The condition as the end of a sentence: "all have lr=4, and no other run has"."""
        if not self.others:
            return f"all have {self.text}, and no other run has"
        runs = "run has" if self.others == 1 else "runs have"
        return f"all have {self.text}, as {self.others:,} other {runs}"


def shared_setting(inside: Sequence[int], varying: Mapping[str, Sequence[Any]]) -> Shared | None:
    """Return the setting that tells runs from all others best, or None if chance could do as well.

    A condition is a value that all of them have, or, for numbers, a bound. Among as many runs drawn at random,
    all would fulfil it with a chance that the hypergeometric distribution gives; it must be below 1% over
    all conditions tried.

    Args:
        inside: Numbers of the runs, at least two.
        varying: Settings that differ among all runs, to the value in each.
    """
    if len(inside) < 2 or not varying:
        return None
    tried = [
        (key, text, sum(map(fits, values)))
        for key, values in varying.items()
        for text, fits in _conditions(key, [values[i] for i in inside])
    ]
    count = len(next(iter(varying.values())))
    if not tried:
        return None
    key, text, fitting = min(tried, key=lambda t: t[2])
    chance = comb(fitting, len(inside)) / comb(count, len(inside))
    if chance * len(tried) > _CHANCE:
        return None
    return Shared(key, text, fitting - len(inside))


def _conditions(key: str, own: list[Any]) -> list[tuple[str, Callable[[Any], bool]]]:
    """Return the conditions on a setting that all of some runs fulfil."""
    first = own[0]
    if all(same(v, first) for v in own):
        return [(f"{key}={brief_text(first)}", lambda v: same(v, first))]
    if not all(map(_is_number, own)):
        return []
    low, high = min(own), max(own)
    return [
        (f"{key} ≥ {brief_text(low)}", lambda v: _is_number(v) and v >= low),
        (f"{key} ≤ {brief_text(high)}", lambda v: _is_number(v) and v <= high),
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
