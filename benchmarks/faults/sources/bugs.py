"""Programs with bugs that people had: of StackOverflow (DeepMufl), and with their fixes (ICSE 2025)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.cases import Case, Cause, Truth
from benchmarks.faults.kinds import kind_named
from benchmarks.faults.sources.tables import rows
from benchmarks.faults.subject import Subject

_DETECTORS = ("DeepDiagnosis", "DeepLocalize", "Neuralint", "UMLAUT")


def deepmufl(data: Path | None, out: Path) -> list[Case]:
    """Return the histories of faults/deepmufl, each of a program with a bug that its truth does not name."""
    del out
    cause = (Cause("a bug in the program", kind=kind_named("broken-program")),)
    found = []
    for row in rows(data, "faults", "deepmufl", "TRUTH.csv"):
        assert data is not None
        buggy = row["kind"] == "buggy"
        found.append(
            Case(
                "deepmufl",
                row["file"],
                Truth.FAULT if buggy else Truth.HEALTHY,
                Subject(data / "faults" / "deepmufl" / row["file"]),
                row["kind"],
                cause if buggy else (),
                others={name: row.get(name) == "yes" for name in _DETECTORS},
            )
        )
    return found


def _overfits(shown: Cause) -> bool:
    return shown.kind is not None and shown.kind.name == "overfitting"


def benchdl4real(data: Path | None, out: Path) -> list[Case]:
    """Return the histories of faults/benchdl4real: `pair` names the program, `label` which version it is.

    Some fixed programs overfit as their truth says: then a warning of it is no false alarm.
    """
    del out
    found = []
    for row in rows(data, "faults", "benchdl4real", "TRUTH.csv"):
        assert data is not None
        buggy = row["kind"] == "buggy"
        shown = Cause.of(row["what_it_shows"], curve=row["visible_in_buggy"] in ("clear", "weak"))
        if buggy and shown.kind is None:
            shown = Cause(shown.words, kind=kind_named("broken-program"), curve=shown.curve)
        found.append(
            Case(
                "benchdl4real",
                row["file"],
                Truth.FAULT if buggy and shown.curve else Truth.HEALTHY,
                Subject(data / "faults" / "benchdl4real" / row["file"]),
                row["kind"],
                (shown,) if buggy or _overfits(shown) else (),
                row["pair"] or row["file"].rsplit("_", 1)[0],
            )
        )
    return found
