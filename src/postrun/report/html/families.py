"""The statistics of one quantity that share a chart: its mean as a line, its extremes and spread as bands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from postrun.metrics import MetricInfo

#: Statistics that are a line of their own, the one that names the family first.
_CENTRES = ("mean", "avg", "", "median")
_WORDS = {
    "mean": "mean|avg|average", "avg": "mean|avg|average", "median": "median|med|p50",
    "min": "min|minimum", "max": "max|maximum", "std": "std|stddev|std_dev|sd",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """Metrics that are statistics of one quantity.

    Attributes:
        title: The name that they share.
        centres: Keys of mean and median, at least one.
        low: Key of the minimum, "" without both extremes.
        high: Key of the maximum, "" without both extremes.
        spread: Key of the standard deviation, "" without one.
    """

    title: str
    centres: tuple[str, ...]
    low: str
    high: str
    spread: str

    @property
    def band(self) -> tuple[str, ...]:
        """The keys that are drawn as bands."""
        return tuple(key for key in (self.low, self.high, self.spread) if key)


def families(infos: Iterable[MetricInfo]) -> list[Family]:
    """Return the families among metrics: those with a centre and both extremes, or with a spread."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for info in infos:
        name = stem(info)
        if name:
            groups.setdefault((info.run, name), {}).setdefault(info.stat, info.key)
    found = []
    for (_, name), members in groups.items():
        centres = tuple(members[stat] for stat in _CENTRES if stat in members)
        ends = members.get("min", ""), members.get("max", "")
        low, high = ends if all(ends) else ("", "")
        spread = members.get("std", "")
        if centres and (low or spread):
            found.append(Family(name, centres, low, high, spread))
    return found


def stem(info: MetricInfo) -> str:
    """Return the name of a metric without its statistic: "completion_len" of "completion_len/mean"."""
    if not info.stat:
        return info.key
    words = _WORDS.get(info.stat)
    if words is None:
        return ""
    name, count = re.subn(
        rf"(?:^|(?<=[/_. -]))(?:{words})(?:$|(?=[/_. -]))", "", info.key, flags=re.I
    )
    return re.sub(r"([/_. -])[/_. -]+", r"\1", name).strip("/_. -") if count == 1 else ""
