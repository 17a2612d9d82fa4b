"""All rows of a run's history: the Parquet exports, then what is not exported yet.

wandb-core downloads the exports to its own cache and scans the rest from there, so that nothing is
fetched twice; on servers without exports everything is scanned. Rows are put in order of step.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from postrun.sources.frames.files import read_whole
from postrun.sources.frames.parquet import columns_of
from postrun.sources.frames.rows import fill_rows
from postrun.sources.frames.stack import stacked
from postrun.sources.frames.times import ordered
from postrun.sources.wandb_api.scan import PAGE, scanned
from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.media import fold_media


class History:
    """Rows as they were fetched, and what is known about them.

    `frame`: as `Run.history`; `media`, `nonfinite`, `notes`: as completeness has them.
    """

    def __init__(self) -> None:
        self.frame = pl.DataFrame()
        self.media: Counter[str] = Counter()
        self.nonfinite = 0
        self.notes: list[str] = []


def complete_history(
    run: Any, last_step: int | None, claimed: int | None, known: pl.DataFrame | None = None
) -> History:
    """Return all rows of a run: those `known`, and later ones; all anew if they do not add up.

    `run` is the SDK's; `last_step` and `claimed` are the last step and the number of rows that the
    server reports, None if it does not. The count is what tells: wandb-core never looks whether the
    exports in its cache, from which it scans, are as new as the server's.
    """
    if known is not None and known.height and claimed is not None:
        out = History()
        out.frame = known
        if known.height != claimed:
            out.frame = _continued(run, [known], out, _stop(run, last_step, claimed), claimed)
        out.nonfinite = _count_nonfinite(out.frame)
        if out.frame.height == claimed and last_step in (None, _top(out.frame)):
            return out
    return read_history(run, last_step, claimed)


def read_history(run: Any, last_step: int | None, claimed: int | None = None) -> History:
    """Return the rows of a run; arguments as in `complete_history`."""
    out = History()
    frames, live, trusted = _exports(run, out)
    out.frame = ordered({}, 0)
    got = sum(frame.height for frame in frames)
    # A server that tells of no live rows may still have them: its own count decides.
    if (live or got < (claimed or 1)) and claimed != 0:
        stop = _stop(run, last_step, claimed)
        out.frame = _continued(run, frames, out, stop, claimed, trusted)
    elif frames:
        out.frame = _together(frames)
    if claimed != 0 and _short(out.frame, claimed):
        _completed(run, claimed, out)
    out.nonfinite = _count_nonfinite(out.frame)
    return out


def _stop(run: Any, last_step: int | None, claimed: int | None) -> int:
    """Return the step up to which rows are scanned, -1 if there are none.

    If the server does not report its last step, the summary and a sample of the rows tell it.
    """
    if last_step is not None:
        return last_step
    told = run.summary_metrics.get("_step")
    known = int(told) if isinstance(told, int | float) and not isinstance(told, bool) else -1
    return max([known, *(int(row["_step"]) for row in _sample(run, claimed))])


def _sample(run: Any, claimed: int | None) -> list[dict[str, Any]]:
    """Return rows spread over the whole history: all of them, unless there are more than `PAGE`."""
    try:
        rows = run.history(samples=min(claimed or PAGE, PAGE), pandas=False)
    except (TypeError, KeyError):  # the SDK cannot read an answer without rows
        return []
    return [row for row in rows if isinstance(row.get("_step"), int | float)]


def _short(frame: pl.DataFrame, claimed: int | None) -> bool:
    """Return True if the server counts more rows, or does not count them: a last step alone may be too low."""
    return claimed is None or frame.height < claimed


def _completed(run: Any, claimed: int | None, out: History) -> None:
    """Put rows into `out.frame` that the scan missed.

    A server may report too low a last step, or none of the rows that are not exported yet. A sample
    shows both: it holds all rows of a short history, and reaches almost to the end of a long one.
    """
    sample = _sample(run, claimed)
    end = max((int(row["_step"]) for row in sample), default=-1)
    if end > _top(out.frame):
        out.frame = _continued(run, [out.frame], out, end, claimed)
    before = -1
    while len(sample) >= PAGE and out.frame.height > before and _short(out.frame, claimed):
        before, top = out.frame.height, _top(out.frame)
        out.frame = _continued(run, [out.frame], out, top + max(PAGE, top), claimed)
    got = out.frame.height
    if _short(out.frame, claimed) and len(sample) > got:
        out.media.clear()
        out.frame = _together([_filled(sample, out)])
        out.notes.append(
            f"a scan gave {got:,} rows; the {len(sample):,} rows here came in one request"
        )


def _continued(
    run: Any,
    frames: list[pl.DataFrame],
    out: History,
    stop: int,
    claimed: int | None,
    use_cache: bool = True,
) -> pl.DataFrame:
    """Return rows that are there, and what comes after them up to the step `stop`.

    The last step that is there is asked for again, for it may have got more rows since: of its rows, the
    first are those that are known.
    """
    top = max((_top(frame) for frame in frames), default=-1)
    known = sum(int((frame["_step"] == top).sum()) for frame in frames)
    below = sum(frame.height for frame in frames) - known
    wanted = None if claimed is None else max(0, claimed - below)
    rows = scanned(run, max(0, top), stop, wanted, use_cache)
    again = [row for row in rows if row.get("_step") == top]
    later = [row for row in rows if row.get("_step") != top]
    return _together([*frames, _filled([*again[known:], *later], out)])


def _filled(rows: list[dict[str, Any]], out: History) -> pl.DataFrame:
    """Return rows as a frame, by the type rule of local logs."""
    table = Table()
    fill_rows(table, rows)
    columns = fold_media({s.name: s for s in table.series()}, table.media)
    out.media += table.media
    out.notes += table.notes
    return ordered(columns, table.rows, out.notes)


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames below one another, in order of step."""
    parts = [frame for frame in frames if frame.height]
    if not parts:
        return frames[-1] if frames and frames[-1].width else ordered({}, 0)
    whole = stacked(parts).sort("_step", maintain_order=True)
    return ordered({s.name: s for s in whole}, whole.height)


