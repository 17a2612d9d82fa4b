"""The benchmark's own trainings of real frameworks: each fault beside the healthy training."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.kinds import kind_named
from benchmarks.faults.makers import MAKERS, Maker, made
from benchmarks.faults.subject import Subject


def cases(data: Path | None, out: Path) -> list[Case]:
    """Train what is not there yet, and return it; what cannot be trained is named on stderr."""
    del data
    found = []
    for maker in MAKERS.values():
        folder = made(maker, out) if maker.available else None
        if folder is None:
            reason = (
                f"did not end as it should: see {out}"
                if maker.available
                else f"needs {maker.needs}"
            )
            print(f"made: {maker.name} is left out: it {reason}", file=sys.stderr)
        else:
            found.append(_case(maker, folder))
    return found


def _case(maker: Maker, folder: Path) -> Case:
    subject = Subject(folder / "wandb")
    if not maker.fault:
        return Case("made", maker.name, Truth.HEALTHY, subject, "healthy", pair=maker.name)
    cause = Cause(maker.fault, kind=kind_named(maker.fault), curve=maker.curve)
    return Case("made", maker.name, Truth.FAULT, subject, "fault", (cause,), maker.beside)
