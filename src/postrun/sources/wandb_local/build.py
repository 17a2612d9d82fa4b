"""From logs and `files/` folders to a Run; the parts of a resumed run are joined here."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import (
    Artifact,
    Completeness,
    Damage,
    Identity,
    Run,
    RunFile,
    Seam,
    State,
    TargetError,
)
from postrun.sources.dropped import note_dropped
from postrun.sources.wandb_local.console import Console
from postrun.sources.wandb_local.files_folder import (
    FilesFolder,
    differences,
    read_files_folder,
)
from postrun.sources.wandb_local.log import Log, ordered, read_log, seconds

#: A log without an exit record belongs to a living process if something in it is at most this old
#: (seconds). The SDK writes system metrics every 10-30 s.
ALIVE_SECONDS = 120.0


def load_run(run_id: str, logs: list[Path], only: frozenset[str] | None = None) -> Run:
    """Read the parts of one run, oldest first, and join them.

    A part that cannot be read is noted in completeness; TargetError only where none can. `only` names the
    metrics of the history that are wanted, None for all. A run of which more is needed to tell how it ended
    (some value is not finite) is read whole all the same.
    """
    parts: list[tuple[Log, FilesFolder]] = []
    lost: list[TargetError] = []
    for path in logs:
        try:
            parts.append((read_log(path, only), read_files_folder(path.parent / "files")))
        except TargetError as error:
            lost.append(error)
        except OSError as error:
            lost.append(TargetError(path, f"cannot be read: {error.strerror}"))
    if not parts:
        raise lost[0]
    parts.sort(key=lambda part: _started(part[0]) or 0.0)
    run = _join(run_id, parts)
    run.only = only
    if only is not None:
        if run.completeness.nonfinite:
            return load_run(run_id, logs)
        # When it last logged may be needed: to tell how it ended, or how long it took.
        told = run.state is State.FINISHED and (run.runtime or 0) > 0
        if not only and not told:
            run = load_run(run_id, logs, frozenset({"_timestamp"}))
        run.only = only if run.only is not None else None
    for failure in lost:
        path = Path(failure.target)
        size = path.stat().st_size if path.exists() else 0
        damage = Damage(path.name, 0, size, failure.problem, resumed=False)
        run.completeness.damage.append(damage)
    return run


def _join(run_id: str, parts: list[tuple[Log, FilesFolder]]) -> Run:
    last, _ = parts[-1]
    run_record: dict[str, Any] = {}
    run = Run(identity=Identity(id=run_id), path=last.path)
    for log, files in parts:
        run_record |= log.run
        run.config |= _filled(log.config, files.config)
        run.summary |= _summary(log, files)
        run.environment |= _environment(log, files)
        run.telemetry |= log.telemetry
        run.requirements = files.requirements or run.requirements
        run.alerts += log.alerts
        run.preempting |= log.preempting
    run.identity = _identity(run_id, run_record, parts)
    run.metrics = list({m.name: m for log, _ in parts for m in log.metrics.values()}.values())
    run.artifacts = _artifacts(parts)
    run.files = _files(parts)
    run.history = stacked([log.history for log, _ in parts])
    run.history = ordered({s.name: s for s in run.history}, run.history.height)
    run.system = stacked([log.system for log, _ in parts])
    run.console = pl.concat([_console(log, files) for log, files in parts])
    run.exit_code = last.exit_code
    run.state = _state(last)
    run.completeness = _completeness(run, parts)
    note_dropped(run, [log.path.parent for log, _ in parts])
    started = run.identity.started_at
    if run.system.height and started is not None:
        runtime = pl.col("_timestamp") - started.timestamp()
        run.system = run.system.with_columns(runtime.alias("_runtime"))
    names = [n for n in run.system.columns if n not in ("_timestamp", "_runtime")]
    if "_runtime" not in run.system.columns:
        run.system = run.system.with_columns(pl.lit(None, pl.Float64).alias("_runtime"))
    run.system = run.system.select("_timestamp", "_runtime", *names)
    run.runtime = _runtime(run, last)
    return run


def stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames below one another; a metric that is text in some and numbers in others is split.

    That is the rule for mixed columns within one log, too: the text goes to `KEY:text`.
    """
    numeric = {n for f in frames for n, t in f.schema.items() if t.is_numeric()}
    split = [
        f.rename({n: f"{n}:text" for n, t in f.schema.items() if t == pl.String and n in numeric})
        for f in frames
    ]
    return pl.concat(split, how="diagonal_relaxed")


