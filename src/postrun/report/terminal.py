"""The run in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import number
from postrun.report.carrying import carrying
from postrun.report.columns import Column, fitting, table
from postrun.report.console import make_console, safe
from postrun.report.overview import KeyMetric, facts, key_metrics, outlook_sentence
from postrun.report.sparkline import sparkline
from postrun.report.story import verdict
from postrun.rules.coverage import Coverage, coverage
from postrun.training.cost import cost_of
from postrun.training.end_words import state_words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
    Severity.GOOD: "green",
}
MARKS = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●", Severity.GOOD: "✔"}
#: Notes (neither critical nor warnings) that are shown with many other findings; of few, twice as many.
_NOTES = 2
#: Metrics that are shown if not all are asked for, and then.
_FEW_METRICS, _ALL_METRICS = 8, 14
#: From so many characters on, a finding's code has a column of its own, which is so wide.
_WIDE, _CODE = 70, 7
_STATE = {
    State.FINISHED: "green",
    State.FAILED: "red",
    State.CRASHED: "red",
    State.RUNNING: "cyan",
    State.UNKNOWN: "dim",
}


def print_run(
    view: RunView,
    findings: list[Finding],
    out: Path | None = None,
    console: Console | None = None,
    masked: str = "",
    verbose: bool = False,
) -> None:
    """Print one run: what it is, the verdict, key metrics, findings with what to do, and where its files are.

    `verbose` adds the evidence, the confidence, all findings and what identifies the run.
    """
    console = console or make_console()
    for part in render_run(view, findings, out, masked, console.width, verbose):
        console.print(part)


def render_run(
    view: RunView,
    findings: list[Finding],
    out: Path | None = None,
    masked: str = "",
    width: int = 100,
    verbose: bool = False,
) -> list[RenderableType]:
    """Return the parts of a run's summary, top to bottom, for a terminal of so many characters."""
    from rich.text import Text

    parts: list[RenderableType] = [_title(view), _verdict(view, findings)]
    parts += [_identity(view)] if verbose else _history(view)
    told = [series.key for series in carrying(view, findings) if series.key in view.metrics]
    rows = key_metrics(view, _ALL_METRICS, told)
    parts += _metrics(rows if verbose else rows[:_FEW_METRICS], width)
    if not verbose and len(rows) > _FEW_METRICS:
        parts.append(Text(f"+ {len(rows) - _FEW_METRICS} more key metrics (-v)", style="dim"))
    kept = findings if verbose else _first(findings)
    parts.append(Text() if findings else Text("No findings.", style="bold"))
    parts += [_finding(f, width, verbose) for f in kept]
    if len(findings) > len(kept):
        more = len(findings) - len(kept)
        parts.append(Text(f"+ {more} more note{'s' * (more > 1)} (-v)", style="dim"))
    if findings:
        parts.append(Text())
    if not verbose:
        parts += [Text(safe(sentence), style="dim") for sentence in _beside(view)]
    parts += [Text(safe(sentence), style="dim") for sentence in coverage(view).sentences()]
    if masked:
        parts.append(Text(f"{safe(masked)}.", style="dim"))
    if out is not None:
        report = out / "report.html"
        where = f"Report: {report}" if report.is_file() else f"Files in {out}"
        parts.append(Text(where, style="dim", overflow="fold"))
    return parts


def _title(view: RunView) -> Text:
    """Return the run in one line: name, state, how far it came, framework."""
    from rich.text import Text

    run = view.run
    title = Text(safe(run.name), style="bold")
    state = state_words(view)
    told = [run.id] if run.name != run.id else []
    told.append(f"{state} after {run.lasted}" if run.lasted else state)
    if view.last_x is not None:
        told.append(view.axis.at(view.last_x))
    told += [view.framework] if view.framework else []
    return title.append("".join(f" · {safe(text)}" for text in told), style=_STATE[run.state])


def _verdict(view: RunView, findings: list[Finding]) -> Text:
    from rich.text import Text

    return Text(safe(verdict(view, findings)), style="bold")


def _history(view: RunView) -> list[RenderableType]:
    """Return how complete the history is, in one line."""
    from rich.text import Text

    done = view.run.completeness
    return [Text(safe(f"History: {done.sentence()}"), style="dim" if done.whole else "yellow")]


def _beside(view: RunView) -> list[str]:
    """Return what the run cost and would have reached, as far as that is known."""
    cost = cost_of(view).sentence()
    return [text for text in (outlook_sentence(view), f"Cost: {cost}." if cost else "") if text]


