"""How runs, findings, projects, studies and stores show themselves in a notebook: with charts, within a screen.

The charts are those of the reports. Styles are inside, since a notebook has none of a report's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import polars as pl

from postrun.diagnosis import diagnosis
from postrun.metrics import RunView
from postrun.model import FAILURES, Finding, Findings, Run, Severity, UsageError
from postrun.model.display import badge, heading, table
from postrun.model.headings import heading as column_heading
from postrun.model.headings import rows as table_rows
from postrun.model.study import Chart, Study, readable
from postrun.model.text import duration, number
from postrun.privacy import Masker, Privacy
from postrun.records.project import Project
from postrun.report.html.figures import drawing
from postrun.report.html.svg import curves, spark
from postrun.report.overview import key_metrics
from postrun.report.story import verdict
from postrun.stats.decimate import min_max
from postrun.store import Store

#: Points of a curve.
_POINTS = 240
#: What fits a screen: findings, metrics, rows of a table, columns of one, lines of a chart.
_FINDINGS, _METRICS, _ROWS, _COLUMNS, _LINES = 6, 6, 8, 9, 8
_TOKENS = ("#0072b2", "#d55e00", "#009e73", "#b5568f", "#2a8fc7", "#b87800", "#555555", "#8a8a8a")
_COLOURS = "".join(
    f".postrun .c{i}{{stroke:{c}}} "
    f".postrun .dot.c{i},.postrun .band.c{i},.postrun .bar.c{i}{{fill:{c};stroke:none}}"
    for i, c in enumerate(_TOKENS)
)
_STYLE = (
    "<style>.postrun{max-width:1000px;font-size:13px} .postrun p{margin:2px 0 6px} .postrun td,.postrun th"
    "{text-align:left!important;vertical-align:middle} .postrun polyline{fill:none;stroke-width:1.5}"
    ".postrun svg.spark{width:110px;height:22px} .postrun .spark polyline{stroke:#0072b2}"
    ".postrun svg.curve{width:220px;height:44px} .postrun .window{fill:#b36b00;opacity:.18}"
    ".postrun .window.critical{fill:#b00020} .postrun .window.good{fill:#17703a}"
    ".postrun svg.figure{width:100%;max-width:620px;height:auto;font:12px sans-serif}"
    ".postrun table{font-size:13px} .postrun svg text{fill:currentColor}"
    ".postrun .keys{display:flex;flex-wrap:wrap;gap:2px 14px} .postrun .keys svg{width:22px;height:8px}"
    ".postrun .keys line{stroke-width:2.5}"
    ".postrun .grid{stroke:#8884} .postrun .reference{stroke:#888;stroke-dasharray:4 3}"
    f".postrun .band{{fill-opacity:.15}} .postrun .cell{{fill:#009e73}}{_COLOURS}</style>"
)


def render(value: object) -> str:
    """Return a value as HTML for a notebook."""
    if isinstance(value, Run):
        parts = _run(value)
    elif isinstance(value, Findings):
        parts = _findings(value, value.view if isinstance(value.view, RunView) else None)
    elif isinstance(value, Project):
        parts = _project(value)
    elif isinstance(value, Study):
        parts = _study(value)
    elif isinstance(value, Store):
        parts = _store(value)
    else:
        raise TypeError(f"no notebook view of {type(value).__name__}")
    return f'{_STYLE}<div class="postrun">{"".join(parts)}</div>'


def counted(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity, the worst first: "2 warnings, 1 info"."""
    found = Counter(f.severity for f in findings)
    words = {Severity.WARNING: ("warning", "warnings")}
    told = [
        f"{found[s]} {words.get(s, (s.label, s.label))[found[s] > 1]}"
        for s in sorted(Severity, reverse=True)
        if found[s]
    ]
    return ", ".join(told) or "no finding"


def _run(run: Run) -> list[str]:
    """Return a run: how it went, its findings, and the metrics that matter most."""
    who = run.identity
    place = "/".join(p for p in (who.entity, who.project) if p)
    facts = [run.id, place, run.state.words, run.lasted, ", ".join(who.tags)]
    masker = Masker(Privacy(), run)
    parts = [heading(masker.text(run.name), masker.text(" · ".join(f for f in facts if f)))]
    try:
        told = diagnosis(run, Privacy())
    except FAILURES as error:  # what can be shown is
        parts.append(f"<p>Not diagnosed: {escape(str(error))}</p>")
        return [*parts, f"<p>{escape(run.completeness.sentence())}</p>"]
    parts.append(f"<p>{escape(verdict(told.view, told.findings))}</p>")
    metrics = f"{run.history.width - 3} metrics"
    parts.append(f"<p><small>{escape(run.completeness.sentence())}; {metrics}</small></p>")
    parts += _findings(told.findings, told.view, charts=False)
    rows = [
        f"<tr><td>{escape(m.key)}</td><td>{spark(m.curve, m.key)}</td><td>{number(m.first)}</td>"
        f"<td>{number(m.last)}</td><td>{number(m.best) if m.best_at else ''}</td></tr>"
        for m in key_metrics(told.view, _METRICS)
    ]
    head = "<tr><th>metric</th><th></th><th>first</th><th>last</th><th>best</th></tr>"
    return [*parts, f"<table>{head}{''.join(rows)}</table>"] if rows else parts


