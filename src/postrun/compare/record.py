"""One run as project-wide commands need it: small, plain, ready to be kept.

A record holds who and where a run is, its settings, its code, environment and data, how it ended and why,
and how each metric went; histories stay in columns of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC
from typing import Any

import numpy as np

from postrun.compare.ending import Ending, ending
from postrun.compare.finals import final
from postrun.rules.machine import in_use
from postrun.semantics import RunView

#: Changes whenever a record means something else: older ones are then made anew.
RECORD_VERSION = 3


@dataclass(slots=True)
class MetricFacts:
    """How one metric went: finite values only; `bad` counts the others.

    `final` is the median of the last 5 %, `best` by the metric's better direction (None where neither).
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
    """One run. `started` is Unix seconds, `runtime` seconds; `gpus` counts those in use.

    `columns` are the places of the columns in the cache.

    `config` is flat, with "." between nested keys; `data` are artifacts that were used, as
    "name@digest"; `summary` are its numbers that no history has; `axes` are the metrics that count
    tokens or samples.
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
    last_step: int | None = None
    whole: bool = True
    completeness: str = ""
    framework: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    commit: str = ""
    repository: str = ""
    python: str = ""
    gpu: str = ""
    gpus: int | None = None
    requirements: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=lambda: Metrics({}))
    summary: dict[str, float] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    ending: Ending = field(default_factory=Ending)
    path: str = ""
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def hours(self) -> float | None:
        """Wall-clock hours, None where unknown."""
        return None if self.runtime is None else self.runtime / 3600

    @property
    def gpu_hours(self) -> float | None:
        """GPU hours: wall-clock hours times GPUs in use, None where either is unknown."""
        return None if self.runtime is None or self.gpus is None else self.hours_of(self.gpus)

    def hours_of(self, devices: int) -> float:
        """Wall-clock hours times devices; 0 where the runtime is unknown."""
        return (self.runtime or 0.0) / 3600 * devices

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` reads it."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        out["metrics"] = self.metrics.plain
        return {**out, "ending": _plain(self.ending)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> RunRecord:
        """The record that `as_dict` wrote; KeyError or TypeError for anything else."""
        plain = {k: v for k, v in value.items() if k in _FIELDS}
        plain["metrics"] = Metrics(plain["metrics"])
        plain["ending"] = Ending(**plain["ending"])
        return cls(**plain)


_FIELDS = frozenset(f.name for f in fields(RunRecord))


def _plain(value: MetricFacts | Ending) -> dict[str, Any]:
    """The fields of one value; `dataclasses.asdict` copies deeply, at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}


def record_of(view: RunView) -> RunRecord:
    """The record of a run."""
    run, who, done = view.run, view.run.identity, view.run.completeness
    about = run.environment
    gpu = about.get("gpu") or about.get("gpu_type")
    return RunRecord(
        id=run.id,
        name=run.name,
        project="/".join(p for p in (who.entity, who.project) if p),
        group=who.group,
        job_type=who.job_type,
        sweep=who.sweep,
        tags=list(who.tags),
        host=who.host,
        started=_started(view),
        runtime=run.runtime,
        state=run.state.value,
        rows=done.rows,
        last_step=done.last_step,
        whole=done.whole,
        completeness=done.sentence(),
        framework=view.framework,
        config=view.flat_config,
        commit=who.commit,
        repository=who.repository,
        python=str(about.get("python") or ""),
        gpu=gpu if isinstance(gpu, str) else "",
        gpus=_gpus(view, gpu),
        requirements=dict(_package(line) for line in run.requirements if line.strip()),
        data=sorted(f"{a.name}@{a.digest}" for a in run.artifacts if a.direction == "input"),
        settings={
            name: found[0]
            for name in ("seed", "lr", "dataset", "base_model", "optimizer", "batch_size")
            if (found := view.setting(name)) is not None
        },
        metrics=_metrics(view),
        summary=_summary(view),
        axes=_axes(view),
        ending=ending(view),
        path=str(run.path or ""),
    )


def _started(view: RunView) -> float | None:
    moment = view.run.identity.started_at
    if moment is not None:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    first = view.run.history["_timestamp"].min()
    return float(first) if isinstance(first, int | float) else None


def _gpus(view: RunView, gpu: Any) -> int | None:
    """GPUs in use by the system metrics, else by the config; 1 where only a GPU's name is known."""
    sampled = in_use(view, "system.gpu_utilisation")
    if sampled:
        return len({s.info.index for s in sampled})
    planned = view.number("world_size")
    if planned is not None and gpu:
        return int(planned[1])
    return 1 if gpu else None


def _package(line: str) -> tuple[str, str]:
    name, _, version = line.strip().partition("==")
    return name.strip().lower(), version.strip()


def _metrics(view: RunView) -> Metrics:
    found = {}
    for key, info in view.metrics.items():
        whole = view.series(key)
        series = whole.finite
        if not len(series):
            continue
        last_step, n, last, best, best_step = final(series)
        facts = MetricFacts(
            role=info.role,
            better=info.better,
            unit=info.unit,
            central=info.central,
            n=n,
            bad=len(whole) - n,
            first_step=float(series.x[0]),
            last_step=last_step,
            final=last,
            low=float(np.min(series.y)),
            high=float(np.max(series.y)),
            best=best,
            best_step=best_step,
        )
        found[key] = _plain(facts)
    return Metrics(found)


def _summary(view: RunView) -> dict[str, float]:
    known = set(view.run.history.columns)
    return {
        key: float(value)
        for key, value in view.run.summary.items()
        if key not in known
        and not key.startswith("_")
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    }


def _axes(view: RunView) -> dict[str, str]:
    found = {}
    for name in ("tokens", "samples", "epoch"):
        series = view.first(f"progress.{name}")
        if series is not None:
            found[name] = series.key
    return found
