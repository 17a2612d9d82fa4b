"""The curves of others' trainings that forecasts are fitted and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import postrun
from benchmarks.faults.sources import SOURCES
from postrun.metrics import RunView, Series
from postrun.records.finals import final
from postrun.stats.robust import Floats

#: Trainings that forecasts are tested on.
TESTED = ("algoperf", "nanogpt")
#: Sources that only serve to fit.
_OTHERS = ("benchdl4real", "deepmufl", "frameworks")
_FOLDERS = ("runs", "labelled")
_GOALS = ("loss", "accuracy", "score", "reward")
#: Faults that no early part of a curve shows: they are told apart in the table.
_BROKEN = ("got_worse", "nonfinite")


@dataclass(frozen=True, slots=True)
class Training:
    """One metric of one training. `fold` is the half that it belongs to. Shapes of x, y: (n,).

    `program` is equal for the seeds of one program, `broken` true where something went wrong later.
    """

    source: str
    program: str
    metric: str
    sign: int
    x: Floats
    y: Floats
    fold: int
    broken: bool

    @property
    def outcome(self) -> float:
        """The final value: the median of the last 5%."""
        finite = self.y[np.isfinite(self.y)]
        return float(np.median(finite[-max(1, len(finite) // 20) :]))

    def seen(self, share: float) -> tuple[Floats, Floats]:
        """Return the part within a share of the way."""
        begin, end = float(self.x[0]), float(self.x[-1])
        kept = self.x <= begin + share * (end - begin)
        return self.x[kept], self.y[kept]


def trainings(data: Path) -> list[Training]:
    """Return every goal that the trainings of a data folder log at 20 places or more."""
    found: list[Training] = []
    for source in (*TESTED, *_OTHERS):
        cases = SOURCES[source](data, Path())
        if source in TESTED:
            cases = sorted(cases, key=lambda c: hashlib.md5(c.name.encode()).hexdigest())
        for number, case in enumerate(cases):
            path = case.subject.path
            program = case.name.rsplit("_", 1)[0] if source == "benchdl4real" else case.name
            fold = number % 2 if source in TESTED else 0
            if path is not None:
                found += _read(path, source, program, fold, case.label in _BROKEN)
    for source in _FOLDERS:
        for folder in sorted((data / source).glob("*/*")):
            if folder.is_dir():
                found += _read(folder, source, folder.name, 0, False)
    return found


def _read(path: Path, source: str, program: str, fold: int, broken: bool) -> Iterator[Training]:
    try:
        view = RunView(postrun.load(path))
    except postrun.TargetError:
        return
    for info in view.metrics.values():
        if not info.central or not info.sign or (info.role or "").split(".")[0] not in _GOALS:
            continue
        series = view.series(info.key)
        if len(series.finite) >= 20 and _long(series):
            yield Training(
                source, program, info.key, info.sign, series.x, series.y, fold, broken
            )  # fmt: skip


def _long(series: Series) -> bool:
    _, count, last, _, _ = final(series.finite)
    return count >= 20 and np.isfinite(last) and len(np.unique(series.x)) >= 10
