"""The trainings that are replayed, with what is known of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import postrun
from benchmarks.diagnosis import curves
from benchmarks.diagnosis.labels import Labels
from benchmarks.faults.sources import SOURCES

DIAGNOSIS = Path(__file__).parents[1] / "out" / "diagnosis"


@dataclass(slots=True)
class Training:
    """One training.

    Attributes:
        healthy: Whether nothing is wrong with it.
        onsets: The step at which each fault begins, by the code of the rule that tells it ("" for any); faults
            that have no beginning are left out.
        allowed: Codes, or beginnings of codes, of what may be said of it without being a false alarm.
    """

    source: str
    name: str
    run: postrun.Run
    healthy: bool
    onsets: dict[str, float] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()


def of_labels(source: str, run: postrun.Run, labels: Labels) -> Training:
    """Return a training of the project's own benchmark."""
    onsets = {code: float(at) for code, at in labels.must.items() if at is not None}
    allowed = (*labels.must, *labels.may)
    return Training(source, labels.name, run, labels.healthy, onsets, allowed)


def own_curves(seeds: range) -> Iterator[Training]:
    """Yield the curves of benchmarks/diagnosis."""
    for run, labels in curves.cases(seeds):
        yield of_labels("own curves", run, labels)


def own_trainings(seed: int) -> Iterator[Training]:
    """Yield the real trainings of benchmarks/diagnosis that were made already."""
    for folder in sorted((DIAGNOSIS / str(seed)).glob("*")):
        if (folder / "done").exists():
            run = postrun.load(next(folder.glob("wandb/offline-run-*")))
            yield of_labels("own trainings", run, Labels.read(folder / "labels.json"))


def frameworks(data: Path) -> Iterator[Training]:
    """Yield trainings of real frameworks; where a fault begins is told in steps of the run's axis."""
    table = data / "frameworks" / "RUNS.csv"
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["folders"] != "1":
                continue  # a resumed run
            run = postrun.load(data / "frameworks" / row["name"])
            where = re.match(r"(?:step |epoch |round )?(\d+)", row["where"])
            if "console" in row["metric"]:
                where = None  # how a process ended: no metric shows it before
            begins = {"": float(where[1].replace(",", ""))} if where else {}
            healthy = row["kind"] == "healthy"
            yield Training("frameworks", row["name"], run, healthy, {} if healthy else begins)


def published(source: str, data: Path) -> Iterator[Training]:
    """Yield the healthy trainings of a source of benchmarks/faults, and those that broke, without onset."""
    for case in SOURCES[source](data, Path()):
        run = case.subject.runs[0]
        yield Training(source, case.name, run, str(case.truth) == "healthy")
