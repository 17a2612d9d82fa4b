"""Several runs of one training: found, joined on step, and read as one.

Asynchronous reinforcement learning logs a trainer and an orchestrator (and often an evaluation) as
runs of their own. What explains the trainer's curves is then in the other run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from postrun.metrics.axis import STEP
from postrun.metrics.view import RunView
from postrun.model import Completeness, Identity, Run, State, UsageError
from postrun.model.lazily import pattern

#: What the runs of one training call themselves.
_PARTS = pattern(
    r"(?i)(?:^|[\s_\-./])(trainer|train|orchestrator|orch|learner|actor|rollouts?|inference|sampler"
    r"|eval(?:uat(?:or|ion))?)(?=$|[\s_\-./])"
)
_TRAINERS = ("trainer", "train", "learner")
_TIMES = (STEP, "_runtime", "_timestamp")
#: From the worst to the best; what is not known of one part says nothing about the whole.
_WORST = (State.CRASHED, State.FAILED, State.RUNNING, State.FINISHED, State.UNKNOWN)


def stem(name: str) -> tuple[str, str]:
    """A run's name without the word for its part, and that word ("" where it has none)."""
    found = list(_PARTS.finditer(name))
    if not found:
        return name.lower(), ""
    last = found[-1]
    rest = f"{name[: last.start()]} {name[last.end() :]}".strip()
    return rest.lower(), last[1].lower()


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells whether a run is part of a training of several runs.

    `word` is the part that its name or job type names, `parts` the part that each recognised
    framework takes it for, `span` the first and the last row's time (Unix seconds).
    """

    id: str
    where: tuple[str, str]
    name: str
    word: str
    group: str
    parts: tuple[tuple[str, str], ...] = ()
    span: tuple[float, float] | None = None

    @property
    def part(self) -> str:
        """What the run calls itself within its training, else what its framework calls it."""
        return self.word or next((part for _, part in self.parts), "")


def signature(view: RunView) -> Signature:
    """The signature of a run."""
    who, history = view.run.identity, view.run.history
    name, word = stem(who.name)
    clock = history["_timestamp"].drop_nulls().to_numpy()
    found = ((pack.name, pack.part_of(history.columns)) for pack in view.packs)
    return Signature(
        id=who.id,
        where=(who.entity, who.project),
        name=name,
        word=word or who.job_type,
        group=who.group,
        parts=tuple((pack, part) for pack, part in found if part),
        span=(float(clock.min()), float(clock.max())) if len(clock) else None,
    )


def belong_together(a: Signature, b: Signature) -> bool:
    """True where two runs are parts of one training, as far as they show it.

    Entity and project do not differ, and either

    * their names differ in the word for the part alone ("x-trainer", "x-orchestrator") or they share
      a group and name different parts, and they overlap in time by half of the shorter one; or
    * a framework that logs one training as several runs recognises them as different parts, no
      names contradict, and they overlap in time by four fifths of the longer one.

    Seeds and members of a sweep are not parts of one training: their names and job types name no
    part.
    """
    if a.id == b.id or any(x and y and x != y for x, y in zip(a.where, b.where, strict=True)):
        return False
    shorter, longer = _overlap(a.span, b.span)
    if a.word and b.word:
        alike = bool(a.name) and a.name == b.name
        grouped = bool(a.group) and a.group == b.group
        return a.word != b.word and (alike or grouped) and shorter >= 0.5
    mine, theirs = dict(a.parts), dict(b.parts)
    differ = any(pack in theirs and theirs[pack] != part for pack, part in mine.items())
    return differ and longer >= 0.8


def experiments(signatures: Sequence[Signature]) -> list[list[int]]:
    """Trainings of several runs: indices of their parts, the one that trains first.

    A run that could belong to several trainings (two that overlap in time and name the same part)
    belongs to none: nothing is guessed.
    """
    candidates = [i for i, s in enumerate(signatures) if s.part and s.span]
    near: dict[int, list[int]] = {
        i: [j for j in candidates if belong_together(signatures[i], signatures[j])]
        for i in candidates
    }
    found, used = [], set[int]()
    for i in candidates:
        group = [i, *near[i]]
        names = [signatures[j].part for j in group]
        closed = all(set(near[j]) == set(group) - {j} for j in group)
        if len(group) > 1 and i not in used and len(set(names)) == len(names) and closed:
            used.update(group)
            found.append(sorted(group, key=lambda j: (signatures[j].part not in _TRAINERS, j)))
    return found


def _overlap(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float]:
    """Common time as a share of the shorter and of the longer span; 0 where either is unknown."""
    if a is None or b is None:
        return 0.0, 0.0
    common = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    shorter, longer = sorted((a[1] - a[0], b[1] - b[0]))
    return common / shorter if shorter > 0 else 0.0, common / longer if longer > 0 else 0.0


def join(runs: Sequence[Run]) -> Run:
    """One run of several that are parts of one training, joined on the step of each one's trainer.

    History: all steps of any part in order, one row each (of rows that repeat a step, each metric's
    last value counts), with the trainers' step as `_step`; a key that several parts log is called
    "KEY (name of the part)" from the second part on. Config and summary: the first part's value where
    several have a key. State: the worst.

    Raises:
        UsageError: Fewer than two runs.
    """
    if len(runs) < 2:
        raise UsageError("an experiment needs at least two runs")
    origin: dict[str, tuple[int, str]] = {}
    frame: pl.DataFrame | None = None
    views = [RunView(run) for run in runs]
    own = _count_alike(views)
    for number, (run, view) in enumerate(zip(runs, views, strict=True)):
        names = {}
        label = signature(view).part or run.id
        for key in run.history.columns:
            if key in _TIMES:
                continue
            name = key if key not in origin else f"{key} ({label})"
            while name in origin:
                name += "'"
            names[key], origin[name] = name, (number, key)
        part = _one_row_per_step(_on_own_steps(view) if own else run.history).rename(names)
        if frame is None:
            frame = part
        else:
            frame = frame.join(part, on="_step", how="full", coalesce=True, suffix="|right")
            frame = frame.with_columns(
                pl.coalesce(name, f"{name}|right").alias(name) for name in _TIMES[1:]
            ).drop(f"{name}|right" for name in _TIMES[1:])
    assert frame is not None
    history = frame.sort("_step").select(*_TIMES, pl.exclude(_TIMES))
    return Run(
        identity=_identity(runs),
        state=next(s for s in _WORST if any(r.state is s for r in runs)),
        exit_code=next((r.exit_code for r in runs if r.exit_code), runs[0].exit_code),
        runtime=max((r.runtime for r in runs if r.runtime is not None), default=None),
        config={k: v for r in reversed(runs) for k, v in r.config.items()},
        summary={k: v for r in reversed(runs) for k, v in r.summary.items()},
        history=history,
        metrics=[m for r in runs for m in r.metrics],
        requirements=runs[0].requirements,
        environment=runs[0].environment,
        completeness=_completeness(runs, history, own),
        parts=list(runs),
        origin=origin,
    )


def _count_alike(views: Sequence[RunView]) -> bool:
    """Return whether the parts count the same steps by columns of their own, in whole numbers."""
    if len({view.axis.unit for view in views}) > 1 or all(v.axis.key == STEP for v in views):
        return False
    return all(bool((view.steps == np.rint(view.steps)).all()) for view in views)


def _on_own_steps(view: RunView) -> pl.DataFrame:
    """Return a part's history with its trainer's step as `_step`."""
    return view.run.history.with_columns(pl.Series(STEP, view.steps).cast(pl.Int64))


def _one_row_per_step(history: pl.DataFrame) -> pl.DataFrame:
    known = history.filter(pl.col("_step").is_not_null())
    if known["_step"].is_duplicated().any():
        columns = pl.exclude("_step").drop_nulls().last()
        known = known.group_by("_step", maintain_order=True).agg(columns)
    return known.sort("_step")


def _identity(runs: Sequence[Run]) -> Identity:
    first = runs[0].identity
    name, _ = stem(first.name)
    starts = [r.identity.started_at for r in runs if r.identity.started_at]
    return Identity(
        id="+".join(r.id for r in runs),
        name=name if name and all(stem(r.name)[0] == name for r in runs) else first.group or name,
        entity=first.entity,
        project=first.project,
        group=first.group,
        tags=sorted({tag for r in runs for tag in r.identity.tags}),
        started_at=min(starts, key=_utc) if starts else None,
        commit=first.commit,
        repository=first.repository,
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _completeness(runs: Sequence[Run], history: pl.DataFrame, own: bool) -> Completeness:
    parts = [r.completeness for r in runs]
    first, last = history[STEP].min(), history[STEP].max()
    reported = [p.reported_last_step for p in parts if p.reported_last_step is not None and not own]
    return Completeness(
        source="joined",
        rows=history.height,
        first_step=first if isinstance(first, int) else None,
        last_step=last if isinstance(last, int) else None,
        reported_last_step=max(reported, default=None),
        sampled=any(p.sampled for p in parts),
        truncated=any(p.truncated for p in parts),
        dropped=sum(p.dropped for p in parts),
        dropped_more=any(p.dropped_more for p in parts),
        nonfinite=sum(p.nonfinite for p in parts),
        notes=[f"{run.name} ({run.id}): {run.completeness.sentence()}" for run in runs],
    )
