"""Others' trainings of real frameworks: RUNS.csv names the fault of each."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.subject import Subject


def cases(data: Path | None, out: Path) -> list[Case]:
    """Return the runs of frameworks/RUNS.csv."""
    del out
    found = []
    for row in rows(data, "frameworks", "RUNS.csv"):
        assert data is not None
        fault = row["kind"] == "fault"
        curve = row["metric"] not in ("console", "console warnings")
        causes = (Cause.of(row["fault"], curve=curve),) if fault else ()
        found.append(
            Case(
                "frameworks",
                row["name"],
                Truth.FAULT if fault else Truth.HEALTHY,
                Subject(data / "frameworks" / row["name"]),
                row["kind"],
                causes,
            )
        )
    return found
