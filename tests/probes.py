"""Numbers that note what they are compared with: which values would lie exactly on a bound."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

_COMPARED = {np.less, np.less_equal, np.greater, np.greater_equal}
#: Of an array, so many elements nearest to the bound are noted.
_NEAREST = 2


class Probe(float):
    """A bound, or a line of it (`scale` x bound + `offset`), that notes in `seen` where it is met exactly.

    Comparisons and arithmetic give what a float gives.
    """

    seen: list[float]
    scale: float
    offset: float

    @classmethod
    def of(cls, value: float, seen: list[float]) -> Probe:
        return cls._line(value, seen, 1.0, 0.0)

    @classmethod
    def _line(cls, value: float, seen: list[float], scale: float, offset: float) -> Probe:
        made = cls(value)
        made.seen, made.scale, made.offset = seen, scale, offset
        return made

    def note(self, other: Any) -> None:
        """Note the bounds with which this number would equal `other`."""
        if isinstance(other, Probe):
            return
        try:
            values = np.asarray(other, dtype=np.float64).ravel()
        except (TypeError, ValueError):
            return
        values = values[np.isfinite(values)]
        near = values[np.argsort(np.abs(values - float(self)), kind="stable")[:_NEAREST]]
        for value in near.tolist():
            bound = (value - self.offset) / self.scale if self.scale else np.nan
            for one in (bound, np.nextafter(bound, -np.inf), np.nextafter(bound, np.inf)):
                if self.scale * one + self.offset == value:
                    self.seen.append(float(one))
                    break

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc in _COMPARED:
            for other in inputs:
                self.note(other)
        bare = [float(i) if isinstance(i, Probe) else i for i in inputs]
        return getattr(ufunc, method)(*bare, **options)

    def __hash__(self) -> int:
        return hash(float(self))

    def __eq__(self, other: object) -> bool:
        return float(self) == other


def _compared(name: str) -> Callable[[Probe, Any], Any]:
    compare = getattr(operator, name)

    def method(self: Probe, other: Any) -> Any:
        self.note(other)
        return compare(float(self), other)

    return method


def _computed(name: str, line: Callable[[Probe, float], tuple[float, float]]) -> Callable[..., Any]:
    compute = getattr(float, name)

    def method(self: Probe, other: Any) -> Any:
        value = compute(float(self), other)
        if (
            value is NotImplemented
            or isinstance(other, Probe)
            or not isinstance(other, int | float)
        ):
            return value
        return Probe._line(value, self.seen, *line(self, float(other)))

    return method


for _name in ("__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Probe, _name, _compared(_name))
for _name, _line in {
    "__mul__": lambda p, n: (p.scale * n, p.offset * n),
    "__rmul__": lambda p, n: (p.scale * n, p.offset * n),
    "__add__": lambda p, n: (p.scale, p.offset + n),
    "__radd__": lambda p, n: (p.scale, p.offset + n),
    "__sub__": lambda p, n: (p.scale, p.offset - n),
    "__rsub__": lambda p, n: (-p.scale, n - p.offset),
    "__truediv__": lambda p, n: (p.scale / n, p.offset / n),
}.items():
    setattr(Probe, _name, _computed(_name, _line))
