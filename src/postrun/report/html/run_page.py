"""The page of one run, or of the runs of one training read together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run, Severity
from postrun.model.text import number
from postrun.report.files import write_text
from postrun.report.html.buffer import Buffer
from postrun.report.html.charts import BUDGET, ChartData, marks
from postrun.report.html.console import console_data
from postrun.report.html.page import render_page
from postrun.report.html.svg import curves
from postrun.report.overview import facts, verdict
from postrun.report.panels import PERFORMANCE, TRAINING, lines_of
from postrun.rules.coverage import coverage

#: Curves that one finding draws at most.
_MOST_PROOFS = 6


def write_report(
    path: Path, view: RunView, findings: list[Finding], masked: str = "", budget: int = BUDGET
) -> None:
    """Write the report of a run to `path`. `masked` says what was kept out of it."""
    write_text(path, run_page(view, findings, masked, budget))


def run_page(view: RunView, findings: list[Finding], masked: str = "", budget: int = BUDGET) -> str:
    """The page as text. Values beyond `budget` are thinned so that spikes survive."""
    buffer = Buffer()
    charts = ChartData(view, buffer, budget)
    drawn = [_finding(charts, f) for f in findings]
    run = view.run
    parts = run.parts or [run]
    consoles = [
        {"title": f"Console of {part.name}" if run.parts else "Console", **console}
        for part in parts
        if (console := console_data(part.console)) is not None
    ]
    data = {
        "axis": view.axis.unit,
        "marks": marks(findings, charts),
        "findings": [proofs for _, proofs in drawn],
        "consoles": consoles,
        **charts.as_dict(),
    }
    return render_page(
        "run",
        run.name,
        data,
        buffer,
        run=run,
        facts=facts(view),
        verdict=verdict(view, findings),
        findings=[shown for shown, _ in drawn],
        counts=_counts(findings),
        coverage=coverage(view),
        notes=run.completeness.as_dict()["notes"],
        whole=run.completeness.whole,
        thinned=_thinned(charts),
        masked=masked,
        metrics=len(view.metrics),
        axis=view.axis.label,
        own_axes=any("own" in s for s in charts.series),
        panels=_static(view),
        consoles=consoles,
        environment=_environment(run),
        requirements=sorted({line for part in parts for line in part.requirements}),
        files=[file for part in parts for file in part.files],
        artifacts=[artifact for part in parts for artifact in part.artifacts],
        alerts=[alert for part in parts for alert in part.alerts],
        url=run.identity.url if run.identity.url.startswith(("https://", "http://")) else "",
    )


def _counts(findings: list[Finding]) -> list[tuple[str, int]]:
    counted = [(s.label, sum(f.severity is s for f in findings)) for s in reversed(Severity)]
    return [(label, count) for label, count in counted if count]


def _thinned(charts: ChartData) -> str:
    if not charts.thinned:
        return ""
    return (
        f"{charts.thinned} of {len(charts.series)} metrics have more values than this page carries: "
        f"each keeps the least and the greatest of every group of rows, {charts.cap:,} values, so that "
        "spikes survive. The exported history has all of them."
    )


def _finding(charts: ChartData, finding: Finding) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A finding for the template, and its curves for the script."""
    view = charts.view
    proofs: list[dict[str, Any]] = []
    small, static = Markup(""), []
    for part in finding.with_symptoms():
        for proof in part.evidence:
            if len(proofs) == _MOST_PROOFS:
                break
            lines, at = charts.evidence(proof)
            if at is None or not len(lines[0]) or at in [p["series"] for p in proofs]:
                continue
            system = lines[0].info.x_axis == "_runtime"
            window = _window(view, proof, system)
            proofs.append(
                {
                    "series": at,
                    "title": proof.metric,
                    "from": window[0],
                    "to": window[1],
                    "before": proof.before,
                    "after": proof.after,
                    "levels": _comparable(proof, lines[0].finite.y),
                    "rule": part.rule,
                    "severity": part.severity.label,
                }
            )
            label = f"{proof.metric}: {_sentence(proof)}"
            severity = part.severity.label
            if not small:
                small = curves(lines, label, window=window, severity=severity)
            static.append((proof.metric, curves(lines, label, 480, 120, window, severity)))
    shown = {
        "finding": finding,
        "severity": finding.severity.label,
        "confidence": f"{finding.confidence:.0%}",
        "rows": [_row(e) for e in finding.evidence],
        "symptoms": [p for s in finding.symptoms for p in s.with_symptoms()],
        "small": small,
        "static": static,
    }
    return shown, proofs


def _window(view: RunView, proof: Evidence, system: bool) -> tuple[float, float]:
    """The window on the curve's own x: system metrics are over seconds, not steps."""
    start, stop = proof.step_from, proof.step_to
    if start is None or stop is None:
        return 0.0, 0.0
    if system:
        return view.second_at(start), view.second_at(stop)
    return start, stop


def _comparable(proof: Evidence, y: Any) -> bool:
    """True where before and after are levels of the curve (some rules give counts or shares)."""
    known = [v for v in (proof.before, proof.after) if v is not None and np.isfinite(v)]
    if not known or not len(y):
        return False
    low, high = float(y.min()), float(y.max())
    reach = 0.05 * (high - low) + 1e-9 * abs(high)
    return all(low - reach <= v <= high + reach for v in known)


def _sentence(proof: Evidence) -> str:
    where = f"{proof.span}, " if proof.span else ""
    return f"{where}{number(proof.before)} → {number(proof.after)}"


def _row(proof: Evidence) -> dict[str, str]:
    return {
        "metric": proof.metric,
        "where": proof.span,
        "before": number(proof.before),
        "after": number(proof.after),
        "n": "" if proof.n is None else f"{proof.n:,}",
        "run": proof.run,
    }


def _static(view: RunView) -> list[tuple[str, list[str], Markup]]:
    """Panels as static drawings, for readers without scripts."""
    out = []
    for panel in (*TRAINING, *PERFORMANCE):
        lines = lines_of(view, panel)
        if lines:
            names = [line.key for line in lines]
            out.append((panel.title, names, curves(lines, ", ".join(names), 480, 160)))
    return out


def _environment(run: Run) -> dict[str, Any]:
    parts = {part.name: part.environment for part in run.parts if part.environment}
    return parts if parts else run.environment
