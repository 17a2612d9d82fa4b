"""Several processes that write one run at the same time (`mode="shared"`): their rows in one history.

Each process numbers its rows by itself, so `_step` says nothing across them. Rows meet at equal
values of the x axis that `define_metric` declares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from postrun.sources.frames.stack import TIMES, stacked
from postrun.sources.frames.times import ordered
from postrun.sources.wandb_local.part import Part

#: Two processes write at the same time if their rows overlap for this share of the shorter span.
#: Segments of a resumed run follow one another; their rows overlap at most by clock errors.
_OVERLAP = 0.5
#: `_step` is common to the writers if equal steps lie this close in time, as a share of the span:
#: then both passed `step=` themselves.
_SAME_TIME = 0.05
#: What the axis is called in a join: Polars reads names such as "^a$" as patterns there.
_KEY = "\0axis"


class Joined(NamedTuple):
    """The rows of several writers, and a sentence on how they were joined."""

    history: pl.DataFrame
    note: str


def sessions(parts: Sequence[Part]) -> list[list[Part]]:
    """Group segments, oldest first, into sessions: those of one session were written at one time."""
    found: list[list[Part]] = []
    for part in parts:
        if found and any(_together(other, part) for other in found[-1]):
            found[-1].append(part)
        else:
            found.append([part])
    return found


def _together(a: Part, b: Part) -> bool:
    """Return whether two segments were written by two processes at the same time."""
    one, two = a.rows_span, b.rows_span
    if one is None or two is None or b.log.run.get("resumed"):
        return False
    common = min(one[1], two[1]) - max(one[0], two[0])
    shorter = min(one[1] - one[0], two[1] - two[0])
    if a.log.shared and b.log.shared:
        return common >= 0
    return common > 0 and common >= _OVERLAP * shorter


def joined(parts: Sequence[Part]) -> Joined:
    """Join the histories of writers on their declared x axis, else on a common `_step`, else by time.

    Rows without a value of the axis stay rows of their own, in order of time. Of rows of one writer
    that repeat a value, each metric's last value counts. A metric that two writers log with
    different values at one place is called "KEY (writer 2)" for the second.
    """
    frames = [part.log.history for part in parts if part.log.history.height]
    if len(frames) < 2:
        return Joined(frames[0] if frames else parts[0].log.history, "")
    who = f"{len(frames)} processes wrote this run at the same time"
    axis = _declared_axis(parts) or ("_step" if _steps_are_common(frames) else "")
    if not axis:
        return Joined(_by_time(stacked(frames)), f"{who}; their rows are in order of time")
    has_axis = [axis in f.columns and f[axis].dtype.is_numeric() for f in frames]
    told = [f for f, has in zip(frames, has_axis, strict=True) if has]
    if len({f[axis].dtype for f in told}) > 1:  # whole numbers in one, fractions in another
        told = [f.with_columns(f[axis].cast(pl.Float64)) for f in told]
    history = _side_by_side(
        [_one_row_each(f.filter(_column(f, axis).is_not_null()), axis) for f in told], axis
    )
    rest = [f.filter(_column(f, axis).is_null()) for f in told]
    rest += [f for f, has in zip(frames, has_axis, strict=True) if not has]
    rest = [f for f in rest if f.height]
    history = (
        _by_time(stacked([history, *rest])) if rest else _numbered(_sorted(history, axis), axis)
    )
    history = ordered({s.name: s for s in history}, history.height)
    return Joined(history, f"{who}; their rows are joined on {axis}")


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column without its name, which Polars may read as a pattern."""
    return frame[name].alias("x")


