"""The page of several runs side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from postrun.metrics import RunView, Series, role_rank, roles
from postrun.metrics.axis import common_unit
from postrun.model import Severity
from postrun.model.study import Study
from postrun.records.finals import central_metrics, differing, final, labels
from postrun.report.carrying import shown
from postrun.report.files import write_text
from postrun.report.html.buffer import Buffer, Ref
from postrun.report.html.charts import fair_cap
from postrun.report.html.opening import COUNTS, opening
from postrun.report.html.page import leaf, render_page
from postrun.report.html.study_page import parts_of
from postrun.report.html.svg import curves
from postrun.report.story import verdict
from postrun.stats.decimate import min_max
from postrun.studies import Comparison
from postrun.training.end_words import state_words

#: Values that one comparison carries at most, at 7 significant digits.
BUDGET = 2_000_000
#: Points of each run's table of step against time, between which times are interpolated.
_CLOCK = 400
#: Runs that are drawn without scripts, and columns of the static table of config differences.
_STATIC_LINES, _STATIC_RUNS = 8, 12


def write_comparison(
    path: Path,
    comparison: Comparison,
    masked: str = "",
    title: str = "",
    study: Study | None = None,
) -> None:
    """Write the report of several runs to `path`; what a study says of them stands before their curves."""
    write_text(path, comparison_page(comparison, masked, title, study))


def comparison_page(
    comparison: Comparison, masked: str = "", title: str = "", study: Study | None = None
) -> str:
    """The page as text."""
    views, buffer = comparison.views, Buffer()
    names = labels(views)
    metrics = _metrics(views)
    sizes = [len(v.series(k)) for k in metrics for v in views if k in v.metrics]
    cap = fair_cap(np.array(sizes or [0]), BUDGET)
    settings = differing(views)
    keys = list(metrics)
    unit = common_unit(view.axis for view in views)
    opened = opening(study, views, settings)
    keys.sort(key=lambda key: key != opened["subject"])
    data = {
        "axis": unit,
        **opened,
        "runs": _runs(comparison, names, metrics, settings, study.results if study else {}, buffer),
        "metrics": [_metric(key, metrics[key], views, cap, buffer) for key in keys],
        "config": {key: [_plain(v) for v in values] for key, values in settings.items()},
    }
    thinned = sum(size > cap for size in sizes)
    return render_page(
        "comparison",
        title or (study.title if study else f"{len(views)} runs"),
        data,
        buffer,
        runs=comparison.runs,
        count=len(views),
        summary=_summary(comparison),
        settings=_settings_table(settings, names),
        metrics=len(keys),
        axes=[("step", unit), *((n, COUNTS[n]) for n in opened["axes"] if COUNTS[n] != unit)],
        finals=_finals_table(views, names, keys),
        panels=_static(views, names, keys),
        masked=masked,
        study=study,
        parts=parts_of(study) if study else [],
        thinned=(
            f"{thinned:,} curves are thinned to {cap:,} values each, the least and the greatest of "
            "every group of rows: spikes survive."
            if thinned
            else ""
        ),
        incomplete=[n for n, v in zip(names, views, strict=True) if not v.run.completeness.whole],
    )


def _metrics(views: Sequence[RunView]) -> dict[str, str]:
    """Metric to its role's panel: those with a role first, in the order of roles; then by name."""
    found: dict[str, tuple[int, str, str]] = {}
    for view in views:
        for info in view.metrics.values():
            if info.key not in found and shown(info):
                role = roles().get(info.role or "")
                rank = role_rank(info.role) + (0 if info.central else 1000)
                found[info.key] = (rank, info.key, role.panel if role else "")
    return {key: panel for key, (_, _, panel) in sorted(found.items(), key=lambda kv: kv[1])}


def _runs(
    comparison: Comparison,
    names: list[str],
    metrics: dict[str, str],
    settings: dict[str, list[Any]],
    results: dict[str, float],
    buffer: Buffer,
) -> list[dict[str, Any]]:
    out = []
    for i, (view, found) in enumerate(zip(comparison.views, comparison.findings, strict=True)):
        run, who = view.run, view.run.identity
        levels = [f.severity for f in found]
        values = {}
        for key in metrics:
            series = _trained(view, key)
            if series is not None and len(series):
                _, _, last, best, _ = final(series)
                values[key] = [last, best]
        out.append(
            {
                "id": run.id,
                "label": names[i],
                "state": state_words(view),
                "group": who.group,
                "tags": who.tags,
                "started": who.started_at.timestamp() if who.started_at else None,
                "duration": run.runtime,
                "last": view.last_x,
                "rows": run.completeness.rows,
                "whole": run.completeness.whole,
                "findings": [levels.count(s) for s in (Severity.CRITICAL, Severity.WARNING)],
                "worst": next((f.message for f in found if f.severity >= Severity.WARNING), ""),
                "compared": results.get(run.id),
                "config": {key: _plain(values[i]) for key, values in settings.items()},
                "finals": values,
                "clock": _clock(view, buffer),
            }
        )
    return out


