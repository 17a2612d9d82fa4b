"""What a source is: something that finds runs behind a target, and loads them when asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from postrun.model import RunRef


@runtime_checkable
class Source(Protocol):
    """One place where runs lie.

    Attributes:
        name: Short name, written into completeness.
    """

    name: str

    def claims(self, target: str) -> bool:
        """Return whether a target, as the user typed it, looks like this source's; must be cheap."""

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the runs behind a claimed target, newest first, without reading their histories."""
