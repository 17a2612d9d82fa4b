"""One run as project-wide commands need it: small, plain, ready to be kept.

A record holds who and where a run is, its settings, its code, environment and data, how it ended and why,
and how each metric went; histories stay in columns of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from postrun.model.ending import Ending
from postrun.training.cost import Cost

#: Changes whenever a record means something else: older ones are then made anew.
RECORD_VERSION = 6


@dataclass(slots=True)
class MetricFacts:
    """How one metric went: finite values only; `bad` counts the others.

    `final` is the median of the last 5%, `best` by the metric's better direction (None where neither).
    """

    role: str | None
    better: str
    unit: str
    central: bool
    n: int
    bad: int
    first_step: float
    last_step: float
    final: float
    low: float
    high: float
    best: float | None
    best_step: float | None


class Metrics(Mapping[str, MetricFacts]):
    """Facts by metric, made when they are asked for: most of a run's metrics never are."""

    def __init__(self, plain: dict[str, dict[str, Any]]) -> None:
        self.plain = plain

    def __getitem__(self, key: str) -> MetricFacts:
        value = self.plain[key]
        # JSON has no infinity: it leaves null, which these fields cannot be.
        missing = {k: math.nan for k in ("final", "low", "high") if value[k] is None}
        return MetricFacts(**{**value, **missing})

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __len__(self) -> int:
        return len(self.plain)

    def __contains__(self, key: object) -> bool:
        return key in self.plain


@dataclass(slots=True)
class RunRecord:
    """One run. `started` is Unix seconds, `gpus` counts those in use.

    `runtime` is in seconds, without the pauses between the segments of a resumed run.

    `kwh` is the energy of its GPUs over the share `power_sampled` of their time, None if no power was sampled.

    `columns` are the places of the columns in the cache. `only` names the metrics that were read, None for all;
    what cannot be told without the others is missing then.

    `config` is flat, with "." between nested keys; `data` are artifacts that were used, as
    "name@digest"; `summary` are its numbers that no history has; `axes` are the metrics that count
    tokens or samples, `axis` is the column that counts the trainer's own steps, `step_unit` what one of them is
    called, and `last_step` the last one of them.
    """

    id: str
    name: str
    project: str = ""
    group: str = ""
    job_type: str = ""
    sweep: str = ""
    tags: list[str] = field(default_factory=list)
    host: str = ""
    started: float | None = None
    runtime: float | None = None
    state: str = "unknown"
    rows: int = 0
    last_step: float | None = None
    whole: bool = True
    completeness: str = ""
    framework: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    commit: str = ""
    repository: str = ""
    python: str = ""
    gpu: str = ""
    gpus: int | None = None
    kwh: float | None = None
    power_sampled: float | None = None
    requirements: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=lambda: Metrics({}))
    summary: dict[str, float] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    axis: str = "_step"
    step_unit: str = "step"
    ending: Ending = field(default_factory=Ending)
    path: str = ""
    only: list[str] | None = None
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def hours(self) -> float | None:
        """Wall-clock hours, None where unknown."""
        return None if self.runtime is None else self.runtime / 3600

    @property
    def cost(self) -> Cost:
        """What the run cost."""
        return Cost(self.hours, self.gpus, self.gpu_hours, self.kwh, self.power_sampled)

    @property
    def gpu_hours(self) -> float | None:
        """GPU hours: wall-clock hours times GPUs in use, None where either is unknown."""
        if self.hours is None or self.gpus is None:
            return None
        return self.hours * self.gpus

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        out["metrics"] = self.metrics.plain
        return {**out, "ending": plain_fields(self.ending)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> RunRecord:
        """The record that `as_dict` wrote; KeyError or TypeError for anything else."""
        plain = {k: v for k, v in value.items() if k in _FIELDS}
        plain["metrics"] = Metrics(plain["metrics"])
        plain["ending"] = Ending(**plain["ending"])
        return cls(**plain)


_FIELDS = frozenset(f.name for f in fields(RunRecord))


def plain_fields(value: MetricFacts | Ending) -> dict[str, Any]:
    """The fields of one value; `dataclasses.asdict` copies deeply, at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}
