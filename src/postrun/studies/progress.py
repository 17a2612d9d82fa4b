"""Improvement over calendar time: records, what changed at each, regressions, and what a gain costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from postrun.model.study import Chart, Section, Study
from postrun.model.text import duration, number
from postrun.records.project import END, Project
from postrun.records.record import RunRecord
from postrun.stats.repeats import spread_within
from postrun.stats.robust import Floats
from postrun.studies.best import draw_in
from postrun.studies.failures import calendar_unit, floor, moment
from postrun.studies.groups import code_differences, same, settings
from postrun.studies.naming import brief_text
from postrun.studies.scores import Scores, milestones

#: Changed settings that a sentence names.
_NAMED = 4
#: Runs that got less far than this share of the median run set no records.
_SHORT = 0.2


@dataclass(slots=True)
class Timeline:
    """Runs in the order in which their results were known, with their values.

    `order` are positions in the project; `values` what each reached, `ends` Unix seconds of its end; one each
    per entry of `order`. `noise` is the standard deviation between runs of equal settings, and `replicates`
    the degrees of freedom behind it; without any, `noise` is the median error of the curves' own noise.
    """

    project: Project
    scores: Scores
    order: list[int]
    values: Floats
    ends: Floats
    noise: float
    replicates: int

    def record_places(self) -> list[int]:
        """Places in `order` at which a value was better than all before."""
        best, out = -np.inf, []
        for place, value in enumerate(self.values * self.scores.sign):
            if value > best:
                best = value
                out.append(place)
        return out


def timeline(scores: Scores) -> Timeline:
    """Return a metric's values in the order in which runs ended.

    Each run counts by its own final or best value, whatever it was given: progress is what was reached. Runs
    without a start time or without a value are left out, and those that got less far than a fifth of the
    median run: their few values are noise.
    """
    project = scores.project
    found = []
    lasts = [c.x[-1] for c in scores.curves if c is not None]
    least = _SHORT * float(np.median(lasts)) if lasts else 0.0
    for i, record in enumerate(project.records):
        value, curve = _value(scores, i), scores.curves[i]
        if curve is not None and curve.x[-1] < least:
            continue
        if record.started is not None and np.isfinite(value):
            found.append((record.started + (record.runtime or 0.0), i, value))
    found.sort()
    order = [i for _, i, _ in found]
    values = np.array([v for _, _, v in found])
    noise, freedom = _noise(scores, order, values)
    if not freedom:
        errors = scores.errors[np.isfinite(scores.errors)]
        noise = float(np.median(errors)) if len(errors) else 0.0
    return Timeline(
        project, scores, order, values, np.array([e for e, _, _ in found]), noise, freedom
    )


def _value(scores: Scores, i: int) -> float:
    record = scores.project.records[i]
    facts = record.metrics.get(scores.metric)
    if facts is None:
        return record.summary.get(scores.metric, float("nan"))
    if scores.use == "best":
        best, _ = milestones(scores.curves[i], scores)
        return best[0] if best else float("nan")
    return facts.final


def _noise(scores: Scores, order: list[int], values: Floats) -> tuple[float, int]:
    """Return the standard deviation between runs of equal settings, pooled, and its degrees of freedom.

    Runs that ended early are left out: they differ by more than their seeds. Results far on the bad side, as of
    runs that diverged, are drawn in, and settings whose runs differ far more than others' do not count: else a
    single one would hide every record behind its noise.
    """
    kept = draw_in(values * scores.sign)
    whole = [
        [place for place in members if order[place] not in scores.ground.short]
        for members in replicates(scores.project, order)
    ]
    within = spread_within([kept[places] for places in whole])
    return within.sigma, within.freedom


def replicates(project: Project, order: list[int]) -> list[list[int]]:
    """Places in `order` of runs whose settings are equal but for seeds."""
    records = [project.records[i] for i in order]
    table = settings(records)
    found: dict[str, list[int]] = {}
    for place in range(len(order)):
        mark = json.dumps([v[place] for v in table.values()], sort_keys=True, default=str)
        found.setdefault(mark, []).append(place)
    return list(found.values())


def progress_study(scores: Scores) -> Study:
    """Return the study of a metric's progress over a project's runs."""
    line = timeline(scores)
    study = Study("progress", f"{scores.metric} over {len(line.order)} runs", subject=scores.metric)
    if not line.order:
        study.headline.append(f"No run has both a start time and a value of {scores.metric}.")
        return study
    records = line.record_places()
    _headline(study, line, records)
    study.add(
        _record_section(line, records),
        _regression_section(line),
        _pace_section(line),
        _run_section(line, records),
    )
    return study


def _headline(study: Study, line: Timeline, records: list[int]) -> None:
    project, sign = line.project, line.scores.sign
    last = records[-1]
    holder = project.records[line.order[last]]
    word = "lowest" if sign < 0 else "highest"
    study.headline.append(
        f"The {word} {line.scores.use} {line.scores.metric} is {number(float(line.values[last]))}, by "
        f"{holder.name} ({moment(holder.started):%Y-%m-%d %H:%M} UTC): {len(records)} records in "
        f"{len(line.order)} runs."
    )
    if len(records) > 1:
        first = float(line.values[records[0]])
        gain = abs(float(line.values[last]) - first)
        steps = np.abs(np.diff(line.values[records]))
        at = int(np.argmax(steps))
        jump = line.order[records[at + 1]]
        change = _changed(project.records[line.order[records[at]]], project.records[jump])
        study.headline.append(
            f"From {number(first)} on, the gain is {number(gain)}; {100 * steps[at] / gain:.0f}% of it came "
            f"with {project.records[jump].name}{': ' + change if change else ''}."
        )
    since = line.order[last + 1 :]
    if since:
        study.headline.append(
            f"Since the last record: {len(since)} runs and {_hours(project, since)} without a better one."
        )
    doubtful = [p for p in records[1:] if _doubtful(line, records, p)]
    if doubtful:
        study.headline.append(
            f"{len(doubtful)} of {len(records) - 1} records are within noise of the one before "
            f"(±{number(2**1.5 * line.noise, 2)}, {_noise_words(line)}): chance alone sets records."
        )
    if not line.replicates:
        study.caveats.append(
            "No two runs have equal settings: noise is that within the curves, and what another seed would "
            "change is not known."
        )
    left_out = len(project) - len(line.order)
    if left_out:
        study.caveats.append(
            f"{left_out} runs have no value, no start time, or got less far than a fifth of the median run: "
            "they set no records."
        )
    warning = _lengths(line)
    if warning:
        study.caveats.append(warning)


def _lengths(line: Timeline) -> str:
    """Return the warning that runs had different budgets, on the axis that all studies compare them on."""
    scores = line.scores
    lasts = [float(c.x[-1]) for i in line.order if (c := scores.curves[i]) is not None]
    if not lasts or scores.axis == END or min(lasts) >= 0.8 * max(lasts):
        return ""
    return (
        f"Runs differ in length ({scores.at_words(min(lasts))} to {scores.at_words(max(lasts))}): a record may "
        f"come from longer training. `postrun compare` holds them side by side at {scores.end_words}."
    )


def _noise_words(line: Timeline) -> str:
    if line.replicates:
        degrees = "degree" if line.replicates == 1 else "degrees"
        return f"from runs of equal settings, {line.replicates} {degrees} of freedom"
    return "from the curves' own noise"


def _doubtful(line: Timeline, records: list[int], place: int) -> bool:
    before = records[records.index(place) - 1]
    return abs(float(line.values[place] - line.values[before])) < 2**1.5 * line.noise


def _hours(project: Project, members: list[int]) -> str:
    return duration(sum(project.records[i].runtime or 0.0 for i in members))


def _changed(before: RunRecord, after: RunRecord) -> str:
    """What differs between two runs, in words."""
    parts = [
        f"{key} {brief_text(a)} → {brief_text(b)}"
        for key, (a, b) in _setting_changes(before, after).items()
    ]
    code = code_differences([before, after])
    commit = code.pop("git commit", None)
    packages = [k for k in code if k.startswith("package ")]
    others = [
        f"{k} {v[0] or 'none'} → {v[1] or 'none'}" for k, v in code.items() if k not in packages
    ]
    if commit:
        others.insert(0, f"commit {commit[0]} → {commit[1]}")
    if packages:
        others.append(f"{len(packages)} packages")
    shown = parts[:_NAMED] + (
        [f"{len(parts) - _NAMED} more settings"] if len(parts) > _NAMED else []
    )
    return "; ".join([*shown, *others])


def _setting_changes(before: RunRecord, after: RunRecord) -> dict[str, tuple[Any, Any]]:
    return {
        key: (values[0], values[1])
        for key, values in settings([before, after]).items()
        if not same(values[0], values[1])
    }


def _record_section(line: Timeline, records: list[int]) -> Section:
    project, rows = line.project, []
    for n, place in enumerate(records):
        record = project.records[line.order[place]]
        before = records[n - 1] if n else None
        gain = None if before is None else float(abs(line.values[place] - line.values[before]))
        spent = line.order[(before + 1 if before is not None else 0) : place + 1]
        hours = sum(project.records[i].runtime or 0.0 for i in spent) / 3600
        near, near_change = _nearest(line, place)
        rows.append(
            {
                "at": moment(float(line.ends[place])),
                "run": record.name,
                "id": record.id,
                "value": float(line.values[place]),
                "gain": gain,
                "within_noise": None if n == 0 else _doubtful(line, records, place),
                "runs": len(spent),
                "hours": hours,
                "hours_per_gain": hours / gain if gain else None,
                "changed": ""
                if before is None
                else _changed(project.records[line.order[before]], record)
                or "nothing that is logged",
                "closest_earlier": near,
                "differs_in": near_change,
            }
        )
    lines = [
        {
            "label": "record",
            "x": [*line.ends[records].tolist(), float(line.ends[-1])],
            "y": [*line.values[records].tolist(), float(line.values[records[-1]])],
            "steps": True,
        },
        {"label": "runs", "x": line.ends.tolist(), "y": line.values.tolist(), "points": True},
    ]
    chart = Chart(
        "lines", f"{line.scores.metric} over time",
        {"x": "end of the run (UTC)", "y": line.scores.metric, "lines": lines, "time": True},
    )  # fmt: skip
    text = (
        "Each run that was better than all that ended before it. Changed: against the record before. "
        "Closest earlier run: the one with the fewest other settings. Runs, hours: spent since the record "
        "before."
    )
    return Section(
        "records", "Records", [text], pl.DataFrame(rows, infer_schema_length=None), [chart],
        wide=("id", "runs", "hours_per_gain", "closest_earlier", "differs_in"),
    )  # fmt: skip


def _nearest(line: Timeline, place: int) -> tuple[str, str]:
    """The earlier run whose settings differ least from this one's, and how its value and settings differ."""
    if not place:
        return "", ""
    own = line.project.records[line.order[place]]
    earlier = range(max(0, place - 500), place)
    counts = [
        (len(_setting_changes(line.project.records[line.order[p]], own)), -p) for p in earlier
    ]
    fewest, at = min(counts)
    other = line.project.records[line.order[-at]]
    value = float(line.values[-at])
    return f"{other.name} ({number(value)})", _changed(other, own) if fewest else "no setting"


