"""Where an axis has ticks, and what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postrun.stats.robust import Floats

#: Steps between ticks, times a power of ten.
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
#: Labels from 10 ** 6 on, and below 10 ** -4, share a factor that is written once.
_LARGE, _SMALL = 6, -5
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Ticks:
    """Values (logarithms on a logarithmic axis), their labels, and the factor that all labels share, or ""."""

    values: Floats
    labels: list[str]
    factor: str = ""


def linear_ticks(low: float, high: float, most: int) -> Ticks:
    """Return round values within a range, at most `most` steps of one length apart."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(
        (s * power for s in _STEPS if (high - low) / (s * power) <= most), _STEPS[-1] * power
    )
    numbers = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    values: Floats = np.asarray(numbers * step, dtype=np.float64)
    size = math.floor(math.log10(max(abs(low), abs(high), step)))
    shift = size if size >= _LARGE or size <= _SMALL else 0
    unit = step / 10.0**shift
    digits = next((d for d in range(12) if abs(round(unit, d) - unit) < 1e-6 * unit), 12)
    labels = [_signed(f"{n * unit:.{digits}f}") for n in numbers.tolist()]
    return Ticks(values, labels, _signed(f"1e{shift}") if shift else "")


def log_ticks(low: float, high: float, most: int) -> Ticks:
    """Return powers of ten within a range of logarithms; within few of them, 2 and 5 times those as well."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    if last - first < 2:
        values = [
            k + math.log10(s)
            for k in range(first - 1, last + 1)
            for s in (1, 2, 5)
            if low <= k + math.log10(s) <= high
        ]
        return Ticks(np.array(values), [_signed(f"{10**v:.3g}") for v in values])
    powers = range(first, last + 1, max(1, math.ceil((last - first) / most)))
    return Ticks(np.array(powers, dtype=float), [f"10{str(k).translate(_RAISED)}" for k in powers])


def _signed(label: str) -> str:
    """Return a label with a real minus, and without that of a zero."""
    return label.removeprefix("-") if not label.strip("-0.") else label.replace("-", "−")
