"""What each tool's adapter offers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import postrun
from benchmarks.faults.statements import Statement
from benchmarks.faults.subject import Subject


class Tool(Protocol):
    """A package that diagnoses trainings, asked as its own documentation asks it.

    Attributes:
        name: The package's name on PyPI.
        cached: False for a tool that changes between two runs of the benchmark.
        reads: In which form it is given a training.
    """

    name: str
    cached: bool
    reads: str

    def ask(self, subject: Subject) -> list[Statement]:
        """Return what the tool says about a training; it may raise what the tool raises."""
        ...


def installed(tool: Tool) -> str:
    """Return the version of the tool's package, "" if it is not installed."""
    if tool.name == "postrun":  # the code at hand, installed or not
        return postrun.__version__
    try:
        return version(tool.name)
    except PackageNotFoundError:
        return ""