def _findings(found: Sequence[Finding], view: RunView | None, charts: bool = True) -> list[str]:
    """Return findings, the worst first, each with the curve that shows it."""
    masker = Masker(Privacy(), view.run if view is not None else None)
    rows = []
    for finding in found[:_FINDINGS]:
        chart = _evidence(finding, view) if charts and view is not None else ""
        under = f", explains {len(finding.symptoms)} more" if finding.symptoms else ""
        rows.append(
            f"<tr><td>{badge(finding.severity.label)}</td><td>{escape(finding.rule)}</td>"
            f"<td>{escape(masker.text(finding.message))}{under}</td>"
            + (f"<td>{chart}</td>" if charts else "")
            + "</tr>"
        )
    more = len(found) - _FINDINGS
    tail = f"<p><small>and {more:,} more</small></p>" if more > 0 else ""
    body = f"<table>{''.join(rows)}</table>" if rows else ""
    return [heading("Findings:", counted(found)), body, tail]


def _evidence(finding: Finding, view: RunView) -> str:
    """Return the metrics of a finding's first evidence as a drawing, with its window; "" without any."""
    for proof in finding.evidence:
        lines = [view.series(key) for key in proof.metrics if key in view.metrics]
        if lines:
            window = finding.window if proof is finding.evidence[0] else None
            return str(curves(lines, proof.metric, window=window, severity=finding.severity.label))
    return ""


def _project(project: Project) -> list[str]:
    """Return a project: how many runs, the curves of its main metric, and its first runs."""
    states = Counter(r.state for r in project.records)
    said = ", ".join(f"{n} {state}" for state, n in states.most_common())
    parts = [heading(_runs(len(project)), said)]
    try:
        metric = project.main_metric()
    except UsageError:
        metric = ""
    if metric:
        some = range(min(len(project), _LINES))
        lines = []
        for i in some:
            curve = project.curve(i, metric)
            if curve is not None and len(curve):
                keep = min_max(curve.y, _POINTS)
                x, y = curve.x[keep].tolist(), curve.y[keep].tolist()
                lines.append({"label": project.labels[i], "x": x, "y": y})
        first = f" of the first {_LINES} runs" if len(project) > _LINES else ""
        data = {"x": project.step_unit, "y": metric, "lines": lines}
        parts.append(str(drawing(Chart("lines", f"{metric}{first}", data))))
    rows = []
    for label, record in zip(project.labels[:_ROWS], project.records, strict=False):
        facts = record.metrics.get(metric)
        last = number(facts.final) if facts is not None else ""
        lasted = "" if record.runtime is None else duration(record.runtime)
        rows.append([label, record.state, lasted, f"{record.rows:,}", last])
    parts.append(table(["run", "state", "duration", "rows", metric and f"final {metric}"], rows))
    return [*parts, _more(len(project) - _ROWS)]


def _study(study: Study) -> list[str]:
    """Return a study: what it says, its first chart and table, and the names of the other tables."""
    parts = [heading(study.title, " ".join(study.headline))]
    chart = next((c for s in study.sections for c in s.charts), None)
    if chart is not None:
        parts.append(str(drawing(chart)))
    shown = next((s for s in study.sections if s.table is not None), None)
    if shown is not None and shown.table is not None:
        first = _frame(readable(shown.table), f"{study.kind}.{shown.key}")
        parts += [heading(shown.title, " ".join(shown.text)), first]
    others = [key for key in study.tables if shown is None or key != shown.key]
    if others:
        names = ", ".join(f'study["{key}"]' for key in others)
        parts.append(f"<p><small>Also: {escape(names)}</small></p>")
    return [*parts, *(f"<p><small>{escape(c)}</small></p>" for c in study.caveats)]


def _store(store: Store) -> list[str]:
    """Return a store: its runs by state, its findings by rule, and the runs that began last."""
    columns = ["id", "name", "project", "state", "started", "rows", "critical", "warning"]
    runs = store.runs.select(columns).sort("started", descending=True, nulls_last=True).collect()
    states = runs.group_by("state").len().sort("len", descending=True)
    said = ", ".join(f"{n} {state}" for state, n in states.iter_rows())
    grave = f"{runs['critical'].sum():,} critical findings, {runs['warning'].sum():,} warnings"
    parts = [heading(_runs(runs.height), f"{said}; {grave}. {store.root}")]
    told = (
        store.findings.filter(pl.col("severity").is_in(["critical", "warning"]))
        .group_by("rule", "name")
        .agg(pl.struct("entity", "project", "run").n_unique().alias("runs"))
        .sort("runs", "rule", descending=[True, False])
        .head(_ROWS)
        .collect()
    )
    if told.height:
        data: dict[str, Any] = {
            "x": "",
            "y": "runs",
            "labels": told["rule"].to_list(),
            "parts": [{"label": "runs", "values": told["runs"].to_list()}],
        }
        parts.append(str(drawing(Chart("bars", "Warnings and critical findings, by rule", data))))
    return [*parts, _frame(runs)]


def _frame(frame: pl.DataFrame, name: str = "") -> str:
    """Return the first rows and columns of a table, and how many are left out."""
    names = [n for n in frame.columns if frame[n].null_count() < frame.height][:_COLUMNS]
    rest = frame.width - len(names)
    wide = f"<p><small>and {rest} more columns</small></p>" if rest > 0 else ""
    shown = frame.select(names).head(_ROWS)
    heads = [column_heading(n, name) for n in shown.columns]
    return table(heads, table_rows(shown, name)) + _more(frame.height - _ROWS) + wide


def _runs(count: int) -> str:
    return f"{count:,} run{'s' if count != 1 else ''}"


def _more(rows: int) -> str:
    return f"<p><small>and {rows:,} more rows</small></p>" if rows > 0 else ""
