"""The result of a gate as people read it: one line for each run and finding."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from postrun.model import Severity
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


def show(gate: Gate, console: Console | None = None, quiet: bool = False) -> None:
    """Print the runs with findings that fail the gate, then what a baseline has as well or cannot tell.

    The last line says what was checked, unless `quiet`.
    """
    from rich.text import Text

    console = console or make_console()
    print_brief([_failing(gate, run) for run in gate.runs], gate.limit, console)
    for line in notes(gate) if gate.baseline else ():
        console.print(Text(safe(line), style="dim"), soft_wrap=True)
    if gate.runs and not quiet:
        console.print(Text(summary(gate), style="red" if gate.failed else "green"), soft_wrap=True)


#: A finding of each severity, one and several.
_WORDS = {
    Severity.CRITICAL: ("critical finding", "critical findings"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("note", "notes"),
}


def summary(gate: Gate) -> str:
    """Return one sentence: how many runs were checked, what fails the gate, and what lies below it."""
    failing: Counter[Severity] = Counter()
    below: Counter[Severity] = Counter()
    runs = 0
    for run in gate.runs:
        bad = [f.severity for f, state in run.told() if gate.fails(f, state)]
        failing.update(bad)
        runs += bool(bad)
        below.update(f.severity for f, _ in run.told() if f.severity < gate.limit)
    checked = f"{len(gate.runs):,} run{'s' if len(gate.runs) > 1 else ''} checked"
    lower = _counts(below)
    rest = f"; {lower} below the gate" if lower else ""
    if failing:
        which = f"{runs:,} of them with" if len(gate.runs) > 1 else "with"
        return f"{checked}, {which} {_counts(failing)}{rest}."
    said = {Severity.CRITICAL: "nothing critical", Severity.WARNING: "no warnings"}.get(
        gate.limit, "no findings"
    )
    said += " that the baseline lacks" if gate.baseline else ""
    return f"{checked}, {said}{rest}."


def _counts(found: Counter[Severity]) -> str:
    """Return how many findings there are of each severity, the worst first; "" if there are none."""
    words = [
        f"{found[severity]:,} {many if found[severity] > 1 else one}"
        for severity, (one, many) in _WORDS.items()
        if found[severity]
    ]
    return ", ".join(words[:-1]) + " and " * (len(words) > 1) + words[-1] if words else ""


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
