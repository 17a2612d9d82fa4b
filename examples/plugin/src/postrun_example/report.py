"""A report format: the findings of a run as CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def findings_csv(inputs: Any, folder: Path) -> list[Path]:
    """Write `findings.csv` and return its path."""
    path = folder / "findings.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rule", "severity", "message"])
        writer.writerows([f.rule, f.severity.label, f.message] for f in inputs.findings)
    return [path]
