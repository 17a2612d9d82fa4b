"""Truths as CSV files."""

from __future__ import annotations

import csv
from pathlib import Path


def rows(data: Path | None, *parts: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file under the data folder; none if the folder or the file is missing."""
    if data is None or not (path := data.joinpath(*parts)).is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
