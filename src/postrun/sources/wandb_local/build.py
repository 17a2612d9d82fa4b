"""From the segments of a run to a Run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import (
    Artifact,
    Identity,
    Run,
    RunFile,
    State,
    TargetError,
)
from postrun.model.times import is_duration
from postrun.sources import telemetry
from postrun.sources.dropped import note_dropped
from postrun.sources.frames.stack import stacked
from postrun.sources.wandb_local.completeness import completeness, lost_log
from postrun.sources.wandb_local.ending import session_end
from postrun.sources.wandb_local.evidence import Ended
from postrun.sources.wandb_local.files_folder import FilesFolder
from postrun.sources.wandb_local.log import Log
from postrun.sources.wandb_local.part import Part, read_part
from postrun.sources.wandb_local.segments import Segments, together


def load_run(run_id: str, places: list[Path], only: frozenset[str] | None = None) -> Run:
    """Read the segments of one run and join them.

    `only` names the metrics of the history that are wanted, None for all. A run of which more is needed to
    tell how it ended (some value is not finite) is read whole all the same.

    Raises:
        TargetError: No segment can be read. One that cannot, beside others, is noted in completeness.
    """
    parts: list[Part] = []
    lost: list[TargetError] = []
    for place in places:
        try:
            parts.append(read_part(place, only))
        except TargetError as error:
            lost.append(error)
    if not parts:
        raise lost[0]
    parts.sort(key=lambda part: part.started or 0.0)
    run = join_parts(run_id, parts)
    run.only = only
    if only is not None:
        if run.completeness.nonfinite:
            return load_run(run_id, places)
        # When it last logged may be needed: to tell how it ended, or how long it took.
        told = run.state is State.FINISHED and (run.runtime or 0) > 0
        if not only and not told:
            run = load_run(run_id, places, frozenset({"_timestamp"}))
        run.only = only if run.only is not None else None
    for failure in lost:
        run.completeness.damage.append(lost_log(Path(failure.target), failure.problem))
    return run


def join_parts(run_id: str, parts: list[Part], end: Ended | None = None, gone: bool = False) -> Run:
    """Return the run of these segments, oldest first.

    `end` says how it ended if that is known already; `gone`: none of its processes lives any more.
    """
    run_record: dict[str, Any] = {}
    run = Run(identity=Identity(id=run_id), path=parts[-1].log.path)
    for part in parts:
        log, files = part.log, part.files
        run_record |= log.run
        run.config |= _filled(log.config, files.config)
        run.summary |= _summary(log, files)
        run.environment |= _environment(log, files)
        for told in (telemetry.from_config(files.internal), log.telemetry):
            run.telemetry = telemetry.merged(run.telemetry, told)
        run.requirements = files.requirements or run.requirements
        run.alerts += log.alerts
        run.preempting |= log.preempting
    run.identity = _identity(run_id, run_record, parts)
    run.metrics = list({m.name: m for p in parts for m in p.log.metrics.values()}.values())
    run.artifacts = _artifacts(parts)
    run.files = _files(parts)
    segments = together(run.identity.id, parts)
    run.history = segments.history
    run.system = stacked([part.log.system for part in parts])
    run.console = pl.concat([part.console for part in parts])
    end = end or session_end(segments.last, gone)
    run.state, run.exit_code = end.state, end.exit_code
    run.completeness = completeness(run, segments, parts, end)
    note_dropped(run, [part.folder for part in parts])
    started = run.identity.started_at
    if run.system.height and started is not None:
        runtime = pl.col("_timestamp") - started.timestamp()
        run.system = run.system.with_columns(runtime.alias("_runtime"))
    names = [n for n in run.system.columns if n not in ("_timestamp", "_runtime")]
    if "_runtime" not in run.system.columns:
        run.system = run.system.with_columns(pl.lit(None, pl.Float64).alias("_runtime"))
    run.system = run.system[["_timestamp", "_runtime", *names]]
    run.runtime = _runtime(run, segments)
    run.active = segments.active_seconds if len(segments.sessions) > 1 else None
    return run


def _filled(log: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    """What the log says, with what only the file has."""
    return log | {k: v for k, v in file.items() if k not in log and k != "_wandb"}


def _summary(log: Log, files: FilesFolder) -> dict[str, Any]:
    """Return the log's summary; the file's if that is later, as it is if the log was cut."""
    if not log.exited and _later(files.summary, log.summary):
        return _filled(files.summary, log.summary)
    return _filled(log.summary, files.summary)


def _later(file: dict[str, Any], log: dict[str, Any]) -> bool:
    """Return whether a summary file was written after the last summary of the log."""
    for key in ("_timestamp", "_step", "_runtime"):
        theirs, ours = file.get(key), log.get(key)
        if not isinstance(theirs, int | float):
            continue
        if not isinstance(ours, int | float):
            return True
        if abs(theirs - ours) > _SAME_TIME:
            return theirs > ours
    return bool(file) and not log


#: Seconds by which the same time may differ after it was written as text.
_SAME_TIME = 1e-3


def _identity(run_id: str, record: dict[str, Any], parts: list[Part]) -> Identity:
    metadata: dict[str, Any] = {}
    for part in parts:
        metadata |= part.files.metadata
    git = record.get("git") or parts[-1].log.environment.get("git") or metadata.get("git") or {}
    own_id = record.get("run_id", run_id)
    branch = next((p.branch for p in parts if p.branch and p.branch[0] != own_id), None)
    started = parts[0].started
    return Identity(
        id=own_id,
        name=record.get("display_name", ""),
        entity=record.get("entity", ""),
        project=record.get("project", ""),
        group=record.get("run_group", ""),
        job_type=record.get("job_type", ""),
        tags=list(record.get("tags", [])),
        notes=record.get("notes", ""),
        sweep=record.get("sweep_id", ""),
        host=record.get("host", "") or metadata.get("host", ""),
        commit=str(git.get("commit") or ""),
        repository=str(git.get("remote_url") or git.get("remote") or ""),
        started_at=datetime.fromtimestamp(started, UTC) if started else None,
        forked_from=branch[0] if branch else "",
        forked_at=branch[1] if branch else None,
    )


def _environment(log: Log, files: FilesFolder) -> dict[str, Any]:
    """Metadata by the file's names, where it has them, then the log's."""
    out = {k: v for k, v in log.environment.items() if k != "git"}
    out |= {k: v for k, v in files.metadata.items() if v not in (None, "", [], {})}
    version = log.telemetry.get("cli_version")
    if version:
        out["wandb"] = version
    if log.telemetry.get("python_version"):
        out.setdefault("python", log.telemetry["python_version"])
    return out


def _artifacts(parts: list[Part]) -> list[Artifact]:
    found = {(a.direction, a.name, a.digest): a for part in parts for a in part.log.artifacts}
    return list(found.values())


def _files(parts: list[Part]) -> list[RunFile]:
    found: dict[str, RunFile] = {}
    for part in parts:
        for path, kind in part.log.files.items():
            found[path] = RunFile(path, None, kind)
        for file in part.files.files:
            kind = found[file.path].kind if file.path in found else ""
            found[file.path] = RunFile(file.path, file.size, kind)
    return [found[path] for path in sorted(found)]


def _runtime(run: Run, segments: Segments) -> float | None:
    """Return the seconds from the start of the run to its last sign of life."""
    rows = run.history["_runtime"].max() if run.history.height else None
    start = run.identity.started_at
    signs = [part.last_sign for part in segments.last if part.last_sign is not None]
    sign = max(signs, default=None)
    candidates = [
        *(part.log.exit_runtime for part in segments.last),
        rows,
        sign - start.timestamp() if sign and start and sign > start.timestamp() else None,
        run.summary.get("_runtime"),
        (run.summary.get("_wandb") or {}).get("runtime")
        if isinstance(run.summary.get("_wandb"), dict)
        else None,
    ]
    return max((float(c) for c in candidates if is_duration(c)), default=None)
