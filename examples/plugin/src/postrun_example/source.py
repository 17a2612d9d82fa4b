"""Runs from text files of lines "step loss"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl

from postrun import Run, RunRef, State


class AcmeText:
    """Files that end in `.acme`; a first line `# target_loss=0.1` holds settings."""

    name = "acme-text"

    def claims(self, target: str) -> bool:
        """Return whether a target is such a file."""
        return target.endswith(".acme") and Path(target).is_file()

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the run in a file."""
        path = Path(target)
        yield RunRef(id=path.stem, source=self.name, path=path, loader=partial(_load, path))


def _load(path: Path) -> Run:
    first, *lines = path.read_text().splitlines()
    name, _, value = first.removeprefix("# ").partition("=")
    rows = [line.split() for line in lines]
    frame = pl.DataFrame(
        {"_step": [int(s) for s, _ in rows], "acme/objective": [float(v) for _, v in rows]}
    )
    return Run.from_frame(frame, id=path.stem, config={name: float(value)}, state=State.FINISHED)
