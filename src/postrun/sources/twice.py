"""One training that was logged to W&B and to TensorBoard, in folders that have nothing to do with each other.

Nothing but the values proves it: the beginnings of both logs are read, and compared.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from postrun.metrics.axis import STEP
from postrun.model import FAILURES, Run, RunRef
from postrun.sources.trackers.tensorboard.source import TensorBoard
from postrun.sources.wandb_local.source import WandbLocal
from postrun.stats.robust import Floats

#: Bytes at the beginning of each log that are read.
_HEAD = 2**18
#: Seconds by which the starts of one training may differ in two logs.
_APART = 300.0
#: W&B names folders by the local time of the machine: other places differ by whole halves of an hour.
_ZONE, _FARTHEST = 1800.0, 15 * 3600.0
#: Pairs of logs that are compared at most, and logs of which both kinds may have so many.
_PAIRS = 200
#: Equal values at equal steps that prove it, and how many of them must differ from one another.
_EQUAL, _DISTINCT = 8, 5
_MOMENT = re.compile(r"tfevents\.(\d{9,11})\b")


def without_twins(refs: Sequence[RunRef]) -> list[RunRef]:
    """Return runs without those of TensorBoard whose values a run of W&B holds as well; that run says so.

    It is proven by at least 8 values (5 of them distinct) that are equal at equal steps, as 32-bit numbers.
    """
    theirs = [ref for ref in refs if ref.source == TensorBoard.name]
    own = [ref for ref in refs if ref.source == WandbLocal.name and ref.path.suffix == ".wandb"]
    heads: dict[Path, pl.DataFrame] = {}
    twins: dict[int, tuple[RunRef, RunRef]] = {}
    for other, ref in list(_candidates(theirs, own))[:_PAIRS]:
        if id(other) in twins or any(kept is ref for _, kept in twins.values()):
            continue
        if _same_values(_head(ref.path, heads), _head(_first_file(other), heads)):
            twins[id(other)] = other, ref
    if not twins:
        return list(refs)
    noted = {id(ref): _noting(ref, other) for other, ref in twins.values()}
    return [noted.get(id(ref), ref) for ref in refs if id(ref) not in twins]


def _candidates(theirs: Sequence[RunRef], own: Sequence[RunRef]) -> Iterator[tuple[RunRef, RunRef]]:
    """Yield pairs of logs that began at about the same time, by the names of their files."""
    for other in theirs if own else ():
        moment = _MOMENT.search(_first_file(other).name)
        for ref in own if moment else ():
            assert moment is not None
            apart = abs(float(moment[1]) - ref.modified)
            if apart <= _FARTHEST and abs(math.remainder(apart, _ZONE)) <= _APART:
                yield other, ref


def _first_file(ref: RunRef) -> Path:
    if ref.path.is_file():
        return ref.path
    return min((p for p in ref.path.glob("*tfevents*") if p.is_file()), default=ref.path)


def _head(path: Path, known: dict[Path, pl.DataFrame]) -> pl.DataFrame:
    """Return the history at the beginning of a log: its first bytes are read like a log that is cut off."""
    if path not in known:
        known[path] = pl.DataFrame()
        with suppress(*FAILURES), tempfile.TemporaryDirectory(prefix="postrun-") as folder:
            cut = Path(folder) / path.name
            with path.open("rb") as file:
                cut.write_bytes(file.read(_HEAD))
            known[path] = _read(cut).history
    return known[path]


def _read(path: Path) -> Run:
    if path.suffix == ".wandb":
        return next(iter(WandbLocal().find(str(path)))).load()
    return next(TensorBoard().runs(path.parent, [path.name])).load("head")


def _same_values(first: pl.DataFrame, second: pl.DataFrame) -> bool:
    """Return whether some column of one history holds the values of one of the other, at the same steps."""
    one, two = _columns(first), _columns(second)
    return any(_equal(a, b) for a in one for b in two)


def _columns(history: pl.DataFrame) -> list[tuple[Floats, Floats]]:
    """Return steps and values of the columns that vary."""
    steps = [n for n in (STEP, "global_step", "trainer/global_step") if n in history.columns]
    found = []
    for series in history:
        if series.name.startswith("_") or series.name in steps or not series.dtype.is_float():
            continue
        for name in steps:
            known = pl.DataFrame({"x": history[name], "y": series}).drop_nulls()
            if known.height >= _EQUAL:
                x, y = known["x"].cast(pl.Float64).to_numpy(), known["y"].to_numpy()
                found.append((x, y.astype(np.float32).astype(np.float64)))
    return found


def _equal(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> bool:
    _, i, j = np.intersect1d(a[0], b[0], return_indices=True)
    first, second = a[1][i], b[1][j]
    if len(i) < _EQUAL or len(np.unique(first[np.isfinite(first)])) < _DISTINCT:
        return False
    return bool(np.array_equal(first, second, equal_nan=True))


def _noting(ref: RunRef, other: RunRef) -> RunRef:
    note = f"the same values were logged to TensorBoard ({other.path}), which was not read"
    return replace(ref, loader=partial(_with_note, ref, note))


def _with_note(ref: RunRef, note: str) -> Run:
    run = ref.load()
    run.completeness.notes.append(note)
    return run
