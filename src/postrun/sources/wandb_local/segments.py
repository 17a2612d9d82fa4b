"""The segments of one run put together: concurrent writers, resumes, rewinds, later jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from postrun.model import Seam
from postrun.sources.frames.stack import TIMES, stacked
from postrun.sources.frames.times import ordered
from postrun.sources.wandb_local.part import Part
from postrun.sources.wandb_local.shared import joined, sessions

#: A later segment is another job (an evaluation, say) if it logs less than this share of the
#: metrics of the smaller of the two.
_COMMON_METRICS = 0.2


@dataclass(slots=True)
class Segments:
    """The segments of a run, oldest first, and their rows in one history.

    Attributes:
        sessions: Segments in groups; those of one group were written at the same time.
        seams: Between each two sessions.
        notes: How rows were joined, and which were left out.
    """

    sessions: list[list[Part]]
    history: pl.DataFrame
    seams: list[Seam] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def last(self) -> list[Part]:
        """The last session."""
        return self.sessions[-1]

    @property
    def active_seconds(self) -> float | None:
        """Seconds during which some process ran: no time between sessions counts."""
        known = [_duration(session) for session in self.sessions]
        return None if None in known else sum(s for s in known if s is not None)


def together(run_id: str, parts: Sequence[Part]) -> Segments:
    """Put the segments of a run together, oldest first."""
    groups = sessions(parts)
    out = Segments(groups, pl.DataFrame())
    frames: list[pl.DataFrame] = []
    for number, session in enumerate(groups):
        history, note = joined(session)
        out.notes += [note] if note else []
        kind = "resumed"
        branch = session[0].branch
        if number and branch is not None and branch[0] == run_id:
            kind = "rewound"
            before = sum(f.height for f in frames)
            frames = [_until(frame, *branch[1:]) for frame in frames]
            left_out = before - sum(f.height for f in frames)
            out.notes.append(
                f"rewound to {branch[2]} {branch[1]:,.0f} in {session[0].folder.name}: the {left_out:,} "
                "rows logged after it before are left out, as W&B does"
            )
        elif number and _other_job(groups[number - 1], session):
            kind = "other"
        if number:
            out.seams.append(_seam(frames, history, session, kind))
        frames.append(history)
    whole = stacked(frames)
    out.history = ordered({s.name: s for s in whole}, whole.height)
    return out


def _until(frame: pl.DataFrame, value: float, metric: str) -> pl.DataFrame:
    """Return the rows up to the value of a metric; rows without one belong to the row before."""
    if metric not in frame.columns or not frame[metric].dtype.is_numeric():
        return frame
    return frame.filter((frame[metric].alias("x").forward_fill() <= value).fill_null(True))


def _seam(
    frames: Sequence[pl.DataFrame], after: pl.DataFrame, session: Sequence[Part], kind: str
) -> Seam:
    before = next((f for f in reversed(frames) if f.height), None)
    step_before, time_before = _edge(before, -1)
    step_after, time_after = _edge(after, 0)
    known = time_before is not None and time_after is not None
    return Seam(
        row=sum(f.height for f in frames),
        step_before=step_before,
        step_after=step_after,
        gap_seconds=time_after - time_before if known else None,  # type: ignore[operator]
        part=session[0].folder.name,
        kind=kind,
        seconds=_duration(session),
    )


def _edge(frame: pl.DataFrame | None, at: int) -> tuple[int | None, float | None]:
    if frame is None or not frame.height:
        return None, None
    return frame["_step"][at], frame["_timestamp"][at]


def _duration(session: Sequence[Part]) -> float | None:
    """Return how long a session lasted: its longest segment, as they ran at the same time."""
    return max((p.seconds for p in session if p.seconds is not None), default=None)


def _other_job(before: Sequence[Part], after: Sequence[Part]) -> bool:
    """Return whether a later session is another job: by its job type, or by what it logs."""
    one, two = ({str(p.log.run.get("job_type") or "") for p in s} for s in (before, after))
    if one != two and "" not in one | two:
        return True
    mine, theirs = (
        {n for p in s for n in p.log.history.columns if n not in TIMES} for s in (before, after)
    )
    smaller = min(len(mine), len(theirs))
    return bool(smaller) and len(mine & theirs) < _COMMON_METRICS * smaller
