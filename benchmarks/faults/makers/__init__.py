"""Trainings of real frameworks, logged by their own W&B integrations, each with or without one fault."""

from benchmarks.faults.makers.making import made
from benchmarks.faults.makers.registry import MAKERS, Maker

__all__ = ["MAKERS", "Maker", "made"]
