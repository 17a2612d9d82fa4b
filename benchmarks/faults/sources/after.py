"""Trainings that were simulated after the rules were written, each with its truth: `made-after`."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from benchmarks.faults.after import TRAININGS, Training
from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.kinds import kind_named
from benchmarks.faults.subject import Subject


def cases(data: Path | None, out: Path) -> list[Case]:
    """Write the logs anew (seconds) and return the trainings with their truth."""
    del data
    made = TRAININGS.values()
    return [case("made-after", training, out / "after" / training.name) for training in made]


def case(source: str, training: Training, folder: Path) -> Case:
    """Return a training with its truth; write its log unless that is there."""
    if not folder.exists():
        rng = np.random.default_rng(zlib.crc32(training.name.encode()))
        training.make(rng).write(folder)
    subject = Subject(folder / "wandb")
    if not training.fault:
        allowed = tuple(Cause(name, kind=kind_named(name)) for name in training.allowed)
        return Case(source, training.name, Truth.HEALTHY, subject, "healthy", allowed)
    cause = Cause(training.says, kind=kind_named(training.fault), curve=training.curve)
    return Case(source, training.name, Truth.FAULT, subject, "fault", (cause,))
