"""Two groups of runs: difference, probability of improvement, and how sure both are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from postrun.stats.aggregate import (
    Estimate,
    difference_interval,
    holm,
    improvement_interval,
    interval,
    paired_test,
    rank_test,
)
from postrun.stats.robust import Floats
from postrun.studies.groups import Group, seed_of, settings
from postrun.studies.scores import Scores, matrix

#: All pairs up to so many groups; beyond, the best against each other one.
ALL_PAIRS = 8
#: Groups of which pairs are examined at most.
MOST_GROUPS = 40


@dataclass(slots=True)
class Pair:
    """Two groups: difference of the interquartile means, first minus second.

    In the metric's unit, where lower may be better (`sign` -1); over several tasks in scaled levels, where
    higher is (`sign` +1).
    """

    first: Group
    second: Group
    difference: Estimate
    improvement: Estimate
    p: float
    matched: int
    sign: int

    @property
    def first_leads(self) -> bool:
        """True where the first is better, by however little."""
        return self.sign * self.difference.value >= 0

    @property
    def apart(self) -> bool:
        """True where the interval of the difference leaves 0 out."""
        return bool(self.difference.low > 0 or self.difference.high < 0)


def usable(scores: Scores, group: Group) -> list[int]:
    """Runs of a group that have a level that can be averaged."""
    return [i for i in group.members if np.isfinite(scores.levels[i]) and i not in scores.diverged]


def compare_pairs(
    scores: Scores, ranked: list[Group], tasks: Sequence[Sequence[int]], baseline: str
) -> list[Pair]:
    """All pairs of few groups, the best against each other of many, or a baseline against each.

    Intervals of differences hold together at 95% (Bonferroni), p values are Holm's.
    """
    groups = [g for g in ranked if matrix(scores, g.members, tasks).size][:MOST_GROUPS]
    if baseline:
        base = next((g for g in groups if g.label == baseline), None)
        chosen = [(g, base) for g in groups if base is not None and g is not base]
    elif len(groups) <= ALL_PAIRS:
        chosen = list(itertools.combinations(groups, 2))
    else:
        chosen = [(groups[0], g) for g in groups[1:]]
    level = 1 - 0.05 / max(1, len(chosen))
    marks = _marks(scores, ranked)
    found = [_pair(scores, a, b, tasks, level, marks) for a, b in chosen]
    p = np.array([pair.p for pair in found])
    tested = np.isfinite(p)
    p[tested] = holm(p[tested])
    for pair, value in zip(found, p, strict=True):
        pair.p = float(value)
    return found


def _pair(
    scores: Scores,
    a: Group,
    b: Group,
    tasks: Sequence[Sequence[int]],
    level: float,
    marks: list[str],
) -> Pair:
    first, second = matrix(scores, a.members, tasks), matrix(scores, b.members, tasks)
    order = [matrix(scores, group.members, tasks, ranked=True) for group in (a, b)]
    improvement = improvement_interval(order[0], order[1])
    matched = _matched(scores, a, b, marks) if len(tasks) == 1 else np.zeros((0, 2))
    few = min(len(first), len(second)) < 2
    if len(matched) >= 3 and len(matched) >= 0.8 * min(len(first), len(second)):
        gaps = (matched[:, 0] - matched[:, 1])[:, None]
        difference, p = interval(gaps, level=level), paired_test(gaps[:, 0])
    else:
        matched = matched[:0]
        difference = difference_interval(first, second, level=level)
        p = float("nan") if few or len(tasks) > 1 else rank_test(order[0][:, 0], order[1][:, 0])
    sign = scores.sign if len(tasks) == 1 else 1
    if sign < 0:
        difference = Estimate(-difference.value, -difference.high, -difference.low, difference.n)
    return Pair(a, b, difference, improvement, p, len(matched), sign)


def _marks(scores: Scores, groups: Sequence[Group]) -> list[str]:
    """What a run's counterpart in another group shares with it: seeds, and settings that make no groups."""
    records = scores.project.records
    own = {key for group in groups for key in group.settings}
    rest = {key: values for key, values in settings(records).items() if key not in own}
    return [
        f"{[str(values[i]) for values in rest.values()]} {seed_of(record)}"
        for i, record in enumerate(records)
    ]


def _matched(scores: Scores, a: Group, b: Group, marks: list[str]) -> Floats:
    """Levels of runs with the same mark, where each group has one such run; higher is better. (n, 2)."""

    def by_mark(group: Group) -> dict[str, list[int]]:
        out: dict[str, list[int]] = {}
        for i in usable(scores, group):
            out.setdefault(marks[i], []).append(i)
        return out

    first, second = by_mark(a), by_mark(b)
    both = [k for k in first if len(first[k]) == 1 and len(second.get(k, ())) == 1]
    pairs = [(scores.levels[first[k][0]], scores.levels[second[k][0]]) for k in both]
    return np.array(pairs).reshape(-1, 2) * scores.sign
