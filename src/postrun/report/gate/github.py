"""The result of a gate as annotations of GitHub Actions: workflow commands on standard output.

Commands: GitHub, "Workflow commands for GitHub Actions". Escapes: `command.ts` in its `toolkit/packages/core`.
"""

from __future__ import annotations

from postrun.model import Severity
from postrun.model.text import inert
from postrun.report.gate.base import KNOWN, Gate
from postrun.report.gate.text import notes

_COMMANDS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
#: GitHub shows so many annotations of each kind in one step.
_MOST = 10


def render(gate: Gate) -> str:
    """Return one annotation for each finding, the worst first, then what could not be judged as notices.

    What fails the gate is never less than a warning. Findings of severity good are left out.
    """
    told = [
        (finding, state, run)
        for run in gate.runs
        for finding, state in run.told()
        if finding.severity in _COMMANDS
    ]
    told.sort(key=lambda t: (not gate.fails(t[0], t[1]), -t[0].severity))
    lines = [
        command("error", "postrun: a target could not be read", error) for error in gate.errors
    ]
    for finding, state, run in told:
        kind = _COMMANDS[finding.severity]
        if gate.fails(finding, state) and kind == "notice":
            kind = "warning"
        if gate.state_of(state) == KNOWN:
            kind = "notice"
        also = " (the baseline has it as well)" if gate.state_of(state) == KNOWN else ""
        remedy = f"\nWhat to do: {finding.remedy}" if finding.remedy else ""
        lines.append(
            command(kind, f"{finding.rule} {run.name}", f"{finding.message}{also}{remedy}")
        )
    more = len(lines) - _MOST
    for run in gate.runs:
        if run.coverage.thin:
            said = " ".join(run.coverage.sentences())
            lines.append(command("notice", f"postrun: little of {run.name} could be judged", said))
    if gate.baseline:
        lines.append(command("notice", "postrun: beside the baseline", "\n".join(notes(gate))))
    if more > 0:
        lines.append(
            f"{more} more than GitHub shows as annotations of one kind; all are in this log."
        )
    return "\n".join(lines)


def command(kind: str, title: str, message: str) -> str:
    """Return a workflow command. Nothing in a title or message can end it or begin another."""
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    text = inert(text.replace("\r\n", "\n").replace("\r", "\n"))
    # Runners end lines at these as well, and a line may begin a command.
    for end in ("\x85", "\u2028", "\u2029", "\v", "\f"):
        text = text.replace(end, " ")
    return text.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
