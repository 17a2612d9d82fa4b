"""Trainings made after the rules were mended for those of `after/`: truth first, again by the same project."""

from benchmarks.faults.later import (  # noqa: F401 - they enter trainings
    continued,
    further,
    further_healthy,
    heard,
    language,
    last,
    last_healthy,
    pictures,
    policies,
    trained,
    trained_policies,
)
from benchmarks.faults.later.enter import TRAININGS

__all__ = ["TRAININGS"]
