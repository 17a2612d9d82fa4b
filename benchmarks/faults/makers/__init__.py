"""Trainings of real frameworks, logged by their own W&B integrations, each with or without one fault."""

from benchmarks.faults.makers.registry import MAKERS, Maker, made

__all__ = ["MAKERS", "Maker", "made"]
