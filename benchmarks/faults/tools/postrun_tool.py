"""postrun, through its public functions."""

from __future__ import annotations

import postrun
from benchmarks.faults.statements import Level, Statement
from benchmarks.faults.subject import Subject


class PostrunTool:
    """`postrun check`: the findings of each run, and what it says of the log's completeness."""

    name, cached, reads = "postrun", False, "the run's folder, or the CSV file"

    def ask(self, subject: Subject) -> list[Statement]:
        """Return findings, symptoms included, and one statement on the log."""
        out = []
        try:
            runs = subject.runs
        except postrun.TargetError as error:
            return [Statement("unreadable", Level.INFO, str(error))]
        for run in runs:
            for finding in postrun.diagnose(run):
                out.append(statement(finding))
                out += [statement(part) for part in finding.with_symptoms()[1:]]
            out.append(Statement("completeness", Level.INFO, run.completeness.sentence()))
        return out


def statement(finding: postrun.Finding) -> Statement:
    """Return a finding as a statement."""
    return Statement(
        f"{finding.rule} {finding.name}", Level(int(finding.severity)), finding.message
    )
