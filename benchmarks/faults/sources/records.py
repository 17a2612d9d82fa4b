"""Record runs of modded-nanogpt: nothing is wrong with them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.cases import Case, Truth
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.subject import Subject


def cases(data: Path | None, out: Path) -> list[Case]:
    """Return the logs of faults/nanogpt."""
    del out
    found = []
    for row in rows(data, "faults", "nanogpt", "TRUTH.csv"):
        assert data is not None
        subject = Subject(data / "faults" / "nanogpt" / row["file"])
        found.append(Case("nanogpt", row["file"], Truth.HEALTHY, subject, "record"))
    return found
