"""How a run ended, as one word and a fingerprint: what failures of many runs are clustered by."""

from __future__ import annotations

import re

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.ending import Ending
from postrun.rules import Selection, diagnose
from postrun.training.crash import Cause
from postrun.training.ending import (
    FAILED,
    FINISHED,
    INCOMPLETE,
    KILLED,
    RUNNING,
    STOPPED,
    UNKNOWN,
    how_it_ended,
)

#: Rules that tell how a run ended, or that it was lost before.
_RULES = Selection(select=("RUN001", "RUN002", "RUN005", "RUN008", "OPT001"))
#: Console lines of an exemplar: before its last line, and at most.
_BEFORE, _EXCERPT = 12, 16
_VARIABLE = (
    (r"0x[0-9a-fA-F]+", "<hex>"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}", "<id>"),
    (r"\b[0-9a-f]{12,}\b", "<id>"),
    (r"(?:[A-Za-z]:)?[\\/](?:[^\s'\":,;()\[\]\\/]+[\\/])*[^\s'\":,;()\[\]\\/]+", "<path>"),
    (r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", "<n>"),
)


def ending(view: RunView) -> Ending:
    """Return how a run ended."""
    run = view.run
    found = {f.rule: f for top in diagnose(view, _RULES) for f in top.with_symptoms()}
    kind, cause, told = _classify(view, found)
    out = Ending(kind)
    if told is not None:
        out.message, out.remedy = told.message, told.remedy
    if cause is not None and out.failed:
        out.exception = cause.exception.rsplit(".", 1)[-1]
        out.text, out.frame, out.line = cause.text, cause.frame, cause.line
        out.where = re.sub(r":\d+", "", cause.frame)
        # A kind of its own needs no text: the same failure is worded in many ways.
        out.template = "" if cause.kind else template(cause.text)
        if cause.line is not None:
            lines = run.console["line"].slice(max(0, cause.line - _BEFORE), _EXCERPT).to_list()
            out.excerpt = [line[:200] for line in lines]
    if kind in ("failed", "killed") and cause is None and not run.history.height:
        out.template = "before any metric was logged"
    if kind == "nan" and told is not None and told.evidence:
        out.where = told.evidence[0].metric
    return out


def _classify(view: RunView, found: dict[str, Finding]) -> tuple[str, Cause | None, Finding | None]:
    """Return the kind of an ending, its cause, and the finding that tells of it."""
    how, lost = how_it_ended(view), found.get("OPT001")
    nan = lost if lost is not None and lost.severity is Severity.CRITICAL else None
    told = found.get("RUN001") or found.get("RUN002")
    if how.swallowed is not None and "RUN008" in found:
        return _kind(how.swallowed), how.swallowed, found["RUN008"]
    if how.kind == FINISHED or (how.kind == KILLED and how.complete):
        return ("nan", None, nan) if nan else ("finished", None, None)
    if how.kind in (RUNNING, UNKNOWN, STOPPED, INCOMPLETE):
        return how.kind, how.cause, told
    if view.run.preempting:
        return "preempted", how.cause, told
    if how.suspended and not how.cause:
        return "suspended", None, told
    if "RUN005" in found and (how.cause is None or not how.cause.exception):
        return "hang", how.cause, found["RUN005"]
    if nan and how.cause is None:
        return "nan", None, nan
    unexplained = "failed" if how.kind == FAILED else "killed"
    return _kind(how.cause) if how.cause else unexplained, how.cause, told


def _kind(cause: Cause | None) -> str:
    return cause.kind.name if cause is not None and cause.kind is not None else "error"


def template(text: str) -> str:
    """A message with numbers, paths and ids replaced: equal for the same error with other values."""
    out = " ".join(text.split())
    for pattern, name in _VARIABLE:
        out = re.sub(pattern, name, out)
    return out[:200]
