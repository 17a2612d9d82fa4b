"""The page of one run, or of the runs of one training read together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from postrun.metrics import RunView
from postrun.model import Evidence, Finding, Run
from postrun.model.text import number
from postrun.privacy import Privacy
from postrun.report.carrying import are_levels, shown
from postrun.report.files import write_text
from postrun.report.html.buffer import Buffer
from postrun.report.html.charts import BUDGET, ChartData, marks
from postrun.report.html.console import console_data
from postrun.report.html.media import Media, media
from postrun.report.html.page import render_page
from postrun.report.html.svg import curves, spark
from postrun.report.html.timeline_figure import timeline_figure
from postrun.report.html.trees import shortened
from postrun.report.overview import facts, key_metrics, reached
from postrun.report.panels import PERFORMANCE, TRAINING, lines_of
from postrun.report.story import tell
from postrun.report.timeline import timeline
from postrun.rules.coverage import coverage
from postrun.stats.robust import Floats

#: Curves that one finding draws at most.
_MOST_PROOFS = 6
#: Rows of the table of key metrics.
_KEYS = 12


def write_report(
    path: Path,
    view: RunView,
    findings: list[Finding],
    masked: str = "",
    budget: int = BUDGET,
    privacy: Privacy | None = None,
    refresh: int = 0,
) -> None:
    """Write the report of a run to `path`.

    `masked` says what was kept out of it, `privacy` what is to be kept out of the tables that it logged.
    A browser loads the page again every `refresh` seconds, never if that is 0.
    """
    write_text(path, run_page(view, findings, masked, budget, privacy, refresh))


def run_page(
    view: RunView,
    findings: list[Finding],
    masked: str = "",
    budget: int = BUDGET,
    privacy: Privacy | None = None,
    refresh: int = 0,
) -> str:
    """Return the page as text. Values beyond `budget` are thinned so that spikes survive."""
    buffer = Buffer()
    charts = ChartData(view, buffer, budget)
    drawn = [_finding(charts, f) for f in findings]
    line = timeline(view, findings)
    logged = media(view, privacy or Privacy())
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
        "images": logged.images,
        "timeline": line
        and {
            "start": line.start,
            "stop": line.stop,
            "lanes": [charts.positions[s.key] for s in line.lanes],
        },
        **charts.as_dict(),
    }
    return render_page(
        "run",
        run.name,
        data,
        buffer,
        run=run,
        refresh=refresh,
        config=shortened(run.config),
        summary=shortened(run.summary),
        facts=facts(view),
        meta=_meta(view),
        media=logged if logged.images or logged.tables or logged.notes else None,
        story=tell(view, findings),
        line=line and timeline_figure(line, view.axis),
        keys=_keys(view, [s.key for s in line.lanes] if line else []),
        findings=[told for told, _ in drawn],
        any_remedy=any(f.remedy for f in findings),
        history=run.completeness.sentence(),
        contents=_contents(view, len(findings), _chart_count(charts), consoles, logged),
        coverage=coverage(view),
        notes=run.completeness.as_dict()["notes"],
        whole=run.completeness.whole,
        thinned=_thinned(charts),
        masked=masked,
        charts=_chart_count(charts),
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


def _meta(view: RunView) -> str:
    """Return what identifies a run, on one line."""
    run, who = view.run, view.run.identity
    reach = reached(view)
    parts = (
        "/".join(p for p in (who.entity, who.project) if p),
        run.id if run.name != run.id else "",
        view.framework,
        f"{view.axis.unit}s {reach}" if reach else "",
        f"started {who.started_at:%Y-%m-%d %H:%M} UTC" if who.started_at else "",
    )
    return " · ".join(part for part in parts if part)


def _keys(view: RunView, first: list[str]) -> list[dict[str, Any]]:
    """Return the rows of the table of key metrics."""
    return [
        {
            "key": row.key,
            "unit": row.unit,
            "first": number(row.first),
            "best": number(row.best) if row.best_at else "–",
            "best_at": row.best_at,
            "last": number(row.last),
            "spark": spark(row.curve, f"{row.key}: course"),
        }
        for row in key_metrics(view, _KEYS, first)
    ]


def _chart_count(charts: ChartData) -> int:
    return sum(len(group["charts"]) for group in charts.by_role)


def _contents(
    view: RunView, findings: int, charts: int, consoles: list[dict[str, Any]], logged: Media
) -> list[tuple[str, str, str]]:
    """Return the parts of the page: anchor, name, count."""
    run = view.run
    parts = run.parts or [run]
    lists = (
        ("files", "Files", [file for part in parts for file in part.files]),
        ("artifacts", "Artifacts", [a for part in parts for a in part.artifacts]),
        ("alerts", "Alerts", [a for part in parts for a in part.alerts]),
    )
    found = [
        ("findings", "Findings", str(findings or "")),
        ("key-metrics", "Key metrics", ""),
        ("about", "About this run", ""),
        ("all-charts", "Charts", f"{charts:,}" if charts else ""),
        *((("media", "Images and tables", ""),) if logged.images or logged.tables else ()),
        *((("console", "Console", ""),) if consoles else ()),
        *((("config", "Config", f"{len(run.config):,}"),) if run.config else ()),
        *((("summary", "Summary", f"{len(run.summary):,}"),) if run.summary else ()),
        *((("environment", "Environment", ""),) if _environment(run) else ()),
        *((id_, name, f"{len(items):,}") for id_, name, items in lists if items),
    ]
    return found


def _thinned(charts: ChartData) -> str:
    if not charts.thinned:
        return ""
    return (
        f"{charts.thinned} of {len(charts.series)} metrics have more values than this page carries: "
        f"each keeps the least and the greatest of every group of rows, {charts.cap:,} values, so that "
        "spikes survive. The exported history has all of them."
    )


def _moves(y: Floats) -> bool:
    return len(y) > 0 and float(y.min()) < float(y.max())


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
                    "levels": are_levels(proof, lines[0]),
                    "rule": part.rule,
                    "severity": part.severity.label,
                }
            )
            label = f"{proof.metric}: {_sentence(proof)}"
            severity = part.severity.label
            if not small and shown(lines[0].info) and _moves(lines[0].finite.y):
                small = curves(lines, label, window=window, severity=severity)
            static.append((proof.metric, curves(lines, label, 480, 120, window, severity)))
    told = {
        "finding": finding,
        "severity": finding.severity.label,
        "confidence": f"{finding.confidence:.0%}",
        "rows": [_row(e) for e in finding.evidence],
        "symptoms": [p for s in finding.symptoms for p in s.with_symptoms()],
        "small": small,
        "static": static,
    }
    return told, proofs


def _window(view: RunView, proof: Evidence, system: bool) -> tuple[float, float]:
    """The window on the curve's own x: system metrics are over seconds, not steps."""
    start, stop = proof.step_from, proof.step_to
    if start is None or stop is None:
        return 0.0, 0.0
    if system:
        return view.second_at(start), view.second_at(stop)
    return start, stop


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
