"""Words for the end of a run that several rules share."""

from __future__ import annotations

import re

from postrun.metrics import RunView
from postrun.model import Evidence
from postrun.training.crash import Cause

#: Characters of an error message that a sentence carries.
_LONGEST = 160


def error(cause: Cause) -> str:
    """Return an exception with its place and message: "ValueError at train.py:61 in main: bad shape"."""
    if cause.cut:
        return f"the console ends inside a traceback, at {cause.frame}"
    place = f" at {cause.frame}" if cause.frame else ""
    text = shortened(cause.text)
    if cause.kind is not None:  # the kind says it already: the first two sentences hold the numbers
        text = " ".join(re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)[:2])
    return f"{cause.exception}{place}{f': {text}' if text else ''}"


def describe(cause: Cause | None) -> str:
    """Return why a process ended: what kind of failure it was, and the exception."""
    if cause is None:
        return "the console does not show why"
    kind = cause.kind.words if cause.kind else ""
    if cause.detail:
        kind = f"{kind}: {cause.detail}" if kind else cause.detail
    if cause.place:
        kind = f"{kind} {cause.place}"
    if cause.exception or cause.cut:
        return f"{kind} ({error(cause)})" if kind else error(cause)
    return (
        f"{kind} ({shortened(cause.text)})"
        if kind and cause.text
        else kind or shortened(cause.text)
    )


def shortened(text: str) -> str:
    """Return the first 160 characters of a message."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3].rstrip()}..."


def remedy(cause: Cause | None) -> str:
    """Return what to do about a cause, "" if it is not known."""
    if cause is None:
        return ""
    if cause.remedy:
        return cause.remedy
    if cause.detail:
        return "Free the GPU, or choose one that no other process uses; this run itself is small."
    if cause.kind:
        return cause.kind.remedy
    return f"Read the traceback in the console log, from {cause.frame}." if cause.frame else ""


def at_the_end(view: RunView) -> list[Evidence]:
    """Return evidence that names the last step of a run; none if it logged no row."""
    last = view.last_x
    if last is None:
        return []
    rows = view.run.history.height
    return [Evidence(view.axis.key, None, last, last, None, last, None, rows, axis=view.axis.key)]
