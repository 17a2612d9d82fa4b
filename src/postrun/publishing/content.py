"""A diagnosis as a note, tags, a verdict and an alert: masked, and the same each time it is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
#: Letters of a Report's title that its server takes, and what a masked name begins with.
_TITLE, _MASKED = 128, "[masked: "
#: Each user has other marks for the same secret. Without them, colleagues do not rewrite each other's notes.
_MARK = re.compile(r"(\[masked: [^\]#]+?) #[0-9a-f]{8}(?=\\?\])")
#: Tags that postrun sets, and takes away when they no longer hold.
OWN_TAG = re.compile(r"postrun:(critical|warning|ok|[A-Z]+\d+)")


@dataclass(frozen=True, slots=True)
class Panel:
    """A line plot of a W&B Report: the metrics of one piece of evidence, around its window.

    Attributes:
        axis: The column that the window is counted on.
        window: First and last value of the axis that are shown; None for all of the run.
    """

    title: str
    metrics: tuple[str, ...]
    axis: str
    window: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be said of one run.

    Attributes:
        note: Markdown between postrun's markers.
        tags: "postrun:" with the worst severity, and with each rule of a warning or worse.
        verdict: The verdict in one sentence.
        worst: The worst severity; GOOD without findings.
        alert: The text of an alert: the verdict and the rules behind it.
        title: The title of a W&B Report.
        body: Its text, which is the note without markers.
        panels: Its plots, at the evidence of the findings.
    """

    note: str
    tags: tuple[str, ...]
    verdict: str
    worst: Severity
    alert: str
    title: str = ""
    body: str = ""
    panels: tuple[Panel, ...] = ()


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
    body = _body(told, findings, said)
    note = "\n".join([begin("postrun publish"), "", body, END])
    title = _plain(f"postrun: {told.run.name}")[:_TITLE]
    return Content(note, kept, said, worst, alert, title, body, tuple(_panels(told, bad)))


def _panels(told: Diagnosis, findings: Sequence[Finding]) -> Iterator[Panel]:
    """Yield a panel for the first evidence of each finding; metrics with a masked name are left out."""
    known = set(told.run.history.columns)
    for finding in findings[:_MOST]:
        for proof in finding.evidence[:1]:
            keys = tuple(k for k in proof.metrics if k in known and _MASKED not in k)
            if not keys or proof.run not in ("", told.run.id):
                continue
            window = None
            if proof.step_from is not None and proof.step_to is not None:
                around = (proof.step_to - proof.step_from) / 2
                low, high = proof.step_from - around, proof.step_to + around
                window = (max(0.0, low) if proof.step_from >= 0 else low, high) if around else None
            what = f"{finding.rule} {keys[0]} {proof.span}".strip()
            yield Panel(_plain(what), keys, proof.axis, window)


def _body(told: Diagnosis, findings: Sequence[Finding], said: str) -> str:
    lines = [f"**{escape(said)}**", ""]
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
    return _plain("\n".join(lines))


def _plain(text: str) -> str:
    return inert(_MARK.sub(r"\1", text))
