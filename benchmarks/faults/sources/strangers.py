"""Runs of strangers' public repositories, with what an expert tells their owners (labelled/TRUTH.csv)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.subject import Subject

#: The run folders lie in one of these.
FOLDERS = ("labelled", "runs")


def run_folder(data: Path, repo: str, run: str) -> Path | None:
    """Return where a run lies, None if it is not there."""
    places = (data / folder / repo / run for folder in FOLDERS)
    return next((place for place in places if place.is_dir()), None)


def cases(data: Path | None, out: Path) -> list[Case]:
    """Return one case per run; classes of its causes are "ending", "training", "evaluation" and so on."""
    del out
    by_run: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(data, "labelled", "TRUTH.csv"):
        by_run.setdefault((row["repo"], row["run"]), []).append(row)
    found = []
    for (repo, run), truth in by_run.items():
        assert data is not None
        folder = run_folder(data, repo, run)
        if folder is None:
            continue
        causes = tuple(
            Cause.of(row["cause"], row["class"]) for row in truth if row["class"] != "healthy"
        )
        whole = Truth.MIXED if causes else Truth.HEALTHY
        found.append(Case("strangers", f"{repo}/{run}", whole, Subject(folder), "", causes))
    return found
