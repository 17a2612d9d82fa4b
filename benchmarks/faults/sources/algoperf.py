"""Training logs of AlgoPerf submissions: clean ones, some whose gradient became NaN, some that got worse."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.kinds import kind_named
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.subject import Subject

_KINDS = {"nonfinite": "not-finite", "got_worse": "got-worse"}


def cases(data: Path | None, out: Path) -> list[Case]:
    """Return the logs of faults/algoperf."""
    del out
    found = []
    for row in rows(data, "faults", "algoperf", "TRUTH.csv"):
        assert data is not None
        kind = _KINDS.get(row["kind"])
        found.append(
            Case(
                "algoperf",
                row["file"],
                Truth.FAULT if kind else Truth.HEALTHY,
                Subject(data / "faults" / "algoperf" / row["file"]),
                row["kind"],
                (Cause(row["kind"], kind=kind_named(kind)),) if kind else (),
            )
        )
    return found
