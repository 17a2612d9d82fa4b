"""Folders of TensorBoard event files as runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import polars as pl

from postrun.model import Identity, Run, TargetError
from postrun.model.run import with_times
from postrun.sources.files import stamp
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import add_seams, moment, tracker_run
from postrun.sources.trackers.points import Floats, Ints, Points, rows_of
from postrun.sources.trackers.tensorboard.records import is_event_file, read_records
from postrun.sources.trackers.tensorboard.scan import Scan, scan
from postrun.sources.trackers.tensorboard.settings import Settings

_MARK = ".tfevents."
#: Folders into which Keras writes the halves of one run.
_HALVES = frozenset(
    {"train", "training", "validation", "val", "valid", "eval", "evaluation", "test"}
)
#: How PyTorch calls the folder of `add_hparams`: a time.
_HPARAMS = re.compile(r"\d{9,}\.\d+")


class TensorBoard:
    """Event files of TensorFlow, PyTorch, tensorboardX and all that write as they do."""

    name = "tensorboard"
    title = "TensorBoard"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run whose event files lie in a folder or, as Keras has them, in its halves."""
        own = _event_files(folder, names)
        halves = {} if own else _halves(folder, names)
        if own:
            files = dict.fromkeys(own, "")
            files |= {path: "" for sub in _sessions(folder, names) for path in _listed(sub)}
            files |= {path: name for name, paths in _parts(folder, names).items() for path in paths}
        else:
            files = {path: name for name, paths in halves.items() for path in paths}
        if files:
            one = next(iter(files)) if len(names) == 1 else folder
            yield Found(one, tuple(files), partial(_load, self.name, one, files))
        for path in sorted(folder / name for name in names if _MARK in name):
            if path.is_file() and not is_event_file(path):
                raise TargetError(
                    path, "not an event file: it does not begin with a record", "Copy it again, or delete it."
                )  # fmt: skip

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder belongs to the run of the folder above it."""
        return bool(_HPARAMS.fullmatch(name)) or name in _owned(folder, stamp(folder))


@lru_cache(maxsize=64)
def _owned(folder: Path, version: str) -> frozenset[str]:
    """Return the folders that belong to the run of the folder above them; `version` is that folder's stamp."""
    names = [entry.name for entry in folder.iterdir()]
    own = _event_files(folder, names)
    return frozenset(_parts(folder, names) if own else _halves(folder, names))


def _listed(folder: Path) -> list[Path]:
    return _event_files(folder, [entry.name for entry in folder.iterdir()])


def _event_files(folder: Path, names: Sequence[str]) -> list[Path]:
    found = [
        folder / name for name in sorted(names) if _MARK in name and "profile-empty" not in name
    ]
    return [path for path in found if path.is_file() and is_event_file(path)]


def _sessions(folder: Path, names: Sequence[str]) -> list[Path]:
    return [
        folder / name for name in names if _HPARAMS.fullmatch(name) and (folder / name).is_dir()
    ]


def _halves(folder: Path, names: Sequence[str]) -> dict[str, list[Path]]:
    """Return the event files of a run in halves by their folders, {} if it is none."""
    found = {
        name: _listed(folder / name)
        for name in names
        if name in _HALVES and (folder / name).is_dir()
    }
    return found if len(found) > 1 and all(found.values()) else {}


def _parts(folder: Path, names: Sequence[str]) -> dict[str, list[Path]]:
    """Return the event files of `add_scalars` by their folders: "loss_train" for "train" of "loss"."""
    return {
        name: found
        for name in names
        if "_" in name
        and (folder / name).is_dir()
        and (found := _listed(folder / name))
        and _is_part(name, found)
    }


def _is_part(name: str, files: Sequence[Path]) -> bool:
    """Return whether a folder is called as `add_scalars` does: after the one metric in it."""
    if len(files) != 1 or files[0].stat().st_size > 1 << 28:
        return False
    names = scan(read_records(files[0])).points.names
    return len(names) == 1 and name.startswith(names[0].replace("/", "_") + "_")


