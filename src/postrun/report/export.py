"""The contract's data files of one run: JSON, CSV, Parquet and the console log.

The same run gives the same bytes: keys are sorted, nothing holds a date of writing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.metrics import RunView
from postrun.model import Finding, Run
from postrun.model.text import inert
from postrun.report.files import safe_name, write_json, write_text
from postrun.report.overview import insights, statistics
from postrun.report.story import tell
from postrun.rules.coverage import coverage
from postrun.store.atomic import write_atomically
from postrun.training.cost import cost_of
from postrun.training.outlook import outlook

SCHEMA_VERSION = 1
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = r"^[=+\-@\t\r]"
#: Characters that command a terminal, all but tabs and ends of lines.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"


def export(view: RunView, analysis: dict[str, Any], folder: Path) -> list[Path]:
    """Write all data files of a run, whose `detailed_analysis` this is; returns their paths."""
    run = view.run
    stem = safe_name(run.id)
    written: list[Path] = []

    def json_file(name: str, value: Any) -> None:
        write_json(folder / name, value)
        written.append(folder / name)

    json_file(f"{stem}_summary.json", run.summary)
    json_file(f"{stem}_config.json", run.config)
    for name, frame in (("history", run.history), ("system", run.system)):
        if name == "system" and not frame.height:
            continue
        path = folder / f"{stem}_{name}.parquet"
        write_atomically(path, partial(frame.write_parquet, compression="zstd"))
        written.append(path)
    history = spreadsheet_safe(run.history)
    path = folder / f"{stem}_history.csv"
    write_atomically(path, history.write_csv)
    written.append(path)
    if run.console.height:
        path = folder / f"{stem}_console.log"
        write_text(path, "\n".join(run.console["line"].to_list()) + "\n")
        written.append(path)
    for name, text in run.texts.items():
        path = folder / "files" / "/".join(safe_name(part) for part in name.split("/"))
        write_text(path, text)
        written.append(path)
    json_file("full_analysis.json", full_analysis(run))
    json_file("detailed_analysis.json", analysis)
    return written


def spreadsheet_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the table with text that is inert: in a spreadsheet, and in a terminal that shows the file.

    Text cells and column names that a spreadsheet would run as formulas get a leading "'"; control characters
    become "�".
    """
    columns = [_inert_cells(s) if s.dtype == pl.String else s for s in frame]
    names: list[str] = []
    for name in frame.columns:
        shown = inert(f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name)
        names.append(
            name if shown in names or (shown != name and shown in frame.columns) else shown
        )
    return pl.DataFrame([s.alias(name) for s, name in zip(columns, names, strict=True)])


def _inert_cells(cells: pl.Series) -> pl.Series:
    cells = cells.alias(
        "x"
    )  # Polars reads names such as "^a$" as patterns; the caller names columns
    shown = cells.str.replace_all("\r\n", "\n", literal=True).str.replace_all(_CONTROLS, "�")
    formulas = shown.str.contains(_FORMULA)
    return shown.zip_with(~formulas, "'" + shown) if formulas.any() else shown


def full_analysis(run: Run) -> dict[str, Any]:
    """The seed's `full_analysis.json`, with what it left out of the run's identity."""
    who = run.identity
    started = who.started_at.isoformat() if who.started_at else None
    return {
        "run_id": run.id,
        "name": run.name,
        "state": run.state.value,
        "created_at": started,
        "url": who.url or None,
        "project": who.project,
        "entity": who.entity,
        "group": who.group,
        "job_type": who.job_type,
        "sweep": who.sweep,
        "tags": who.tags,
        "notes": who.notes,
        "host": who.host,
        "commit": who.commit,
        "repository": who.repository,
        "exit_code": run.exit_code,
        "runtime_seconds": run.runtime,
        "working_seconds": run.working_seconds,
        "summary": run.summary,
        "config": run.config,
        "history_columns": run.history.columns,
        "history_rows": run.history.height,
        "history_sample": run.history.head(5).to_dicts(),
        "files": [{"path": f.path, "size": f.size, "kind": f.kind} for f in run.files],
        "artifacts": [
            {
                "name": a.name,
                "type": a.type,
                "direction": a.direction,
                "aliases": a.aliases,
                "digest": a.digest,
            }
            for a in run.artifacts
        ],
        "alerts": [{"title": a.title, "text": a.text, "level": a.level} for a in run.alerts],
        "metric_definitions": [
            {
                "name": m.name,
                "glob": m.glob,
                "x_axis": m.x_axis,
                "summary": m.summary,
                "goal": m.goal,
            }
            for m in run.metrics
            if not m.role  # what the user declares is not the run's
        ],
        "environment": run.environment,
        "requirements": run.requirements,
        "telemetry": run.telemetry,
        "system_rows": run.system.height,
        "console_lines": run.console.height,
    }


def detailed_analysis(view: RunView, findings: list[Finding]) -> dict[str, Any]:
    """The seed's `detailed_analysis.json`, with verdict, story, completeness and findings."""
    run = view.run
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.id,
        "run_name": run.name,
        "state": run.state.value,
        "url": run.identity.url or None,
        "framework": view.framework or None,
        "framework_evidence": view.framework_evidence or None,
        **tell(view, findings).as_dict(),
        "analysis": statistics(view),
        "insights": insights(view, findings),
        "cost": cost_of(view).as_dict(),
        "forecast": told.as_dict() if (told := outlook(view)) else None,
        "completeness": run.completeness.as_dict(),
        "coverage": coverage(view).as_dict(),
        "findings": [f.as_dict() for f in findings],
        "metrics": {
            info.key: {
                "quantity": info.quantity,
                "role": info.role,
                "split": info.split,
                "stat": info.stat,
                "unit": info.unit,
                "better": info.better,
                "x_axis": info.x_axis,
                "pack": info.pack,
                "confidence": info.confidence,
                "why": info.why,
            }
            for info in view.metrics.values()
        },
    }
