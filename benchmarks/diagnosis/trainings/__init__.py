"""Real trainings, each with a documented fault or deliberately healthy."""

from benchmarks.diagnosis.trainings import (
    generative,
    preference,
    processes,
    q_learning,
    reinforcement,
    supervised,
)
from benchmarks.diagnosis.trainings.harness import TRAININGS as CASES
from benchmarks.diagnosis.trainings.harness import run

__all__ = [
    "CASES",
    "generative",
    "preference",
    "processes",
    "q_learning",
    "reinforcement",
    "run",
    "supervised",
]
