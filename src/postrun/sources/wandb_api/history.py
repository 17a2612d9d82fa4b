"""All rows of a run's history: the Parquet exports, then what is not exported yet.

wandb-core downloads the exports to its own cache and scans the rest from there, so that nothing is
fetched twice; on servers without exports everything is scanned. Rows are put in order of step.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from postrun.sources.wandb_local.columns import NONFINITE, Table
from postrun.sources.wandb_local.frames import stacked
from postrun.sources.wandb_local.log import ordered
from postrun.sources.wandb_local.media import fold_media

#: Steps of one request where rows are scanned: the server answers at most this many rows.
PAGE = 10_000


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
    run: Any, last_step: int, claimed: Any, known: pl.DataFrame | None = None
) -> History:
    """All rows of a run: those `known`, and later ones; all anew where they do not add up.

    The count is what tells: wandb-core never looks whether the exports in its cache, from which it scans,
    are as new as the server's.
    """
    if known is not None and known.height and isinstance(claimed, int):
        out = History()
        out.frame = known
        if known.height != claimed:
            out.frame = _continued(run, [known], out)
        out.nonfinite = _count_nonfinite(out.frame)
        if out.frame.height == claimed and _top(out.frame) == last_step:
            return out
    return read_history(run, last_step)


def read_history(run: Any, last_step: int) -> History:
    """The rows of a run. `run` is the SDK's, `last_step` what the server reports."""
    out = History()
    frames, live, trusted = _exports(run, out)
    out.frame = ordered({}, 0)
    if live and last_step >= 0:
        out.frame = _continued(run, frames, out, trusted)
    elif frames:
        out.frame = _together(frames)
    out.nonfinite = _count_nonfinite(out.frame)
    return out


def _continued(
    run: Any, frames: list[pl.DataFrame], out: History, use_cache: bool = True
) -> pl.DataFrame:
    """Rows that are there, and what comes after them.

    The last step that is there is asked for again, for it may have got more rows since: of its rows, the
    first are those that are known.
    """
    top = max((_top(frame) for frame in frames), default=-1)
    known = sum(int((frame["_step"] == top).sum()) for frame in frames)
    rows: list[dict[str, Any]] = list(
        run.scan_history(min_step=max(0, top), page_size=PAGE, use_cache=use_cache)
    )
    again = [row for row in rows if row.get("_step") == top]
    later = [row for row in rows if row.get("_step") != top]
    table = Table()
    _fill(table, [*again[known:], *later])
    columns = fold_media({s.name: s for s in table.series()}, table.media)
    out.media += table.media
    out.notes += table.notes
    return _together([*frames, ordered(columns, table.rows)])


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
    """One Parquet file in the types that `Run.history` has."""
    frame = pl.read_parquet(path, memory_map=False)
    columns: list[pl.Series] = []
    for series in frame:
        if series.dtype == pl.Struct:
            columns += _flattened(series)
        elif series.dtype.is_nested():
            texts = [None if v is None else json.dumps(v) for v in series.to_list()]
            columns.append(pl.Series(series.name, texts, dtype=pl.String))
        elif series.dtype == pl.Float64:
            columns.append(_whole(series))
        else:
            columns.append(series)
    dropped: set[str] = set()
    decoded = Table()
    decoded.rows = frame.height
    for series in [s for s in columns if s.dtype == pl.String and s.null_count() < len(s)]:
        # What has no column type of its own (dictionaries, mixtures) is exported as JSON text.
        known = series.is_not_null().arg_true().to_numpy().astype(np.int64)
        texts = series.drop_nulls().to_list()
        if _is_json(series):
            texts = with_words([json.loads(str(text)) for text in texts])
        decoded.put_column(series.name, known, texts)
        dropped.add(series.name)
    columns = [s for s in columns if s.name not in dropped] + list(decoded.series())
    out.media += decoded.media
    out.notes += [note for note in decoded.notes if note not in out.notes]
    table = fold_media({s.name: s for s in columns}, out.media)
    return ordered(table, frame.height)


def _is_json(series: pl.Series) -> bool:
    """True where every text is JSON and some could not be a plain text: a dictionary, a quoted text."""
    texts = series.drop_nulls()
    if not len(texts) or not texts.str.contains(r'^[{"]').any():
        return False
    try:
        orjson.loads(f"[{','.join(map(str, texts))}]")
    except orjson.JSONDecodeError:
        return False
    return True


def _flattened(series: pl.Series) -> Iterator[pl.Series]:
    for child in series.struct.unnest():
        child = child.rename(f"{series.name}.{child.name}")
        if child.dtype == pl.Struct:
            yield from _flattened(child)
        else:
            yield child


def _whole(series: pl.Series) -> pl.Series:
    """A column of doubles; of whole numbers alone it is one of integers, as it was logged."""
    if series.name in ("_runtime", "_timestamp"):
        return series
    known = series.drop_nulls().to_numpy()
    whole = len(known) and np.isfinite(known).all() and (known == np.rint(known)).all()
    if whole and np.abs(known).max() < 2**53:
        return series.cast(pl.Int64)
    return series


def _count_nonfinite(frame: pl.DataFrame) -> int:
    floats = [s for s in frame if s.dtype.is_float()]
    return sum(int((~s.drop_nulls().is_finite()).sum()) for s in floats)


def _fill(table: Table, rows: list[dict[str, Any]]) -> None:
    """Rows into columns, with the type rule of local logs."""
    at: dict[str, list[int]] = {}
    values: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        for key, value in row.items():
            if key not in at:
                at[key], values[key] = [], []
            at[key].append(number)
            values[key].append(value)
    table.rows = len(rows)
    for key, found in values.items():
        table.put_column(key, np.array(at[key], np.int64), with_words(found))


def with_words(values: list[Any]) -> list[Any]:
    """Values with the texts "NaN", "Infinity" and "-Infinity" as numbers: JSON has no words for these.

    Only where no other text is among them, for it might be one; within dictionaries always.
    """
    texts = {v for v in values if isinstance(v, str)}
    words = bool(texts) and texts <= NONFINITE.keys()
    return [
        NONFINITE[v] if words and isinstance(v, str) else within(v) if isinstance(v, dict) else v
        for v in values
    ]


def within(value: dict[str, Any]) -> dict[str, Any]:
    """A dictionary with these texts as numbers, at any depth; media are left as they are."""
    if "_type" in value:
        return value
    return {
        k: within(v) if isinstance(v, dict) else NONFINITE.get(v, v) if isinstance(v, str) else v
        for k, v in value.items()
    }


def frame_of(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rows of any stream as a frame, by the same rule."""
    table = Table()
    _fill(table, list(rows))
    columns = {s.name: s for s in table.series()}
    return pl.DataFrame(list(columns.values())) if columns else pl.DataFrame()
