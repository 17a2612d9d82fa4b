"""`report.md`: for pull requests and wikis."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from postrun.metrics import RunView
from postrun.model import Finding, Severity
from postrun.model.text import inert, number
from postrun.report.overview import facts, key_metrics
from postrun.report.sparkline import sparkline
from postrun.report.story import tell
from postrun.report.terminal import evidence_line
from postrun.rules.coverage import coverage

_MARK = {
    Severity.CRITICAL: "🔴 critical",
    Severity.WARNING: "🟠 warning",
    Severity.INFO: "🔵 info",
    Severity.GOOD: "🟢 good",
}
_SPECIAL = re.compile(r"([\\`*_\[\]|~$]|^[#+=-]|(?<=^\d)[.)](?=\s|$))")


def render(view: RunView, findings: list[Finding], plots: list[Path], masked: str = "") -> str:
    """The report as Markdown; names and messages from the run are escaped."""
    run = view.run
    story = tell(view, findings)
    lines = [f"# {escape(run.name)}", "", f"**{escape(story.verdict)}**", ""]
    lines += [" ".join(escape(sentence.text) for sentence in story.sentences), ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {label} | {escape(value)} |" for label, value in facts(view)]
    lines += ["", "## Findings", ""]
    lines += [line for f in findings for line in _finding(f)] or ["No findings.", ""]
    lines += [line for text in coverage(view).sentences() for line in (escape(text), "")]
    lines += _metrics(view)
    if plots:
        lines += ["## Plots", ""]
        for plot in plots:
            lines += [f"![{plot.stem.replace('_', ' ')}](plots/{quote(plot.name)})", ""]
    notes = run.completeness.as_dict()["notes"]
    if notes:
        lines += ["## Completeness", "", *(f"- {escape(n)}" for n in notes), ""]
    if masked:
        lines += [f"{escape(masked)}.", ""]
    return "\n".join(lines)


def _finding(finding: Finding) -> list[str]:
    lines = [
        f"### {_MARK[finding.severity]}: {escape(finding.name)} ({finding.rule})",
        "",
        escape(finding.message),
        "",
    ]
    lines += [f"- {escape(evidence_line(proof))}" for proof in finding.evidence[:8]]
    if finding.evidence:
        lines.append("")
    symptoms = [part for s in finding.symptoms for part in s.with_symptoms()]
    if symptoms:
        lines += ["With it:", ""]
        lines += [f"- {escape(s.message)} ({s.rule} {escape(s.name)})" for s in symptoms]
        lines.append("")
    if finding.remedy:
        lines += [f"**What to do:** {escape(finding.remedy)}", ""]
    links = ", ".join(f"<{link}>" for link in finding.links)
    if links:
        lines += [f"See {links}", ""]
    return lines


def _metrics(view: RunView) -> list[str]:
    rows = key_metrics(view, limit=24)
    if not rows:
        return []
    out = [
        "## Metrics",
        "",
        "| metric | first | last | min | max | unit | curve |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for row in rows:
        values = " | ".join(number(v) for v in (row.first, row.last, row.low, row.high))
        out.append(f"| {escape(row.key)} | {values} | {row.unit} | {sparkline(row.curve)} |")
    return [*out, ""]


def escape(text: str) -> str:
    """Text from a run as Markdown that shows it and does nothing else."""
    text = inert(" ".join(str(text).split()))
    return _SPECIAL.sub(
        r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
