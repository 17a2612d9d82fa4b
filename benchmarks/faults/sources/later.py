"""Trainings of the second round after the rules were written, some of them real: `made-later`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from benchmarks.faults.cases import Case
from benchmarks.faults.later import TRAININGS
from benchmarks.faults.sources.after import case


def cases(data: Path | None, out: Path) -> list[Case]:
    """Make what is not there yet (two minutes) and return the trainings with their truth.

    Those that need a package which is not installed are left out.
    """
    del data
    return [
        case("made-later", training, out / "later" / training.name)
        for training in TRAININGS.values()
        if all(find_spec(package) for package in training.needs.split())
    ]
