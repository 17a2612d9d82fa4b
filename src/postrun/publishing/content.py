"""A diagnosis as a note, tags, a verdict and an alert: masked, and the same each time it is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postrun.diagnosis import Diagnosis
from postrun.model import Finding, Severity
from postrun.model.text import inert
from postrun.report.markdown import escape
from postrun.report.section import END, begin
from postrun.report.story import verdict
from postrun.report.terminal import evidence_line
from postrun.rules.coverage import coverage

#: Findings in the note, and pieces of evidence of each.
_MOST, _PROOFS = 20, 3
#: Each user has other marks for the same secret. Without them, colleagues do not rewrite each other's notes.
_MARK = re.compile(r"(\[masked: [^\]#]+?) #[0-9a-f]{8}(?=\\?\])")
#: Tags that postrun sets, and takes away when they no longer hold.
OWN_TAG = re.compile(r"postrun:(critical|warning|ok|[A-Z]+\d+)")


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be said of one run.

    Attributes:
        note: Markdown between postrun's markers.
        tags: "postrun:" with the worst severity, and with each rule of a warning or worse.
        verdict: The verdict in one sentence.
        worst: The worst severity; GOOD without findings.
        alert: The text of an alert: the verdict and the rules behind it.
    """

    note: str
    tags: tuple[str, ...]
    verdict: str
    worst: Severity
    alert: str


def content(told: Diagnosis) -> Content:
    """Return what to write of a diagnosis, which is masked already."""
    findings = [f for f in told.findings if f.severity >= Severity.INFO]
    said = _plain(verdict(told.view, told.findings))
    worst = max((f.severity for f in findings), default=Severity.GOOD)
    bad = [f for f in findings if f.severity >= Severity.WARNING]
    codes = list(dict.fromkeys(f.rule for f in bad))
    label = worst.label if bad else "ok"
    tags = (f"postrun:{label}", *(f"postrun:{code}" for code in codes))
    # A tag that OWN_TAG does not know, as of a plug-in's rule, could not be taken away again.
    kept = tuple(tag for tag in tags if OWN_TAG.fullmatch(tag))
    alert = f"{said} ({', '.join(codes)})" if codes else said
    return Content(_note(told, findings, said), kept, said, worst, alert)


def _note(told: Diagnosis, findings: Sequence[Finding], said: str) -> str:
    lines = [begin("postrun publish"), "", f"**{escape(said)}**", ""]
    for finding in findings[:_MOST]:
        lines.append(
            f"- **{finding.severity.label} {finding.rule}** {escape(finding.name)}: "
            f"{escape(finding.message)}"
        )
        lines += [f"  - {escape(evidence_line(proof))}" for proof in finding.evidence[:_PROOFS]]
        if finding.remedy:
            lines.append(f"  - What to do: {escape(finding.remedy)}")
    if len(findings) > _MOST:
        lines.append(f"- {len(findings) - _MOST:,} more findings: `postrun analyze` shows them.")
    lines += ["", *(line for s in coverage(told.view).sentences() for line in (escape(s), ""))]
    return _plain("\n".join([*lines, END]))


def _plain(text: str) -> str:
    return inert(_MARK.sub(r"\1", text))