def _regression_section(line: Timeline) -> Section:
    """Runs that were worse than an earlier one with the same settings, by more than noise."""
    rows = []
    short = line.scores.ground.short
    for members in replicates(line.project, line.order):
        members = [place for place in members if line.order[place] not in short]
        others = line.noise
        for n, place in enumerate(members[1:], 1):
            earlier = members[:n]
            best = max(earlier, key=lambda p: line.scores.sign * line.values[p])
            typical = float(np.median(line.values[earlier]))
            loss = line.scores.sign * (typical - float(line.values[place]))
            if loss > 3 * others > 0:
                a, b = (line.project.records[line.order[p]] for p in (best, place))
                rows.append(
                    {
                        "run": b.name,
                        "id": b.id,
                        "at": moment(float(line.ends[place])),
                        "value": float(line.values[place]),
                        "typical_before": typical,
                        "earlier_runs": len(earlier),
                        "ending": b.ending.words,
                        "changed": _changed(a, b) or "nothing that is logged",
                    }
                )
    text = (
        "Runs that ended worse than earlier runs of the same settings (their median), by more than three "
        f"standard deviations between such runs ({number(3 * line.noise, 2)})."
    )
    return Section(
        "regressions", "Regressions", [text], pl.DataFrame(rows, infer_schema_length=None)
    )


