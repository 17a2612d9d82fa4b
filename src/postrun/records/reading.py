"""From a run to its record."""

from __future__ import annotations

import math
from datetime import UTC

import numpy as np

from postrun.metrics import RunView
from postrun.records.ending import ending
from postrun.records.finals import final
from postrun.records.record import MetricFacts, Metrics, RunRecord, plain_fields
from postrun.training.cost import cost_of


def record_of(view: RunView) -> RunRecord:
    """The record of a run."""
    run, who, done = view.run, view.run.identity, view.run.completeness
    about = run.environment
    gpu = about.get("gpu") or about.get("gpu_type")
    spent = cost_of(view)
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
        runtime=run.working_seconds,
        state=run.state.value,
        rows=done.rows,
        last_step=view.last_x,
        whole=done.whole,
        completeness=done.sentence(),
        framework=view.framework,
        config=view.flat_config,
        commit=who.commit,
        repository=who.repository,
        python=str(about.get("python") or ""),
        gpu=gpu if isinstance(gpu, str) else "",
        gpus=spent.gpus,
        kwh=spent.kwh,
        power_sampled=spent.sampled,
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
        axis=view.axis.key,
        step_unit=view.axis.unit,
        ending=ending(view),
        only=None if run.only is None else sorted(run.only),
        path=str(run.path or ""),
    )


def _started(view: RunView) -> float | None:
    moment = view.run.identity.started_at
    if moment is not None:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    first = view.run.history["_timestamp"].min()
    return float(first) if isinstance(first, int | float) else None


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
        found[key] = plain_fields(facts)
    return Metrics(found)


def _summary(view: RunView) -> dict[str, float]:
    known, only = set(view.run.history.columns), view.run.only
    return {
        key: float(value)
        for key, value in view.run.summary.items()
        if key not in known
        and (only is None or key in only)
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