def _filled(log: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    """What the log says, with what only the file has."""
    return log | {k: v for k, v in file.items() if k not in log and k != "_wandb"}


def _summary(log: Log, files: FilesFolder) -> dict[str, Any]:
    """The log's summary; the file's where that is later, as it is where the log was cut."""
    ours, theirs = log.summary.get("_timestamp"), files.summary.get("_timestamp")
    later = isinstance(theirs, int | float) and (
        not isinstance(ours, int | float) or theirs > ours + 1e-3
    )
    if later and not log.exited:
        return _filled(files.summary, log.summary)
    return _filled(log.summary, files.summary)


def _identity(
    run_id: str, record: dict[str, Any], parts: list[tuple[Log, FilesFolder]]
) -> Identity:
    metadata: dict[str, Any] = {}
    for _, files in parts:
        metadata |= files.metadata
    git = record.get("git") or parts[-1][0].environment.get("git") or metadata.get("git") or {}
    first_log, first_files = parts[0]
    start = _started(first_log)
    started_at = datetime.fromtimestamp(start, UTC) if start else first_files.started_at
    return Identity(
        id=record.get("run_id", run_id),
        name=record.get("display_name", ""),
        entity=record.get("entity", ""),
        project=record.get("project", ""),
        group=record.get("run_group", ""),
        job_type=record.get("job_type", ""),
        tags=list(record.get("tags", [])),
        notes=record.get("notes", ""),
        sweep=record.get("sweep_id", ""),
        host=record.get("host", "") or metadata.get("host", ""),
        commit=git.get("commit", ""),
        repository=git.get("remote_url") or git.get("remote") or "",
        started_at=started_at,
    )


def _started(log: Log) -> float | None:
    return seconds(log.run.get("start_time")) or None


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


def _artifacts(parts: list[tuple[Log, FilesFolder]]) -> list[Artifact]:
    found = {(a.direction, a.name, a.digest): a for log, _ in parts for a in log.artifacts}
    return list(found.values())


def _files(parts: list[tuple[Log, FilesFolder]]) -> list[RunFile]:
    found: dict[str, RunFile] = {}
    for log, files in parts:
        for path, kind in log.files.items():
            found[path] = RunFile(path, None, kind)
        for file in files.files:
            kind = found[file.path].kind if file.path in found else ""
            found[file.path] = RunFile(file.path, file.size, kind)
    return [found[path] for path in sorted(found)]


def _console(log: Log, files: FilesFolder) -> pl.DataFrame:
    if log.console.height or not files.console:
        return log.console
    console = Console()
    console.write("stdout", files.console, None)
    return console.frame()


def _state(log: Log) -> State:
    if log.exited:
        return State.FAILED if log.exit_code else State.FINISHED
    last = _last_sign(log)
    fresh = time.time() - ALIVE_SECONDS
    if last is not None and last > fresh and log.path.stat().st_mtime > fresh:
        return State.RUNNING
    return State.CRASHED


def _last_sign(log: Log) -> float | None:
    """Unix seconds of the last thing that the log itself dates."""
    times = [
        frame["_timestamp" if "_timestamp" in frame.columns else "timestamp"].max()
        for frame in (log.history, log.system, log.console)
        if frame.height
    ]
    return max((float(t) for t in times if isinstance(t, int | float)), default=_started(log))


def _runtime(run: Run, last: Log) -> float | None:
    rows = run.history["_runtime"].max() if run.history.height else None
    start = run.identity.started_at
    sign = _last_sign(last)
    candidates = [
        last.exit_runtime,
        rows,
        sign - start.timestamp() if sign is not None and start is not None else None,
        run.summary.get("_runtime"),
        (run.summary.get("_wandb") or {}).get("runtime")
        if isinstance(run.summary.get("_wandb"), dict)
        else None,
    ]
    numbers = [float(c) for c in candidates if isinstance(c, int | float)]
    return max(numbers, default=None)


def _completeness(run: Run, parts: list[tuple[Log, FilesFolder]]) -> Completeness:
    steps = run.history["_step"]
    reported = run.summary.get("_step")
    out = Completeness(
        source="wandb_local",
        rows=run.history.height,
        first_step=_int(steps.min()),
        last_step=_int(steps.max()),
        reported_last_step=reported if isinstance(reported, int) else None,
        truncated=any(log.truncated for log, _ in parts),
        nonfinite=sum(log.nonfinite for log, _ in parts),
        damage=[d for log, _ in parts for d in log.damage],
    )
    for log, files in parts:
        for kind, count in log.media.items():
            out.media[kind] = out.media.get(kind, 0) + count
        out.notes += log.notes + files.notes
        if not log.records:
            out.notes.append(f"{log.path.name} holds a header and no records")
        elif not log.truncated and not log.exited and run.state is not State.RUNNING:
            out.notes.append(f"{log.path.name} ends without an exit record")
        for name, ours, theirs in (
            ("config.yaml", log.config, files.config),
            ("wandb-summary.json", log.summary, files.summary),
        ):
            keys = differences(ours, theirs)
            if keys and log.exited:
                shown = ", ".join(keys[:5]) + (" ..." if len(keys) > 5 else "")
                out.notes.append(
                    f"files/{name} differs from the log in {len(keys)} keys ({shown}); "
                    "the log's values are used"
                )
    out.seams = _seams(parts)
    if run.state is State.RUNNING:
        # A torn end is what a log looks like while it is being written.
        out.damage = [d for d in out.damage if d.resumed]
        out.truncated = False
        out.notes.append("the run is still going on: these are the rows so far")
        return out
    ended = parts[-1][0].exited
    if (out.reported_last_step or 0) > (out.last_step or 0) + 1 and not ended:
        out.truncated = True
        out.notes.append(
            f"the summary reports step {out.reported_last_step}, the last row is at step "
            f"{out.last_step}: the run went on after the log ends"
        )
    return out


def _seams(parts: list[tuple[Log, FilesFolder]]) -> list[Seam]:
    seams = []
    row = 0
    for (before, _), (after, _) in itertools.pairwise(parts):
        row += before.history.height
        ends = _edge(before, -1), _edge(after, 0)
        times = [t for _, t in ends]
        gap = times[1] - times[0] if times[0] is not None and times[1] is not None else None
        part = after.path.parent.name
        seams.append(Seam(row, ends[0][0], ends[1][0], gap, part))
    return seams


def _edge(log: Log, at: int) -> tuple[int | None, float | None]:
    if not log.history.height:
        return None, None
    row = log.history.row(at, named=True)
    return row["_step"], row["_timestamp"]


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None