def _pace_section(line: Timeline) -> Section:
    records = line.project.records
    starts = [r.started for r in records if r.started is not None]
    if len(starts) < 2:
        return Section("pace", "Pace")
    unit, label = calendar_unit(min(starts), max(starts))
    best = -np.inf
    rows: dict[Any, dict[str, Any]] = {}
    ended = {i: float(v) for i, v in zip(line.order, line.values, strict=True)}
    for i in sorted(range(len(records)), key=lambda i: records[i].started or 0.0):
        record = records[i]
        if record.started is None:
            continue
        row = rows.setdefault(
            floor(record.started, unit),
            {
                "runs": 0,
                "failed": 0,
                "hours": 0.0,
                "gpu_hours": 0.0,
                "kwh": None,
                "best": None,
                "record": None,
            },
        )
        row["runs"] += 1
        row["failed"] += record.ending.failed
        row["hours"] += record.hours or 0.0
        row["gpu_hours"] += record.gpu_hours or 0.0
        if record.kwh is not None:
            row["kwh"] = (row["kwh"] or 0.0) + record.kwh
        if i in ended:
            value = ended[i] * line.scores.sign
            best = max(best, value)
            known = row["best"]
            row["best"] = ended[i] if known is None or value > known * line.scores.sign else known
        row["record"] = best * line.scores.sign if np.isfinite(best) else None
    table = pl.DataFrame(
        [{label: k, **v} for k, v in sorted(rows.items())], infer_schema_length=None
    )
    days = max(1.0, (max(starts) - min(starts)) / 86_400)
    text = f"{len(starts)} runs within one day."
    if days > 1:
        text = f"{len(starts)} runs in {number(days, 3)} days: {number(len(starts) / days, 3)} runs a day."
    labels = [f"{k:%m-%d %H:%M}" if unit == "hour" else f"{k:%Y-%m-%d}" for k in sorted(rows)]
    parts = [{"label": "runs", "values": table["runs"].to_list()}]
    chart = Chart(
        "bars", f"Runs per {label}",
        {"x": f"start ({label}, UTC)", "y": "runs", "labels": labels, "parts": parts},
    )  # fmt: skip
    return Section("pace", "Pace", [text], table, [chart])


def _run_section(line: Timeline, records: list[int]) -> Section:
    rows = []
    for place, i in enumerate(line.order):
        record = line.project.records[i]
        rows.append(
            {
                "end": moment(float(line.ends[place])),
                "run": record.name,
                "id": record.id,
                "value": float(line.values[place]),
                "record": place in records,
                "hours": record.hours,
                "gpu_hours": record.gpu_hours,
                "kwh": record.kwh,
                "ending": record.ending.words,
            }
        )
    return Section("runs", "Runs", [], pl.DataFrame(rows, infer_schema_length=None), wide=("*",))
