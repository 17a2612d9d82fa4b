"""What a source is: something that finds runs behind a target, and loads them when asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from postrun.model import RunRef


class Source(Protocol):
    """One place where runs lie.

    Attributes:
        name: Short name, written into completeness.
    """

    name: str

    def claims(self, target: Path) -> bool:
        """True where `target` looks like this source's; must be cheap."""

    def find(self, target: Path) -> Iterator[RunRef]:
        """Runs behind a claimed target, without reading their histories, newest first."""
