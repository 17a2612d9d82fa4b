"""Errors that a user sees: each names what was wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polars.exceptions import PanicException

#: What a guard that lets one run, column or file fail alone has to catch: a defect inside Polars is not an
#: `Exception` in Python's sense.
FAILURES: tuple[type[BaseException], ...] = (Exception, PanicException)


class PostrunError(Exception):
    """Base of all errors that postrun raises on purpose; its text is the whole message."""


class TargetError(PostrunError):
    """A target could not be read: missing, empty, of another program, or damaged.

    `found` are references to what could be read of it nonetheless.
    """

    def __init__(
        self, target: object, problem: str, remedy: str = "", found: Sequence[Any] = ()
    ) -> None:
        self.found = found
        self.target = str(target)
        self.problem = problem
        self.remedy = remedy
        # The problem may quote another program's sentence, full stop and all.
        super().__init__(
            f"{target}: {problem.removesuffix('.')}." + (f" {remedy}" if remedy else "")
        )

    def __reduce__(self) -> tuple[type[TargetError], tuple[str, str, str]]:
        """From another process it comes as what it is, not as its message."""
        return type(self), (self.target, self.problem, self.remedy)


class UsageError(PostrunError):
    """A command, option or setting that makes no sense, such as an unknown rule code."""
