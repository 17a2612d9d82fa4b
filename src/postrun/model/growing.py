"""A run that is followed while it grows."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from postrun.model.run import Run


class Growing(Protocol):
    """A run that may still grow, as its source follows it.

    Attributes:
        path: The file or folder that is followed.
        rows: Rows of the history so far.
        not_finite: Grows when a value is logged that is NaN or infinite.
        exited: True if the process reported its exit.
        changed: Why what was read before was dropped at the last `poll` (a log that was replaced), else "".
    """

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def not_finite(self) -> int: ...  # noqa: D102
    @property
    def exited(self) -> bool: ...  # noqa: D102
    @property
    def changed(self) -> str: ...  # noqa: D102

    def poll(self) -> bool:
        """Read what is new; return whether there was anything.

        Raises:
            TargetError: It cannot be read.
            OSError: The same, as the system says it.
        """
        ...

    def run(self, gone: bool = False) -> Run:
        """Return the run so far, which is running unless its process reported its exit or is `gone`."""
        ...
