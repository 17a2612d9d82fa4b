"""Runs and studies in a few hundred words, for agents: `--brief` and the tools of `postrun mcp`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.headings import heading, rows
from postrun.model.study import Study, plain_times, readable
from postrun.model.text import number
from postrun.report.budget import Budget, one_line, tokens
from postrun.report.overview import key_metrics
from postrun.report.terminal import Brief, evidence_line

#: Metrics of one run that are shown at most, and rows of one table.
_METRICS, _ROWS = 14, 200
#: Pieces of evidence of one finding.
_PROOFS = 4


def brief_runs(
    runs: Sequence[Brief],
    budget: int,
    errors: Sequence[str] = (),
    notes: Sequence[str] = (),
    unread: int = 0,
) -> str:
    """Return runs in a text of at most so many tokens: the worst run first, its worst finding first.

    `notes` are sentences on what limits the result, `unread` counts runs that were not read.
    """
    out = Budget(budget)
    # With many runs, each run's first line comes before any run's details.
    for run in sorted(runs, key=_worst):
        name = one_line(run.name, 80)
        who = name if run.name == run.id else f"{name} ({one_line(run.id, 40)})"
        out.say(f"Run {who}: {one_line(run.verdict, 400)}", 0, "run")
        out.say(
            f"  History: {one_line(run.completeness, 300)}.",
            1 if len(runs) == 1 else 4,
            "line on history",
        )
        for place, finding in enumerate(run.findings):
            _finding(out, finding, "  ", min(place, 3))
        view = getattr(run, "view", None)
        if isinstance(view, RunView):
            _metrics(out, view)
        who_lacks = "" if len(runs) == 1 else f"{name}: "
        out.not_judged(f"{who_lacks}{one_line(s, 300)}" for s in run.coverage.sentences())
    out.not_judged(one_line(note, 300) for note in notes)
    out.not_judged(f"Not read: {one_line(error, 300)}" for error in errors)
    if unread:
        out.leave_out("run not read", unread)
    return out.text()


def brief_dict(text: str, **more: Any) -> dict[str, Any]:
    """Return the results that `--brief` prints: the text, and about how many tokens it has."""
    return {**more, "text": text, "tokens": tokens(text)}


def _worst(run: Brief) -> tuple[int, int]:
    severities = [f.severity for f in run.findings]
    return -max(severities, default=Severity.GOOD), -len(severities)


def _finding(out: Budget, finding: Finding, indent: str, place: int) -> None:
    """Add a finding: what it says, then what to do, then what shows it."""
    matters = finding.severity >= Severity.WARNING
    first = 1 if matters else 5 if finding.severity is Severity.INFO else 7
    label = finding.severity.label.upper()
    out.say(
        f"{indent}{label} {one_line(finding.rule, 20)} {one_line(finding.name, 60)} "
        f"({finding.confidence:.0%} sure): {one_line(finding.message)}",
        first,
        f"finding ({finding.severity.label})",
    )
    if finding.remedy and finding.severity > Severity.GOOD:
        out.say(f"{indent}  do: {one_line(finding.remedy)}", first + 1, "line of advice")
    proofs = [one_line(evidence_line(proof), 200) for proof in finding.evidence[:_PROOFS]]
    if proofs:
        out.say(
            f"{indent}  evidence: {'; '.join(proofs)}", first + 2 + (place > 1), "line of evidence"
        )
    under = [
        f"{one_line(s.message, 200)} ({s.rule})"
        for f in finding.symptoms
        for s in f.with_symptoms()
    ]
    if under:
        out.say(f"{indent}  with it: {'; '.join(under)}", first + 3, "line of symptoms")


def _metrics(out: Budget, view: RunView) -> None:
    for row in key_metrics(view, _METRICS):
        best = "" if not row.best_at else f", best {number(row.best)} at {row.best_at}"
        unit = f" {row.unit}" if row.unit else ""
        text = f"  {one_line(row.key, 80)}: first {number(row.first)}, last {number(row.last)}{best}{unit}"
        out.say(text, 6, "metric")


def brief_study(study: Study, budget: int, errors: Sequence[str] = ()) -> str:
    """Return a study in a text of at most so many tokens: what matters, its limits, then its tables."""
    out = Budget(budget)
    out.say(one_line(study.title), 0, "title")
    for sentence in study.headline:
        out.say(one_line(sentence), 0, "sentence")
    out.not_judged(one_line(sentence, 300) for sentence in study.caveats)
    out.not_judged(f"Not read: {one_line(error, 300)}" for error in errors)
    for place, section in enumerate(study.sections):
        out.say(f"{one_line(section.title)}:", 2 + place, "table")
        for sentence in section.text:
            out.say(f"  {one_line(sentence)}", 2 + place, "sentence")
        if section.table is not None:
            table = f"{study.kind}.{section.key}"
            frame = readable(plain_times(section.table))
            _rows(out, frame, 2 + place, f"row of {section.key}", table)
    return out.text()


def brief_frame(frame: pl.DataFrame, budget: int, errors: Sequence[str] = ()) -> str:
    """Return a table in a text of at most so many tokens: names, then rows, and how many were left out."""
    out = Budget(budget)
    out.say(f"{frame.height:,} rows, {frame.width:,} columns", 0, "line")
    _rows(out, plain_times(frame), 1, "row")
    out.not_judged(f"Not read: {one_line(error, 300)}" for error in errors)
    return out.text()


def _rows(out: Budget, frame: pl.DataFrame, rank: int, what: str, table: str = "") -> None:
    if frame.height:
        out.say(
            "  " + " | ".join(one_line(heading(name, table), 60) for name in frame.columns),
            rank,
            "header",
        )
    for row in rows(frame.head(_ROWS), table):
        out.say("  " + " | ".join(one_line(text, 200) for text in row), rank, what)
    if frame.height > _ROWS:
        out.leave_out(what, frame.height - _ROWS)