def _top(frame: pl.DataFrame) -> int:
    """The greatest step; -1 where there is none."""
    top = frame["_step"].max()
    return int(top) if isinstance(top, int | float) else -1


def _exports(run: Any, out: History) -> tuple[list[pl.DataFrame], bool, bool]:
    """The exported rows, file by file; whether there are rows that are not exported; and whether the
    exports in wandb-core's cache are those of the server.
    """
    from wandb.env import get_cache_dir

    folder = Path(get_cache_dir())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = run.download_history_exports(folder, require_complete_history=False)
    except Exception as error:
        out.notes.append(
            f"no Parquet exports ({' '.join(str(error).split())[:120]}): rows were scanned"
        )
        return [], True, False
    frames = []
    lost = dict(done.errors or {})
    for path in sorted(done.paths):
        try:
            frames.append(_read_export(path, out))
        except (pl.exceptions.PolarsError, OSError) as error:
            lost[path] = str(error)
        finally:
            if path in lost:
                path.unlink(missing_ok=True)
    if lost:
        out.notes.append(
            f"{len(lost)} of {len(done.paths)} exports are not readable: rows were scanned"
        )
        return [], True, False
    if (
        not done.contains_live_data
    ):  # nothing is left to scan: the cache need not grow with each run
        for path in done.paths:
            path.unlink(missing_ok=True)
    return frames, bool(done.contains_live_data), True


def _read_export(path: Path, out: History) -> pl.DataFrame:
    """Return one Parquet file in the types that `Run.history` has."""
    found = columns_of(read_whole(path), exported=True)
    out.media += found.media
    out.notes += [note for note in found.notes if note not in out.notes]
    return ordered(found.columns, found.rows, out.notes)


def _count_nonfinite(frame: pl.DataFrame) -> int:
    floats = [s for s in frame if s.dtype.is_float()]
    return sum(int((~s.alias("x").drop_nulls().is_finite()).sum()) for s in floats)