def _declared_axis(parts: Sequence[Part]) -> str:
    """Return the declared x axis that most writers log as numbers, "" if fewer than two do."""
    names = {d.x_axis for part in parts for d in part.log.metrics.values() if d.x_axis}
    found: Counter[str] = Counter()
    for name in names - {"_step"}:
        for part in parts:
            column = part.log.history.get_column(name, default=None)
            if column is not None and column.dtype.is_numeric() and column.count():
                found[name] += 1
    best = max(found.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return best[0] if best[1] > 1 else ""


def _steps_are_common(frames: Sequence[pl.DataFrame]) -> bool:
    """Return whether equal `_step`s of the writers lie close together in time."""
    first, *others = (_one_row_each(f, "_step")[["_step", "_timestamp"]] for f in frames)
    for other in others:
        both = first.join(other, on="_step", suffix="_2").drop_nulls()
        span = max(_span(first), _span(other))
        if both.height < 2 or not span:
            return False
        apart = (both["_timestamp"] - both["_timestamp_2"]).abs().median()
        if not isinstance(apart, float) or apart > _SAME_TIME * span:
            return False
    return True


def _span(frame: pl.DataFrame) -> float:
    low, high = frame["_timestamp"].min(), frame["_timestamp"].max()
    return float(high) - float(low) if isinstance(low, float) and isinstance(high, float) else 0.0


def _one_row_each(frame: pl.DataFrame, axis: str) -> pl.DataFrame:
    """Return one row per value of the axis, each metric's last value."""
    if not _column(frame, axis).is_duplicated().any():
        return frame
    key = pl.selectors.by_name(axis)
    return frame.group_by(key, maintain_order=True).agg((~key).drop_nulls().last())


def _side_by_side(frames: Sequence[pl.DataFrame], axis: str) -> pl.DataFrame:
    whole = frames[0]
    for number, frame in enumerate(frames[1:], 2):
        both = whole.rename({axis: _KEY}).join(
            frame.rename({axis: _KEY}),
            on=_KEY,
            how="full",
            coalesce=True,
            suffix="|2",
            maintain_order="left_right",
        )
        both = both.rename({_KEY: axis})
        for name in [n for n in frame.columns if n != axis and n in whole.columns]:
            both = _merged(both, name, f"{name} (writer {number})")
        whole = both
    return whole


def _merged(both: pl.DataFrame, name: str, own_name: str) -> pl.DataFrame:
    """Make one column of a metric that both writers log, or keep two if their values differ."""
    other = f"{name}|2"
    mine, theirs = (pl.selectors.by_name(n).as_expr() for n in (name, other))
    if name in TIMES[1:]:
        return _one(both, name, pl.min_horizontal(mine, theirs))
    same_kind = both[name].dtype == both[other].dtype or (
        both[name].dtype.is_numeric() and both[other].dtype.is_numeric()
    )
    if name != "_step" and not (same_kind and _agree(both, name, other)):
        return both.rename({other: own_name})
    return _one(both, name, pl.coalesce(mine, theirs))


def _one(both: pl.DataFrame, name: str, values: pl.Expr) -> pl.DataFrame:
    """Return the frame with one column of a metric instead of two."""
    return both.with_columns(values.alias(name)).drop(pl.selectors.by_name(f"{name}|2"))


def _sorted(frame: pl.DataFrame, axis: str) -> pl.DataFrame:
    return frame[_column(frame, axis).arg_sort(nulls_last=False)]


def _agree(both: pl.DataFrame, name: str, other: str) -> bool:
    known = both[[name, other]].drop_nulls()
    return bool(_column(known, name).eq_missing(_column(known, other)).all())


def _by_time(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in order of time, numbered anew: no common step is known."""
    frame = frame.sort("_timestamp", maintain_order=True, nulls_last=True)
    return frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_step"))


def _numbered(frame: pl.DataFrame, axis: str) -> pl.DataFrame:
    """Return rows whose `_step` is the axis if that is whole numbers, else their number."""
    values = _column(frame, axis)
    whole = values.cast(pl.Int64, strict=False)
    if whole.null_count() or not bool((whole.cast(pl.Float64) == values.cast(pl.Float64)).all()):
        return frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_step"))
    return frame.with_columns(whole.alias("_step"))
