"""What the numerics say of series of each small length: no bound on a count of values moves unseen.

After a change that is meant: pytest tests/test_stats_small.py --snapshot-update
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from postrun.stats.curve import read_curve
from tests.test_stats_pinned import OF_VALUES, answers, plain, series

LENGTHS = range(1, 37)
KINDS = ("falls", "turns", "jumps", "zigzags", "share", "stairs")


def bare(value: Any) -> Any:
    """Return a plain result without the names of its fields."""
    if isinstance(value, dict):
        return [bare(item) for item in value.values()]
    return [bare(item) for item in value] if isinstance(value, list) else value


def told(function: Callable[..., Any], *given: Any) -> str:
    """Return an answer in short, or the error that was raised."""
    try:
        answer = bare(plain(function(*given)))
    except (ValueError, IndexError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {error}"
    return json.dumps(answer, separators=(",", ":")).replace('"', "")


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_short_curve_tells(kind: str, snapshot: SnapshotAssertion) -> None:
    lines = []
    for n in LENGTHS:
        x, y = series(kind, n)
        curve = read_curve(x, y, 1 if kind in ("share", "turns") else -1)
        every = " ".join(told(lambda v: v, answer) for answer in answers(curve).values())
        lines.append(f"{n}: {every} {told(curve.forecast, 20.0 * n)}")
    assert lines == snapshot


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_what_functions_of_few_values_tell(kind: str, snapshot: SnapshotAssertion) -> None:
    values = [np.abs(series(kind, n)[1]) for n in LENGTHS]
    lines = [f"{name}: {' '.join(told(f, y) for y in values)}" for name, f in OF_VALUES.items()]
    assert lines == snapshot
