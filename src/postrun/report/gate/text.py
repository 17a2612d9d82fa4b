"""The result of a gate as people read it: one line for each run and finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postrun.report.console import make_console, safe
from postrun.report.gate.base import KNOWN, Checked, Gate
from postrun.report.terminal import print_brief

if TYPE_CHECKING:
    from rich.console import Console


def render(gate: Gate) -> str:
    """Return what `show` prints, without colours."""
    console = make_console(width=100)
    with console.capture() as captured:
        show(gate, console)
    return captured.get().rstrip("\n")


def show(gate: Gate, console: Console | None = None) -> None:
    """Print the runs with findings that fail the gate, then what a baseline has as well or cannot tell."""
    from rich.text import Text

    console = console or make_console()
    print_brief([_failing(gate, run) for run in gate.runs], gate.limit, console)
    for line in notes(gate) if gate.baseline else ():
        console.print(Text(safe(line), style="dim"), soft_wrap=True)


def notes(gate: Gate) -> list[str]:
    """Return what is not shown as a finding because of the baseline, a sentence each."""
    out = [f"Baseline: {', '.join(gate.baseline)}."]
    for run in gate.runs:
        known = [f.rule for f, state in run.told() if state == KNOWN and f.severity >= gate.limit]
        if known:
            out.append(f"{run.name}: the baseline has these findings as well: {', '.join(known)}.")
        if not run.worse:
            out.append(f"{run.name}: no compared metric is worse than in the baseline.")
        out += [f"{run.name}: not compared: {why}." for why in run.not_compared]
    return out


def _failing(gate: Gate, run: Checked) -> Checked:
    return replace(run, findings=[f for f, state in run.told() if gate.fails(f, state)])
