"""Runs that stand where they began, while siblings that differ in some settings learned.

One run at a flat level may be at its limit; beside siblings that got far below, with the same data and
budget, it is not: they are the counterfactual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from postrun.metrics import MetricInfo, meanings
from postrun.records.record import RunRecord
from postrun.studies.groups import same
from postrun.studies.naming import brief_text

#: Runs whose results differ by less than this, relative, stand at one level.
_ONE_LEVEL = 0.02
#: A run has learned if no more than this share of that level is left.
_LEFT = 0.8
#: Runs of either kind that are needed.
_STUCK, _LEARNED = 3, 2
#: Values of a setting, and settings, that are named.
_VALUES, _SETTINGS = 4, 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Runs that stand at one level beside siblings that learned.

    Attributes:
        metric: What they are judged by.
        level: Where they stand.
        stuck: Positions of the runs that stand there.
        learned: Positions of those that learned.
        reached: The worst and the best result of those.
    """

    metric: str
    level: float
    stuck: tuple[int, ...]
    learned: tuple[int, ...]
    reached: tuple[float, float]


def standing(records: Sequence[RunRecord]) -> Standing | None:
    """Return the runs that stand at one level while siblings learned; None if there are none.

    Looked at are losses and accuracies, last levels in the history or, if it lacks them, in the summary: a
    loss of which at least 3 runs stand within 2% of one another, while at least 2 end at 80% of it or below;
    an accuracy likewise by its error, 1 - accuracy.
    """
    found = [
        told
        for name, info in _goals(records).items()
        if (told := _judge(name, info, [_level(record, name) for record in records]))
    ]
    return max(found, key=lambda told: len(told.stuck) + len(told.learned), default=None)


def _goals(records: Sequence[RunRecord]) -> Mapping[str, MetricInfo]:
    """Return the losses and accuracies of the runs."""
    names = {name: None for r in records for name in (*r.metrics, *r.summary) if name[:1] != "_"}
    roles = ("loss.train", "loss.eval", "accuracy.train", "accuracy.eval")
    return {n: info for n, info in meanings(list(names)).items() if info.role in roles}


def _level(record: RunRecord, metric: str) -> float:
    """Return the last level of a metric; NaN if there is none. A cut log ends before the summary does."""
    last = record.summary.get(metric)
    if isinstance(last, int | float) and not isinstance(last, bool):
        return float(last)
    facts = record.metrics.get(metric)
    return math.nan if facts is None or facts.bad else facts.final


def _judge(name: str, info: MetricInfo, levels: Sequence[float]) -> Standing | None:
    values = np.array(levels, dtype=float)
    accuracy = (info.role or "").startswith("accuracy")
    if accuracy and not np.nanmax(np.append(values, 0.0)) <= 1:
        return None  # percent, or no accuracy at all
    cost = 1 - values if accuracy else values
    known = np.flatnonzero(np.isfinite(cost) & (cost > 0))
    if len(known) < _STUCK + _LEARNED:
        return None
    for place in known[np.argsort(-cost[known])]:
        stuck = known[np.abs(cost[known] - cost[place]) <= _ONE_LEVEL * cost[place] / 2]
        learned = known[cost[known] <= _LEFT * cost[place]]
        if len(stuck) >= _STUCK and len(learned) >= _LEARNED:
            own = sorted(values[learned].tolist(), key=lambda v: -v if info.sign > 0 else v)
            return Standing(
                name,
                float(np.median(values[stuck])),
                tuple(stuck.tolist()),
                tuple(learned.tolist()),
                (own[-1], own[0]),
            )
    return None


def only_among(
    members: Sequence[int], others: Sequence[int], varying: Mapping[str, Sequence[Any]]
) -> str:
    """Return settings that only members have: "lr=1e-05 or 0.001; optimizer=signum"; "" if there are none."""
    told = []
    for key, values in varying.items():
        own: list[Any] = []
        for i in members:
            new = not any(same(values[i], v) for v in own)
            if new and not any(same(values[i], values[k]) for k in others):
                own.append(values[i])
        covered = sum(any(same(values[i], v) for v in own) for i in members)
        if own:
            told.append((covered, key, own))
    told.sort(key=lambda item: -item[0])
    return ", or ".join(f"{key}={_either(own)}" for _, key, own in told[:_SETTINGS])


def _either(values: list[Any]) -> str:
    """Return values in order as alternatives: "1e-05, 3e-05 or 0.001"."""
    numbers = all(isinstance(v, int | float) for v in values)
    texts = [brief_text(v) for v in (sorted(values) if numbers else values)][:_VALUES]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
