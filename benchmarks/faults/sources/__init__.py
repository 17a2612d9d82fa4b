"""Where the trainings come from: one module per source, each with a function that returns its cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.cases import Case
from benchmarks.faults.sources import (
    after,
    algoperf,
    bugs,
    frameworks,
    later,
    made,
    own,
    records,
    strangers,
)

#: Source to a function of the data folder (None if none is given) and the folder of made trainings.
SOURCES: dict[str, Callable[[Path | None, Path], list[Case]]] = {
    "made": made.cases,
    "made-after": after.cases,
    "made-later": later.cases,
    "frameworks": frameworks.cases,
    "benchdl4real": bugs.benchdl4real,
    "deepmufl": bugs.deepmufl,
    "algoperf": algoperf.cases,
    "nanogpt": records.cases,
    "strangers": strangers.cases,
    "own-curves": own.cases,
}
__all__ = ["SOURCES"]
