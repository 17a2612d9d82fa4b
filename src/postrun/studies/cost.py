"""What runs cost: GPU hours, energy, CO2 and money; by run, project, ending, and unit of gain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from postrun.model import UsageError
from postrun.model.study import Section, Study
from postrun.model.text import duration, number
from postrun.records.project import Project
from postrun.records.record import RunRecord
from postrun.studies.progress import timeline
from postrun.studies.scores import score
from postrun.training.cost import CO2_PER_KWH

_COLUMNS = {
    "runs": pl.Int64, "hours": pl.Float64, "gpu_hours": pl.Float64, "kwh": pl.Float64,
    "power_sampled": pl.Float64, "kg_co2": pl.Float64, "money": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rates:
    """What a GPU hour and a kilowatt hour stand for: money (None: not given) and kilograms of CO2."""

    per_gpu_hour: float | None = None
    co2_per_kwh: float = CO2_PER_KWH


def cost_study(
    project: Project, rates: Rates | None = None, metric: str = "", goal: str = ""
) -> Study:
    """Return the study of what a project's runs cost.

    Args:
        project: The runs.
        rates: Price and CO2 factor.
        metric: The metric whose gain the cost is held against; the main one if empty, none if there is none.
        goal: "min" or "max"; what is known of the metric if empty.

    Raises:
        UsageError: No run has the metric.
    """
    rates = rates or Rates()
    project, copies = _once(project)
    records = project.records
    study = Study("cost", f"What {len(records)} run{'s' if len(records) > 1 else ''} cost")
    total = _sums(records, rates)
    study.headline.append(_total_words(records, total))
    failed = [r for r in records if r.ending.failed]
    lost = _sums(failed, rates)
    if failed and len(records) > 1:
        study.headline.append(f"{len(failed)} failed runs took {_amount(lost)} of that.")
    gain = _gain_section(study, project, rates, metric, goal) if len(records) > 1 else []
    if copies:
        study.caveats.append(
            f"{copies} more copies of these runs were found; each run is counted once."
        )
    _caveats(study, records, rates)
    projects = sorted({r.project for r in records})
    endings = sorted({r.ending.words for r in records})
    study.add(
        *gain,
        _by(records, rates, "project", lambda r: r.project)
        if len(projects) > 1
        else Section("", ""),
        _by(records, rates, "ending", lambda r: r.ending.words)
        if len(endings) > 1
        else Section("", ""),
        _run_section(project, rates),
    )
    return study


def _once(project: Project) -> tuple[Project, int]:
    """Return the project with each run once, and the number of copies: folders of runs are often copied."""
    found: dict[tuple[object, ...], int] = {}
    for i, r in enumerate(project.records):
        found.setdefault((r.id, r.project, r.started, r.runtime), i)
    kept = sorted(found.values())
    copies = len(project) - len(kept)
    return (project.take(kept) if copies else project), copies


def _sums(records: Sequence[RunRecord], rates: Rates) -> dict[str, float | None]:
    """Return the columns of a group of runs: sums of what is known."""
    hours = [r.hours for r in records if r.hours is not None]
    gpu = [h for r in records if (h := r.gpu_hours) is not None]
    kwh = [r.kwh for r in records if r.kwh is not None]
    energy, spent = (sum(v) if v else None for v in (kwh, gpu))
    covered = sum(h * (r.power_sampled or 0.0) for r in records if (h := r.gpu_hours) is not None)
    return {
        "runs": len(records),
        "hours": sum(hours) if hours else None,
        "gpu_hours": spent,
        "kwh": energy,
        "power_sampled": covered / spent if spent and energy is not None else None,
        "kg_co2": None if energy is None else energy * rates.co2_per_kwh,
        "money": None
        if rates.per_gpu_hour is None or spent is None
        else spent * rates.per_gpu_hour,
    }


def _amount(sums: dict[str, float | None]) -> str:
    """Return sums in words: "12.4 GPU hours, 3.1 kWh, 1.5 kg CO2 and a price of 24.8"."""
    parts = []
    if sums["gpu_hours"] is not None:
        parts.append(f"{number(sums['gpu_hours'], 3)} GPU hours")
    elif sums["hours"] is not None:
        parts.append(duration(3600 * sums["hours"]))
    if sums["kwh"] is not None:
        parts += [f"{number(sums['kwh'], 3)} kWh", f"{number(sums['kg_co2'], 3)} kg CO2"]
    if sums["money"] is not None:
        parts.append(f"a price of {number(sums['money'])}")
    if not parts:
        return "an unknown amount"
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _total_words(records: Sequence[RunRecord], total: dict[str, float | None]) -> str:
    who = f"The {len(records)} runs" if len(records) > 1 else records[0].name
    if total["gpu_hours"] is None and total["hours"] is None:
        return f"{who}: neither duration nor GPUs are known."
    end = "." if total["gpu_hours"] is not None else "; no GPU was recorded."
    return f"{who} took {_amount(total)}{end}"


def _caveats(study: Study, records: Sequence[RunRecord], rates: Rates) -> None:
    unpowered = sum(r.kwh is None for r in records)
    partly = [r for r in records if r.kwh is not None and (r.power_sampled or 0.0) < 0.98]
    if unpowered == len(records):
        study.caveats.append("No run sampled the power of its GPUs, so energy and CO2 are unknown.")
    else:
        study.caveats.append(
            f"CO2 is energy times {number(rates.co2_per_kwh, 3)} kg/kWh (set your grid's by --co2-per-kwh). "
            "Energy is that of the GPUs alone, without CPU, memory, cooling and losses."
        )
        if unpowered:
            study.caveats.append(
                f"{unpowered} of {len(records)} runs sampled no power: their energy is missing in the sums."
            )
    if partly:
        least = min(r.power_sampled or 0.0 for r in partly)
        study.caveats.append(
            f"In {len(partly)} run{'s' if len(partly) > 1 else ''} the samples cover only a part of the time "
            f"(at the least {100 * least:.0f}%): the rest of the energy is missing, not estimated."
        )
    unknown = sum(r.gpu_hours is None for r in records)
    if unknown and unknown < len(records):
        study.caveats.append(f"{unknown} of {len(records)} runs name no GPU or no duration.")


def _gain_section(
    study: Study, project: Project, rates: Rates, metric: str, goal: str
) -> list[Section]:
    """Return what each record of a metric cost, and say what a unit of gain did."""
    try:
        line = timeline(score(project, metric, goal))
    except UsageError:
        if metric:
            raise
        return []
    places = line.record_places()
    if len(places) < 2:
        return []
    study.subject = line.scores.metric
    rows = []
    for before, place in itertools.pairwise(places):
        spent = [project.records[i] for i in line.order[before + 1 : place + 1]]
        gain = abs(float(line.values[place] - line.values[before]))
        rows.append(
            _gain_row(
                project.records[line.order[place]].name, line.values[place], gain, spent, rates
            )
        )
    first, last = (float(line.values[places[k]]) for k in (0, -1))
    all_gain = abs(last - first)
    spent = [project.records[i] for i in line.order[places[0] + 1 : places[-1] + 1]]
    unit = 10.0 ** math.floor(math.log10(all_gain)) if all_gain > 0 else 1.0
    sums = _sums(spent, rates)
    scaled = {k: None if v is None else v * unit / all_gain for k, v in sums.items()}
    study.headline.append(
        f"From {number(first)} to {number(last)} {line.scores.metric}, {len(spent)} runs took {_amount(sums)}: "
        f"{_amount(scaled)} per {number(unit)} of gain."
    )
    text = (
        "Each run that was better than all before: gain over the record before, and what all runs since "
        "that one cost. Runs without a start time or a value are not in it."
    )
    return [
        Section(
            "gains", "Cost of each record", [text], pl.DataFrame(rows, infer_schema_length=None)
        )
    ]


def _gain_row(
    name: str, value: float, gain: float, spent: Sequence[RunRecord], rates: Rates
) -> dict[str, object]:
    sums = _sums(spent, rates)
    each = sums["gpu_hours"] if sums["gpu_hours"] is not None else sums["hours"]
    named = "gpu_hours_per_gain" if sums["gpu_hours"] is not None else "hours_per_gain"
    ratio = None if each is None or not gain or not np.isfinite(gain) else each / gain
    return {"run": name, "value": float(value), "gain": gain, **sums, named: ratio}


def _by(
    records: Sequence[RunRecord], rates: Rates, name: str, of: Callable[[RunRecord], str]
) -> Section:
    found: dict[str, list[RunRecord]] = {}
    for record in records:
        found.setdefault(of(record) or "unnamed", []).append(record)
    rows = [[key, *_sums(own, rates).values()] for key, own in found.items()]
    table = pl.DataFrame(rows, schema={name: pl.String, **_COLUMNS}, orient="row")
    return Section(
        f"{name}s", f"By {name}", [], table.sort("gpu_hours", descending=True, nulls_last=True)
    )


def _run_section(project: Project, rates: Rates) -> Section:
    rows = [
        [
            label,
            record.id,
            record.ending.words,
            record.gpu,
            record.gpus,
            *list(_sums([record], rates).values())[1:],
        ]
        for label, record in zip(project.labels, project.records, strict=True)
    ]
    start = {
        "run": pl.String,
        "id": pl.String,
        "ending": pl.String,
        "gpu": pl.String,
        "gpus": pl.Int64,
    }
    columns = {k: v for k, v in _COLUMNS.items() if k != "runs"}
    table = pl.DataFrame(rows, schema={**start, **columns}, orient="row")
    text = "Power sampled: share of the GPU time for which power was sampled; kWh is the energy of that share."
    return Section(
        "runs", "Runs", [text], table.sort("gpu_hours", descending=True, nulls_last=True),
        wide=("id", "ending"),
    )  # fmt: skip
