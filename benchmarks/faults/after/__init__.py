"""Trainings made after the rules, by the same project: written as strangers write theirs, their truth first."""

from benchmarks.faults.after import further, generative, policies, supervised  # noqa: F401 - they enter trainings
from benchmarks.faults.after.log import TRAININGS, Training

__all__ = ["TRAININGS", "Training"]
