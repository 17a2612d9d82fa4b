"""One training, whichever runs it is made of: its runs joined, and what their logs say of a crash."""

from postrun.training.joining import experiments, join, signature

__all__ = ["experiments", "join", "signature"]
