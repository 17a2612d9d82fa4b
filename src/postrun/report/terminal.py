"""The run in a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Severity, State
from postrun.model.text import number
from postrun.report.overview import key_metrics
from postrun.report.sparkline import sparkline
from postrun.report.story import verdict
from postrun.rules.coverage import Coverage, coverage
from postrun.training.end_words import state_words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_STYLE = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
    Severity.GOOD: "green",
}
_MARK = {
    Severity.CRITICAL: "✖ critical",
    Severity.WARNING: "▲ warning",
    Severity.INFO: "● info",
    Severity.GOOD: "✔ good",
}
_STATE = {
    State.FINISHED: "green",
    State.FAILED: "red",
    State.CRASHED: "red",
    State.RUNNING: "cyan",
    State.UNKNOWN: "dim",
}


def make_console(width: int | None = None, record: bool = False) -> Console:
    """A console on stdout: colours on a terminal, plain when piped, never wider than useful."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False, width=width, record=record)
    if width is None and not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=100, record=record)
    elif width is None and console.width > 140:
        console = Console(highlight=False, width=140, record=record)
    return console


def print_run(
    view: RunView,
    findings: list[Finding],
    out: Path | None = None,
    console: Console | None = None,
    masked: str = "",
) -> None:
    """Print one run: identity, key metrics, findings, where its files lie, and what they lack."""
    console = console or make_console()
    for part in render_run(view, findings, out, masked):
        console.print(part)


def render_run(
    view: RunView, findings: list[Finding], out: Path | None = None, masked: str = ""
) -> list[RenderableType]:
    """The parts of a run's summary, top to bottom."""
    from rich.rule import Rule
    from rich.text import Text

    run = view.run
    title = Text(safe(run.name), style="bold")
    if run.name != run.id:
        title.append(f"  {safe(run.id)}", style="dim")
    parts: list[RenderableType] = [Rule(title, align="left", style="dim"), _identity(view)]
    metrics = _metrics(view)
    if metrics is not None:
        parts += [Text(), metrics]
    parts += [Text(), _heading(findings)]
    parts += [_finding(f) for f in findings]
    parts += [Text(safe(sentence), style="dim") for sentence in coverage(view).sentences()]
    parts += [Text(), Text(verdict(view, findings), style="bold")]
    if out is not None:
        parts.append(Text(f"Files in {out}", style="dim"))
        if (out / "report.html").is_file():
            parts.append(Text(f"Report: {out / 'report.html'}", style="dim"))
    if masked:
        parts.append(Text(safe(masked), style="dim"))
    return parts


def _identity(view: RunView) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    run, who = view.run, view.run.identity
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    state = Text(state_words(view), style=_STATE[run.state])
    if run.lasted:
        state.append(f" after {run.lasted}")
    table.add_row("state", state)
    where = "/".join(p for p in (who.entity, who.project) if p)
    for label, value in (
        ("project", where),
        ("group", who.group),
        ("job type", who.job_type),
        ("sweep", who.sweep),
        ("forked from", who.parent),
        ("tags", ", ".join(who.tags)),
        ("framework", view.framework),
    ):
        if value:
            table.add_row(label, Text(safe(value)))
    if who.started_at:
        host = f" on {safe(who.host)}" if who.host else ""
        table.add_row("started", Text(f"{who.started_at:%Y-%m-%d %H:%M} UTC{host}"))
    done = run.completeness
    style = "" if done.whole else "yellow"
    text = Text(done.sentence(), style=style)
    extra = []
    if view.metrics:
        extra.append(f"{len(view.metrics)} metrics")
    if run.system.height:
        extra.append(f"{run.system.height:,} system samples")
    if run.console.height:
        extra.append(f"{run.console.height:,} console lines")
    if done.media:
        extra.append(", ".join(f"{n} x {kind}" for kind, n in sorted(done.media.items())))
    if extra:
        text.append("; " + ", ".join(extra), style="dim")
    table.add_row("history", text)
    return table


