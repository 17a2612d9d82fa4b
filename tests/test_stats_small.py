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

from postrun.stats import aggregate, decimate, levels, periodic, rates, siblings
from postrun.stats.curve import read_curve
from postrun.stats.curve.parting import part
from tests.test_stats_pinned import OF_VALUES, answers, normal, plain, series

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


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
def test_what_intervals_of_few_runs_tell(tasks: int, snapshot: SnapshotAssertion) -> None:
    lines = []
    for runs in (1, 2, 3, 4, 5, 9):
        a, b = normal(runs * tasks, 1).reshape(runs, tasks), normal(4 * tasks, 2).reshape(4, tasks)
        few = {"count": 60, "level": 0.9}
        told_of = [
            told(lambda a, few: aggregate.interval(a, **few), a, few),
            told(lambda a, few: aggregate.interval(a, aggregate.mean, **few), a, few),
            told(lambda a, few: aggregate.percentile_interval(a, **few), a, few),
            told(lambda a, b, few: aggregate.difference_interval(a, b, **few), a, b, few),
            told(
                lambda a, b, few: aggregate.difference_interval(b, b + 0 * a.sum(), **few),
                a,
                b,
                few,
            ),
            told(lambda a, b, few: aggregate.improvement_interval(a, b, **few), a, b, few),
        ]
        lines.append(f"{runs}: {' '.join(told_of)}")
    assert lines == snapshot


def test_what_counts_tell(snapshot: SnapshotAssertion) -> None:
    assert [
        f"{n}: {told(aggregate.wilson, np.arange(n + 1), n)} {aggregate.enough(10_000, 40 * n)} "
        f"{told(aggregate.student_t, 0.95, float(n))} {told(aggregate.holm, np.linspace(0.001, 0.2, n))}"
        for n in range(1, 12)
    ] == snapshot


def test_what_is_told_of_work_and_time(snapshot: SnapshotAssertion) -> None:
    lines = []
    for n in (11, 12, 13, 40):
        x = np.arange(1.0, n + 1)
        for noise in (0.0, 0.02, 0.3):
            seconds = np.cumsum(1 + noise * np.abs(normal(n)) + (x > n / 2))
            since = x / (seconds + 3)
            now = 1 / np.diff(np.r_[0.0, seconds])
            kinds = {
                "since the start": since,
                "of each step": now,
                "nearly constant": 1 + since / 50,
            }
            lines += [
                f"{n} {noise} {kind}: {told(rates.running_mean, y, x, seconds)} {told(rates.running_mean, y)}"
                for kind, y in kinds.items()
            ]
        grouped = np.repeat(np.arange(n, dtype=np.float64), 3) + np.tile([0, 0.001, 0.002], n)
        lines.append(f"{n} in threes: {told(rates.in_bursts, grouped)}")
    assert lines == snapshot


def test_what_depends_on_widths_and_bounds(snapshot: SnapshotAssertion) -> None:
    lines = []
    for kind in KINDS:
        _, y = series(kind, 24)
        first, last = float(y[0]), float(y[-1])
        at = np.flatnonzero(y > np.median(y))
        every = [
            *(told(levels.lowest, y, width) for width in (1, 2, 23, 24, 30)),
            *(
                told(levels.change, y, share, least)
                for share in (0.05, 0.5)
                for least in (1, 12, 13)
            ),
            *(told(levels.departure, y, first, last, share) for share in (0.0, 0.9, 1.0)),
            *(told(levels.begins, y, first, last, noise) for noise in (0.0, 1.0)),
            *(told(decimate.min_max, y, points) for points in (1, 2, 3, 22, 23, 24, 25)),
            *(told(siblings.margin, y[:n], noise) for n in (1, 2, 3, 5) for noise in (0.0, 1.0)),
            *(
                told(periodic.share_after_multiples, np.arange(24.0), at, period, within)
                for period in (2.0, 5.0)
                for within in (0.0, 1.0)
            ),
        ]
        lines.append(f"{kind}: {' '.join(every)}")
    assert lines == snapshot


@pytest.mark.parametrize("other", ["falls", "jumps"])
def test_where_short_curves_part(other: str, snapshot: SnapshotAssertion) -> None:
    lines = []
    for n in LENGTHS:
        x, y = series(other, n)
        lines.append(f"{n}: {told(part, series('falls', n), (x, y + 0.02 * normal(n, 5)))}")
    assert lines == snapshot