def _load(source: str, place: Path, files: dict[Path, str], run_id: str) -> Run:
    """Read the event files of a run, each with the prefix of its metrics.

    Raises:
        TargetError: None of them can be read.
    """
    settings, media = Settings(), Counter[str]()
    read: list[tuple[Path, str, Scan]] = []
    damage, lost, invalid = [], [], 0
    for path, prefix in files.items():
        try:
            records = read_records(path)
        except TargetError as error:
            lost.append(error)
            continue
        found = scan(records)
        damage += records.damage
        invalid += found.invalid
        read.append((path, prefix, found))
        for tag, value in found.others:
            if not settings.read(tag, value) and not tag.startswith("_hparams_"):
                media[value.plugin or "tensors"] += 1
    if not read:
        raise lost[0]
    points, names = _together(read)
    history, parts = rows_of(points)
    started = moment(settings.started)
    notes = [f"{error.target}: {error.problem}" for error in lost]
    if invalid:
        notes.append(f"{invalid} events could not be decoded and were left out")
    run = tracker_run(
        source,
        Identity(run_id, name=run_id, started_at=started),
        history,
        place,
        notes=notes,
        config=settings.config,
        state=settings.state,
        ended=settings.ended,
    )
    run.completeness.damage, run.completeness.media = damage, dict(media)
    if not history.height:
        run.completeness.no_history = "the event files hold no scalars"
    add_seams(run, parts, names)
    return run


def add_times(run: Run, folder: Path) -> None:
    """Give the rows of a run the times at which event files below a folder logged their steps."""
    files = {path: "" for path in sorted(folder.rglob(f"*{_MARK}*")) if is_event_file(path)}
    read = [(path, "", scan(read_records(path))) for path in files]
    points, _ = _together(read)
    if not len(points.code):
        return
    times = pl.DataFrame({"_step": points.step, "_timestamp": points.time}).unique(
        "_step", keep="last"
    )
    frame = run.history.drop("_timestamp").join(
        times, on="_step", how="left", maintain_order="left"
    )
    known = frame["_timestamp"].drop_nulls()
    if not len(known):
        return
    start = float(known.min())  # type: ignore[arg-type]
    run.identity.started_at = run.identity.started_at or moment(start)
    frame = frame.with_columns((pl.col("_timestamp") - start).alias("_runtime"))
    run.history = with_times(frame)
    run.runtime = run.history["_runtime"].max()  # type: ignore[assignment]
    run.completeness.notes.append(f"its times were read from the event files in {folder.name}/")


def _together(read: Sequence[tuple[Path, str, Scan]]) -> tuple[Points, list[str]]:
    """Return the points of all files in order of time, and the names of the parts that they make.

    Files that follow one another are parts (a resumed training); those that were written at the same time, or
    into different folders, are one.
    """
    filled = [item for item in read if len(item[2].points.code)]
    filled.sort(key=lambda item: float(np.nanmin(item[2].points.time)))
    codes: dict[str, int] = {}
    columns: list[tuple[Ints, Ints, Floats, Floats, Ints]] = []
    parts: list[str] = []
    ends: dict[Path, float] = {}
    for path, prefix, found in filled:
        own = found.points
        number = [codes.setdefault(_named(prefix, name), len(codes)) for name in own.names]
        if not parts or own.time.min() >= ends.get(path.parent, np.inf):
            parts.append(path.name)
        ends[path.parent] = max(ends.get(path.parent, -np.inf), float(own.time.max()))
        part = np.full(len(own.code), len(parts) - 1)
        columns.append((np.array(number, np.int64)[own.code], own.step, own.time, own.value, part))
    if not columns:
        empty = np.empty(0, np.int64)
        return Points([], empty, empty, np.empty(0), np.empty(0)), parts
    code, step, time, value, part = (np.concatenate(c) for c in zip(*columns, strict=True))
    several = part if len(parts) > 1 else None
    return Points(list(codes), code, step, time, value, several), parts


def _named(prefix: str, name: str) -> str:
    """Return a metric's name with what its folder adds: "validation/epoch_loss", "loss/train"."""
    if not prefix:
        return name
    beginning = name.replace("/", "_") + "_"
    return (
        f"{name}/{prefix.removeprefix(beginning)}"
        if prefix.startswith(beginning)
        else f"{prefix}/{name}"
    )