def _metrics(view: RunView) -> RenderableType | None:
    from rich.table import Table
    from rich.text import Text

    rows = key_metrics(view)
    if not rows:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("metric", overflow="ellipsis", no_wrap=True, max_width=34)
    table.add_column("first", justify="right", no_wrap=True)
    table.add_column("last", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        style = ""
        if row.better in ("lower", "higher") and row.last != row.first:
            style = "green" if (row.last > row.first) == (row.better == "higher") else "yellow"
        table.add_row(
            Text(safe(row.key)),
            number(row.first),
            Text(number(row.last), style=style),
            Text(row.unit, style="dim"),
            Text(sparkline(row.curve), style="blue"),
        )
    return table


def _heading(findings: list[Finding]) -> RenderableType:
    from rich.text import Text

    if not findings:
        return Text("No findings.", style="bold")
    text = Text("Findings", style="bold")
    for severity in reversed(Severity):
        count = sum(f.severity is severity for f in findings)
        if count:
            text.append(f"   {count} {severity.label}", style=_STYLE[severity])
    return text


def _finding(finding: Finding) -> RenderableType:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    style = _STYLE[finding.severity]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, width=11)
    grid.add_column()
    body = Text(safe(finding.message))
    body.append(
        f"\n{finding.rule} {finding.name}, confidence {finding.confidence:.0%}", style="dim"
    )
    for proof in finding.evidence[:4]:
        body.append("\n  " + evidence_line(proof), style="dim")
    for symptom in finding.symptoms:
        for part in symptom.with_symptoms():
            body.append(f"\n└ with it: {safe(part.message)}")
            body.append(f" ({part.rule} {part.name})", style="dim")
    if finding.remedy:
        body.append("\n→ " + safe(finding.remedy), style="italic")
    grid.add_row(Text(_MARK[finding.severity], style=style), body)
    return Padding(grid, (0, 0, 1, 0))


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


def print_refs(refs: list[tuple[str, str, str, str, str]], console: Console | None = None) -> None:
    """Print a table of runs: id, name, state, started, size."""
    from rich.table import Table
    from rich.text import Text

    console = console or make_console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("run", "name", "state", "started", "size"):
        table.add_column(name, overflow="fold", justify="right" if name == "size" else "left")
    for row in refs:
        table.add_row(*(Text(safe(cell)) for cell in row))
    console.print(table)


def safe(text: str) -> str:
    """Text from a run without control characters, which could command the terminal."""
    return "".join(c if c.isprintable() else "�" for c in str(text).replace("\n", "⏎"))


def complain(text: str) -> None:
    """An error message on stderr."""
    print(f"postrun: {text}", file=sys.stderr)


class Brief(Protocol):
    """What `print_brief` needs of a result."""

    id: str
    name: str
    completeness: str
    verdict: str
    findings: list[Finding]
    coverage: Coverage


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
            text = Text(f"  {_MARK[finding.severity]:<11}", style=_STYLE[finding.severity])
            text.append(f"{finding.rule} ", style="dim")
            text.append(safe(finding.message), style="default")
            console.print(text, soft_wrap=True)
        if thin:
            told = " ".join(result.coverage.sentences())
            console.print(Text(f"  {'○ unjudged':<11}{safe(told)}", style="dim"), soft_wrap=True)


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, only on a terminal and only for several runs: runs, rows, rate, time left.

    Yields what advances it by one run of so many rows.
    """
    if total < 4 or not sys.stderr.isatty():
        yield lambda rows: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    told = TextColumn("{task.fields[told]}")
    columns = ("runs", BarColumn(), MofNCompleteColumn(), told, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("runs", total=total, told="")
        begin, seen = time.monotonic(), 0

        def advance(rows: int) -> None:
            nonlocal seen
            seen += rows
            rate = seen / max(1e-3, time.monotonic() - begin)
            progress.update(task, advance=1, told=f"{seen:,} rows, {number(rate, 3)} rows/s")

        yield advance


def print_rules(rows: list[tuple[str, str, str]]) -> None:
    """Print a table of rules: code, name, first line of the documentation."""
    print_table(["code", "name", "what it finds"], [list(row) for row in rows])


def print_table(names: list[str], rows: list[list[str]]) -> None:
    """Print a plain table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    make_console().print(table)


def print_markdown(text: str) -> None:
    """Print Markdown: rendered on a terminal, as it is when piped."""
    console = make_console()
    if not console.is_terminal:
        print(text)
        return
    from rich.markdown import Markdown

    console.print(Markdown(text))
