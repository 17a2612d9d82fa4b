"""Runs that are followed: by what their source can read while they grow, else by reading them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from postrun.model import Growing, Run, RunRef, State

#: States of a run that has ended, as a server or another tracker says it.
_ENDED = (State.FINISHED, State.FAILED, State.CRASHED)


def follow(ref: RunRef) -> Growing:
    """Return what follows a run."""
    return ref.follow() if ref.follow is not None else ReadAgain(ref)


class ReadAgain:
    """A run that is read whenever its source says that it changed.

    From a server, only the rows after those that are known are fetched. `refresh` gives what listing says of
    the run now; that is all that is asked while nothing changes.
    """

    def __init__(self, ref: RunRef) -> None:
        self._ref = ref
        self._read: str | None = None
        self._run: Run | None = None

    def refresh(self, ref: RunRef) -> None:
        """Take over what listing says of the run now."""
        self._ref = ref

    @property
    def path(self) -> Path:
        """The run's file, folder or address."""
        return self._ref.path

    @property
    def rows(self) -> int:
        """Rows of the history so far."""
        return self._run.history.height if self._run else 0

    @property
    def not_finite(self) -> int:
        """Values that are NaN or infinite."""
        return self._run.completeness.nonfinite if self._run else 0

    @property
    def exited(self) -> bool:
        """Whether the source says that the run has ended."""
        return self._run is not None and self._run.state in _ENDED

    @property
    def changed(self) -> str:
        """Nothing is ever dropped: each reading is whole."""
        return ""

    def poll(self) -> bool:
        """Read the run if it changed since it was read."""
        if self._run is not None and self._read == self._ref.version and self._ref.version:
            return False
        version, before = self._ref.version, self._run
        further: Callable[..., Run] | None = self._ref.continue_from
        known = before is not None and before.history.height and further is not None
        self._run = further(before.history) if known and before and further else self._ref.load()
        self._read = version
        return before is None or before.history.height != self._run.history.height or self.exited

    def run(self, gone: bool = False) -> Run:
        """Return the run as it was read; one whose end is not known is running unless it is `gone`."""
        assert self._run is not None
        if self._run.state in _ENDED or gone:
            return self._run
        return replace(self._run, state=State.RUNNING)
