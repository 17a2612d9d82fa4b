"""What a store holds of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Kept(Protocol):
    """What was computed of a run when it entered a store, and its numbers."""

    @property
    def salt(self) -> bytes:
        """The key of the hashes that tell masked values of the store apart; b"" if it has none."""

    @property
    def privacy(self) -> str:
        """How the run was masked when it entered the store."""

    def record(self, features: str, only: frozenset[str] | None) -> dict[str, Any] | None:
        """A run's record as plain data, its metrics those of `only`; None where another version made it."""

    def columns(
        self, names: Iterable[str]
    ) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Row numbers and values of columns of the history; TargetError where it cannot be read."""
