"""Hyper-parameters: which settings were searched over, on which scale, and where they were active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postrun.records.record import RunRecord
from postrun.stats.importance import Feature
from postrun.stats.robust import Floats
from postrun.studies.groups import settings
from postrun.studies.naming import value_texts

#: A positive number that spans less than this ratio is not searched over its logarithm.
_LOG_RATIO = 10.0
#: Categories beyond this many are labels, not choices.
_MOST_CATEGORIES = 20


@dataclass(slots=True)
class Parameter:
    """One hyper-parameter over all runs.

    `kind` is "linear", "log" or "category"; `values` as they are set, None where the parameter was not there
    (a conditional one); `codes` the same as numbers on its scale (categories by their position in `levels`),
    NaN where not there. `aliases` are keys that always had the same value.
    """

    key: str
    kind: str
    values: list[Any]
    codes: Floats
    levels: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Runs in which the parameter was set."""
        return np.isfinite(self.codes)

    @property
    def conditional(self) -> bool:
        """True where some runs did not have it."""
        return not bool(self.active.all())

    @property
    def whole(self) -> bool:
        """True where all values are whole numbers."""
        return all(isinstance(v, int) for v in self.values if v is not None)

    def text(self, code: float, digits: int = 4) -> str:
        """A code as people write the value; of a place between values that were tried, so many digits."""
        if self.kind == "category":
            return self.levels[round(code)]
        value = 10**code if self.kind == "log" else code
        if self.whole:
            return str(round(value))
        tried = bool(np.isclose(self.codes, code, rtol=1e-9, atol=0).any())
        return f"{value:.{4 if tried else digits}g}"

    def feature(self) -> Feature:
        """The parameter as the forest sees it."""
        return Feature(self.key, self.codes, self.kind == "category")


def parameters(records: Sequence[RunRecord]) -> tuple[list[Parameter], list[str]]:
    """The parameters that differ between runs, and the keys that were left out as labels of runs."""
    found: list[Parameter] = []
    labels: list[str] = []
    known: dict[str, Parameter] = {}
    for key, values in settings(records).items():
        made = _parameter(key, values)
        if made is None:
            labels.append(key)
            continue
        mark = str(value_texts(values))
        if mark in known:
            known[mark].aliases.append(key)
            continue
        known[mark] = made
        found.append(made)
    return found, labels


def _parameter(key: str, values: list[Any]) -> Parameter | None:
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    there = [v for v in values if v is not None]
    if there and len(numbers) == len(there) and np.isfinite(numbers).all():
        raw = np.array([np.nan if v is None else float(v) for v in values])
        log = _is_log(np.array(numbers))
        codes = np.log10(raw) if log else raw
        return Parameter(key, "log" if log else "linear", values, codes)
    texts = [None if v is None else t for v, t in zip(values, value_texts(values), strict=True)]
    counts = Counter(t for t in texts if t is not None)
    if len(counts) > _MOST_CATEGORIES or (len(counts) > 4 and len(counts) > 0.8 * len(there)):
        return None
    levels = sorted(counts)
    place = {t: float(i) for i, t in enumerate(levels)}
    codes = np.array([np.nan if t is None else place[t] for t in texts])
    return Parameter(key, "category", values, codes, levels)


def _is_log(values: Floats) -> bool:
    """True where positive numbers span a decade and lie more evenly on a logarithmic scale than on a plain."""
    if values.min() <= 0 or values.max() / values.min() < _LOG_RATIO:
        return False
    return abs(_skewness(np.log(values))) < abs(_skewness(values))


def _skewness(values: Floats) -> float:
    spread = float(values.std())
    return float(np.mean(((values - values.mean()) / spread) ** 3)) if spread else 0.0
