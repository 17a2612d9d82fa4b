"""A training told row by row: to postrun's watch, and to peers as their own `watch` reads a log anew."""

from __future__ import annotations

import contextlib
import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.faults.ask import ask
from benchmarks.faults.cases import Case, Truth
from benchmarks.faults.statements import Level
from benchmarks.faults.subject import Subject
from benchmarks.faults.tools import Tool
from postrun.metrics import RunView
from postrun.model import Finding, Run, Severity, State
from postrun.rules import diagnose
from postrun.watch.event import Kind
from postrun.watch.judge import Judge
from postrun.watch.pace import Pace

#: The share by which a log grows before a peer is asked again.
GROWTH = 0.02
#: Seconds between two rows: slow enough that the share of a core that a watch may take is no limit.
SECONDS = 30.0


@dataclass(slots=True)
class Told:
    """What a tool told of one training.

    Attributes:
        first: Check to (row, step) at which it was first told.
        gone: Checks that were told, and that it does not say of the whole training.
        grave: Checks that were told as critical.
        seconds: CPU seconds of all looks.
    """

    first: dict[str, tuple[int, float]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    grave: set[str] = field(default_factory=set)
    seconds: float = 0.0
    looks: int = 0


def kept(path: Path, ask: Callable[[], Told]) -> Told:
    """Return what a file holds of an earlier replay, else ask and write it."""
    if path.is_file():
        data = json.loads(path.read_text())
        first = {check: (int(row), float(step)) for check, (row, step) in data["first"].items()}
        return Told(first, set(data["gone"]), set(data["grave"]), data["seconds"], data["looks"])
    told = ask()
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"first": told.first, "gone": sorted(told.gone), "grave": sorted(told.grave)}
    path.write_text(json.dumps({**data, "seconds": told.seconds, "looks": told.looks}))
    return told


def prefix(run: Run, rows: int) -> Run:
    """Return a run as it was after so many rows, when nothing of the rest was known."""
    history = run.history.head(rows)
    last = history["_step"].max()
    now = history["_timestamp"].max()
    done = replace(
        run.completeness,
        rows=rows,
        last_step=last if isinstance(last, int) else None,
        reported_last_step=None,
        nonfinite=_not_finite(history),
        notes=[],
    )
    system, console = run.system, run.console
    if now is not None:
        system = system.filter(pl.col("_timestamp") <= now) if system.height else system
        if console.height and console["timestamp"].null_count() < console.height:
            console = console.filter(pl.col("timestamp") <= now)
        else:
            console = console.clear()
    return replace(
        run,
        history=history,
        system=system,
        console=console,
        summary={},
        state=State.RUNNING,
        exit_code=None,
        runtime=None,
        completeness=done,
    )


def _not_finite(history: pl.DataFrame) -> int:
    floats = [s.alias("x") for s in history if s.dtype.is_float() and not s.name.startswith("_")]
    return sum(int((~s.drop_nulls().is_finite()).sum()) for s in floats)


def bad_rows(run: Run) -> list[int]:
    """Return the rows in which some value is not finite."""
    bad = np.zeros(run.history.height, np.bool_)
    for series in run.history:
        if series.dtype.is_float() and not series.name.startswith("_"):
            bad |= ~series.is_finite().fill_null(True).to_numpy()
    return np.flatnonzero(bad).tolist()


def watched(run: Run) -> Told:
    """Return what postrun's watch tells of a training, row by row."""
    out, judge, pace = Told(), Judge(), Pace()
    steps = RunView(run).steps.tolist()
    last: dict[str, Finding] = {}
    bad = set(bad_rows(run)[:1])
    started = time.process_time()
    for rows in range(1, run.history.height + 1):
        now = rows * SECONDS
        urgent = rows - 1 in bad
        if not pace.due(rows, now, urgent):
            continue
        begun = time.process_time()
        for change in judge.look(prefix(run, rows), urgent):
            finding = change.finding
            if change.kind not in (Kind.FOUND, Kind.ESCALATED):
                continue
            for part in finding.with_symptoms():
                out.first.setdefault(part.rule, (rows, _step(steps, rows)))
                last[part.rule] = part
            if finding.severity is Severity.CRITICAL:
                out.grave.add(finding.rule)
        out.looks += 1
        pace.looked(rows, now, time.process_time() - begun, judge.ledger.pending)
    out.seconds = time.process_time() - started
    final = [part for f in diagnose(run) for part in f.with_symptoms()]
    gone = out.first.keys() - {part.rule for part in final}
    out.gone = {code for code in gone if not judge.ledger.replaced(last[code], final)}
    return out


def peer(tool: Tool) -> Callable[[Run], Told]:
    """Return how a peer is replayed: asked of the log as it is, again and again."""

    def told(run: Run) -> Told:
        out = Told()
        steps = RunView(run).steps.tolist()
        started, rows, total = time.process_time(), 10, run.history.height
        while rows < total:
            for check, level in _ask(tool, prefix(run, rows)).items():
                out.first.setdefault(check, (rows, _step(steps, rows)))
                if level is Level.CRITICAL:
                    out.grave.add(check)
            out.looks += 1
            rows = max(rows + 5, math.ceil(rows * (1 + GROWTH)))
        out.seconds = time.process_time() - started
        final = _ask(tool, run)
        for check in final:
            out.first.setdefault(check, (total, _step(steps, total)))
        out.gone = set(out.first) - final.keys()
        return out

    return told


def _ask(tool: Tool, run: Run) -> dict[str, Level]:
    """Return the warnings of a tool by their checks, each at its gravest."""
    out: dict[str, Level] = {}
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        answer = ask(tool, Case("", "", Truth.MIXED, Subject(runs=[run])))
        for said in answer.at_least(Level.WARNING):
            out[said.check] = max(said.level, out.get(said.check, Level.WARNING))
    return out


def _step(steps: list[float], rows: int) -> float:
    return rows if math.isnan(steps[rows - 1]) else steps[rows - 1]
