"""Errors that a user sees: each names what was wrong, where, and what to do about it."""

from __future__ import annotations


class PostrunError(Exception):
    """Base of all errors that postrun raises on purpose; its text is the whole message."""


class TargetError(PostrunError):
    """A target could not be read: missing, empty, of another program, or damaged throughout."""

    def __init__(self, target: object, problem: str, remedy: str = "") -> None:
        self.target = str(target)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{target}: {problem}." + (f" {remedy}" if remedy else ""))


class UsageError(PostrunError):
    """A command, option or setting that makes no sense, such as an unknown rule code."""
