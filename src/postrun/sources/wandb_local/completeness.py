"""What is known about how much of a local run was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from postrun.model import Completeness, Damage, Run, State
from postrun.model.times import is_duration, is_step, is_time
from postrun.sources.wandb_local.evidence import Ended
from postrun.sources.wandb_local.files_folder import differences
from postrun.sources.wandb_local.part import Part
from postrun.sources.wandb_local.segments import Segments


def completeness(run: Run, segments: Segments, parts: list[Part], end: Ended) -> Completeness:
    """Return where the rows of a run came from and what is missing."""
    steps = run.history["_step"]
    reported = run.summary.get("_step")
    out = Completeness(
        source="wandb_local",
        rows=run.history.height,
        first_step=_int(steps.min()),
        last_step=_int(steps.max()),
        reported_last_step=reported if is_step(reported) else None,
        truncated=any(part.log.truncated for part in parts),
        nonfinite=sum(part.log.nonfinite for part in parts),
        damage=[d for part in parts for d in part.log.damage],
        seams=segments.seams,
        notes=list(segments.notes),
    )
    for part in parts:
        for kind, count in part.log.media.items():
            out.media[kind] = out.media.get(kind, 0) + count
        out.notes += part.log.notes + part.files.notes
        if part.log.unreadable:
            _note_unreadable(out, part)
        elif not part.log.truncated and not part.log.exited and run.state is not State.RUNNING:
            out.notes.append(f"{part.log.path.name} ends without an exit record")
        out.notes += _contradictions(part)
    if end.why:
        out.notes.append(f"the state is {run.state.value}: {end.why}")
    _note_impossible(out, run)
    _note_fork(out, run)
    _judge_end(out, run, segments)
    return out


def lost_log(path: Path, problem: str, remedy: str = "") -> Damage:
    """Return a whole log that could not be read as damage."""
    return Damage(path.name, 0, 0, problem, resumed=False, remedy=remedy)


def _note_unreadable(out: Completeness, part: Part) -> None:
    log = part.log
    out.damage.append(lost_log(log.path, log.unreadable, log.remedy))
    if not out.rows:
        out.no_history = log.unreadable
    if part.files.found:
        out.notes.append(f"read from the files of the run: {', '.join(part.files.found)}")


def _contradictions(part: Part) -> list[str]:
    """Return where the log and the files of a segment that ended disagree."""
    log, files = part.log, part.files
    out = []
    for name, ours, theirs in (
        ("config.yaml", log.config, files.config),
        ("wandb-summary.json", log.summary, files.summary),
    ):
        keys = differences(ours, theirs)
        if keys and log.exited:
            shown = ", ".join(keys[:5]) + (" ..." if len(keys) > 5 else "")
            out.append(
                f"files/{name} differs from the log in {len(keys)} keys ({shown}); "
                "the log's values are used"
            )
    return out


def _note_impossible(out: Completeness, run: Run) -> None:
    """Note steps and times of the summary that no run has; they are not believed."""
    known = {"_step": is_step, "_runtime": is_duration, "_timestamp": is_time}
    for key, believed in known.items():
        value = run.summary.get(key)
        if value is not None and not believed(value):
            out.notes.append(f"the summary's {key} cannot be true and is not used")
    told = run.summary.get("_wandb")
    value = told.get("runtime") if isinstance(told, dict) else None
    if value is not None and not is_duration(value):
        out.notes.append("the summary's _wandb.runtime cannot be true and is not used")


def _note_fork(out: Completeness, run: Run) -> None:
    if run.identity.parent:
        out.notes.append(
            f"forked from run {run.identity.parent}: the rows up to there belong to that run"
        )


def _judge_end(out: Completeness, run: Run, segments: Segments) -> None:
    """Tell a log that is still being written, and one that ends before the run did."""
    if run.state is State.RUNNING:
        # A torn end is what a log looks like while it is being written.
        out.damage = [d for d in out.damage if d.resumed]
        out.truncated = False
        out.notes.append("the run is still going on: these are the rows so far")
        return
    exited = any(part.log.exited for part in segments.last)
    last, reported = out.last_step, out.reported_last_step
    if reported is None or out.no_history or exited or reported <= (-1 if last is None else last):
        return
    out.missing_bytes = _missing_bytes(out, segments)
    if reported > (last or 0) + 1:
        out.truncated = True
        out.notes.append(
            f"the summary reports _step {reported}, the last row is at _step {last}: the rows between "
            "are not in "
            "the log"
        )


#: Bytes that a row takes if the log holds none that shows it.
_ROW = 300


def _missing_bytes(out: Completeness, segments: Segments) -> int:
    """Return about how many bytes of log the steps would take that only the summary knows."""
    last = -1 if out.last_step is None else out.last_step
    ahead = (out.reported_last_step or 0) - last
    if not out.rows:
        return _ROW * ahead
    size = sum(part.log.path.stat().st_size for part in segments.last if part.log.path.is_file())
    steps = last - (out.first_step or 0) + 1
    return round(size / max(1, steps) * ahead)


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None