def _identity(view: RunView) -> RenderableType:
    """Return what identifies a run, as a list of labels and texts."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in facts(view):
        whole = label != "history" or view.run.completeness.whole
        table.add_row(label, Text(safe(text), style="" if whole else "yellow"))
    return table


def _metrics(rows: Sequence[KeyMetric], width: int) -> list[RenderableType]:
    """Return key metrics as a table; at small widths the curves go before the numbers."""
    from rich.text import Text

    if not rows:
        return []

    def plain(texts: Iterable[str], style: str = "") -> list[Text]:
        return [Text(safe(text), style=style) for text in texts]

    columns = [
        Column("metric", plain(row.key for row in rows), most=34),
        Column("first", plain(number(row.first) for row in rows), rank=1, right=True),
        Column("curve", plain((sparkline(row.curve) for row in rows), "blue"), rank=4),
        Column("last", [_last(row) for row in rows], right=True),
        Column("best", plain(_best(row) for row in rows), rank=2, right=True),
        Column("best at", plain((row.best_at for row in rows), "dim"), rank=5),
        Column("unit", plain((row.unit for row in rows), "dim"), rank=3),
    ]
    kept, dropped = fitting(columns, width)
    out: list[RenderableType] = [Text(), table(kept)]
    if dropped:
        out.append(Text(f"(columns not shown at this width: {', '.join(dropped)})", style="dim"))
    return out


def _last(row: KeyMetric) -> Text:
    """Return the last value, coloured by whether the metric went the right way."""
    from rich.text import Text

    style = ""
    if row.better in ("lower", "higher") and row.last != row.first:
        style = "green" if (row.last > row.first) == (row.better == "higher") else "yellow"
    return Text(number(row.last), style=style)


def _best(row: KeyMetric) -> str:
    return "" if math.isnan(row.best) else number(row.best)


def _first(findings: list[Finding]) -> list[Finding]:
    """Return the findings that are shown if not all are asked for: those that matter, and a few notes."""
    matter = [f for f in findings if f.severity >= Severity.WARNING]
    rest = [f for f in findings if f.severity < Severity.WARNING]
    return [*matter, *rest[: max(_NOTES, _NOTES * 2 - len(matter))]]


def _finding(finding: Finding, width: int, verbose: bool) -> RenderableType:
    """Return a finding: its mark and sentence, then its code, then what to do; evidence if `verbose`."""
    from rich.table import Table
    from rich.text import Text

    wide = width >= _WIDE
    code = Text(safe(finding.rule), style="dim")
    grid = Table.grid(padding=(0, 1), expand=wide)  # so that all codes stand at one place
    grid.add_column(no_wrap=True, width=1)
    grid.add_column(overflow="fold", ratio=1)
    if wide:
        grid.add_column(no_wrap=True, justify="right", width=max(_CODE, code.cell_len))
    body = Text(_sentence(finding.message))
    if not wide:
        body.append(f" {safe(finding.rule)}", style="dim")
    if finding.remedy and finding.severity > Severity.GOOD:
        body.append("\ndo  ", style="green").append(safe(finding.remedy))
    if verbose:
        body.append(f"\n{safe(finding.name)}, confidence {finding.confidence:.0%}", style="dim")
        for proof in finding.evidence:
            body.append("\n  " + evidence_line(proof), style="dim")
        for symptom in finding.symptoms:
            for part in symptom.with_symptoms():
                body.append(f"\n└ with it: {safe(part.message)}")
                body.append(f" ({safe(part.rule)} {safe(part.name)})", style="dim")
    mark = Text(MARKS[finding.severity], style=STYLES[finding.severity])
    grid.add_row(*((mark, body, code) if wide else (mark, body)))
    return grid


def _sentence(text: str) -> str:
    """Return a finding's message with a full stop."""
    return safe(text if text.endswith((".", "!", "?")) else f"{text}.")


def evidence_line(proof: Evidence) -> str:
    """One piece of evidence in one line."""
    parts = [safe(proof.metric)]
    if proof.span:
        parts.append(proof.span)
    if proof.before is not None and proof.after is not None:
        parts.append(f"{number(proof.before)} → {number(proof.after)}")
    elif proof.after is not None:
        parts.append(number(proof.after))
    if proof.n is not None:
        parts.append(f"n = {proof.n:,}")
    if proof.run:
        parts.append(f"run {safe(proof.run)}")
    return ", ".join(parts)


class Brief(Protocol):
    """What `print_brief` needs of a result."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def completeness(self) -> str: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def findings(self) -> list[Finding]: ...  # noqa: D102
    @property
    def coverage(self) -> Coverage: ...  # noqa: D102


def print_brief(results: Sequence[Brief], least: Severity, console: Console | None = None) -> None:
    """One line per run, then its findings from `least` up, one line each.

    If `least` is above GOOD, runs without such findings are left out, unless so little of them is
    understood that their silence says nothing.
    """
    from rich.text import Text

    console = console or make_console()
    for result in results:
        found = [f for f in result.findings if f.severity >= least]
        thin = result.coverage.thin
        if not found and least > Severity.GOOD and not thin:
            continue
        line = Text(safe(result.name), style="bold")
        if result.name != result.id:
            line.append(f"  {safe(result.id)}", style="dim")
        line.append(f"  {result.verdict}", style="")
        line.append(f" [{result.completeness}]", style="dim")
        console.print(line, soft_wrap=True)  # one line each, whatever the width: for grep
        for finding in found:
            mark = f"{MARKS[finding.severity]} {finding.severity.label}"
            text = Text(f"  {mark:<11}", style=STYLES[finding.severity])
            text.append(f"{finding.rule} ", style="dim")
            text.append(safe(finding.message), style="default")
            console.print(text, soft_wrap=True)
        if thin:
            told = " ".join(result.coverage.sentences())
            console.print(Text(f"  {'○ unjudged':<11}{safe(told)}", style="dim"), soft_wrap=True)