def _trained(view: RunView, key: str) -> Series | None:
    """Return the finite values of a metric during the training; None if the run has no such metric."""
    return view.series(key).finite if key in view.metrics else None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else leaf(value)


def _clock(view: RunView, buffer: Buffer) -> dict[str, Ref] | None:
    """Steps with their seconds since the start and their counts of data, few enough for every run."""
    steps, seconds = view.clock
    if len(steps) < 2:
        return None
    order = np.argsort(steps, kind="stable")
    few = order[np.unique(np.linspace(0, len(order) - 1, _CLOCK).astype(np.int64))]
    made = {"step": buffer.whole(steps[few]), "runtime": buffer.whole(seconds[few], unit=0.001)}
    for name in COUNTS:
        counted = view.first(f"progress.{name}")
        if counted is not None:
            at = np.interp(steps[few], counted.x, counted.y)
            made[name] = buffer.floats(at, exact=False)
    return made


def _metric(
    key: str, panel: str, views: Sequence[RunView], cap: int, buffer: Buffer
) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    info = None
    for number, view in enumerate(views):
        if key not in view.metrics:
            continue
        info = info or view.metrics[key]
        series = _thin(view.series(key), cap)
        if len(series):
            y = buffer.floats(series.y, exact=False)
            lines.append({"run": number, "x": buffer.whole(series.x), "y": y})
    assert info is not None
    role = roles().get(info.role or "")
    prefix, slash, _ = key.partition("/")
    return {
        "key": key,
        "role": role.title if role else "",
        "panel": panel,
        "prefix": prefix if slash else "",
        "unit": info.unit,
        "better": info.better,
        "lines": lines,
    }


def _thin(series: Series, cap: int) -> Series:
    if len(series) <= cap:
        return series
    return series.take(min_max(np.where(np.isfinite(series.y), series.y, np.nan), cap))


def _summary(comparison: Comparison) -> str:
    states = comparison.runs["state"].value_counts(sort=True)
    parts = [f"{count} {state}" for state, count in states.iter_rows()]
    critical = sum(
        any(f.severity is Severity.CRITICAL for f in found) for found in comparison.findings
    )
    text = f"{len(comparison.views)} runs: {', '.join(parts)}"
    if states.height == 1:
        state = states[0, 0]
        link = " " if state in ("finished", "failed") else ": "
        text = f"All {len(comparison.views)} runs{link}{state}"
    if any(comparison.findings):
        text += f"; {critical or 'none'} with critical findings"
    if len(comparison.views) == 1:
        text = verdict(comparison.views[0], comparison.findings[0]).rstrip(".")
    return f"{text}."


def _settings_table(settings: dict[str, list[Any]], names: list[str]) -> dict[str, Any]:
    """Config differences without scripts: values per run for few runs, counted values for many."""
    if len(names) <= _STATIC_RUNS:
        rows = [
            [key, *("–" if v is None else _setting(v) for v in values)]
            for key, values in settings.items()
        ]
        return {"columns": ["key", *names], "rows": rows}
    rows = []
    for key, values in settings.items():
        counted = Counter("–" if v is None else _setting(v) for v in values)
        ranked = sorted(counted.items(), key=lambda pair: (-pair[1], _by_size(pair[0])))
        few = sorted(counted.items(), key=lambda pair: _by_size(pair[0]))
        pairs = [f"{value} ({count})" for value, count in (few if len(few) <= 8 else ranked)]
        more = f" and {len(pairs) - 8} more" if len(pairs) > 8 else ""
        rows.append([key, ", ".join(pairs[:8]) + more])
    return {"columns": ["key", "values (runs)"], "rows": rows}


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else leaf(value)


def _by_size(text: str) -> tuple[bool, float, str]:
    """Return a sort key: numbers by their size, then texts."""
    try:
        return False, float(text), ""
    except ValueError:
        return True, 0.0, text


def _finals_table(views: Sequence[RunView], names: list[str], keys: list[str]) -> dict[str, Any]:
    """Final values of the main metrics, for readers without scripts."""
    wanted = {k for v in views for k in central_metrics(v)}
    main = [k for k in keys if k in wanted][:8] or keys[:8]
    rows: list[list[Any]] = []
    for name, view in zip(names, views, strict=True):
        cells: list[Any] = [name]
        for key in main:
            series = _trained(view, key)
            cells.append(final(series)[2] if series is not None and len(series) else math.nan)
        rows.append(cells)
    return {"columns": ["run", *main], "rows": rows}


def _static(
    views: Sequence[RunView], names: list[str], keys: list[str]
) -> list[tuple[str, Markup]]:
    out = []
    for key in keys[:12]:
        lines = [v.series(key) for v in views if key in v.metrics][:_STATIC_LINES]
        drawing = curves(lines, key, 480, 160)
        if drawing:
            more = len(views) - len(lines)
            label = ", ".join(names[: len(lines)]) + (
                f" (and {more} more runs)" if more > 0 else ""
            )
            out.append((f"{key}: {label}", drawing))
    return out
