"""Python values of one column as arrays, and what gets lost on the way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from postrun.sources.wandb_local.scan import Ints

#: What JSON has no words for, as W&B writes it.
NONFINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
INT64 = 1 << 63
#: Up to here, a float holds each whole number.
EXACT = 1 << 53


def plain(piece: Any) -> list[Any]:
    """Return a piece of a column as Python values."""
    return piece.tolist() if isinstance(piece, np.ndarray) else piece  # type: ignore[no-any-return]


def arrays(pairs: list[tuple[int, Any]], dtype: np.dtype[Any]) -> tuple[Ints, Any]:
    """Return rows and values of (row, value) pairs."""
    return np.array([r for r, _ in pairs], np.int64), np.array([v for _, v in pairs], dtype)


def as_array(values: list[Any], kinds: set[type]) -> Any:
    """Return numbers as whole ones of 64 bits if they are, else as floats."""
    if kinds == {int} or (float not in kinds):
        try:
            return np.array(values, np.int64)
        except OverflowError:
            return as_floats(values)
    if all(isinstance(v, int) for v in values):
        return as_array(values, {int})
    return as_floats(values)


def as_floats(values: list[Any]) -> Any:
    """Return numbers as floats; those beyond their range are infinite."""
    try:
        return np.array(values, np.float64)
    except OverflowError:  # a whole number of more than 308 digits
        limit = 10**308
        return np.array(
            [
                v if -limit < v < limit else np.copysign(np.inf, v)
                for v in (max(min(v, limit), -limit) if isinstance(v, int) else v for v in values)
            ]
        )


def rounded(values: list[Any]) -> int:
    """Return how many whole numbers of 64 bits a float cannot hold."""
    return sum(
        1 for v in values if isinstance(v, int) and EXACT < abs(v) < INT64 and int(float(v)) != v
    )


def is_huge(text: bytes) -> bool:
    """Return whether a JSON text is a whole number beyond 64 bits."""
    digits = text.lstrip(b"-")
    return digits.isdigit() and (len(digits) > 19 or not -INT64 <= int(text) < INT64)


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, ensure_ascii=False)
