"""The tables and charts of a comparison of groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from postrun.model.study import Chart, Section
from postrun.model.text import number
from postrun.records.project import Project
from postrun.stats.aggregate import (
    Estimate,
    interval,
    iqm,
    mean,
    optimality_gap,
    performance_profile,
)
from postrun.studies.align import divergence, grid
from postrun.studies.best import draw_in
from postrun.studies.groups import Group, Grouping, code_differences, same, settings
from postrun.studies.naming import brief_text, natural, short_key, value_text, value_texts
from postrun.studies.pairs import ALL_PAIRS, MOST_GROUPS, Pair, usable
from postrun.studies.scores import Scores, finite_or_none, matrix

#: Lines that a chart of curves holds.
_LINES = 12


def legend_section(grouping: Grouping) -> list[Section]:
    """What the groups' names stand for: only the settings that differ, in the order of the names."""
    groups = grouping.groups
    if grouping.single or all(g.plain for g in groups):
        return []
    keys = list(groups[0].settings)
    shown = [k for k in keys if any(not same(g.settings[k], groups[0].settings[k]) for g in groups)]
    rows = [
        {"group": g.label, **{short_key(k, shown): value_text(g.settings[k]) for k in shown}}
        for g in sorted(groups, key=lambda g: natural(g.label))
    ]
    text = "What differs between the groups. The options --baseline and --group take these names."
    return [Section("legend", "Names of the groups", [text], pl.DataFrame(rows), whole=True)]


def group_section(
    scores: Scores, ranked: list[Group], tasks: Sequence[Sequence[int]], per_run: pl.DataFrame
) -> Section:
    """One row per group, best first; `per_run` is the table of runs, in the project's order."""
    rows, bars = [], []
    for group in ranked:
        values = matrix(scores, group.members, tasks)
        part = per_run.filter(pl.int_range(pl.len()).is_in(group.members))
        made = interval(values) if values.size else Estimate(np.nan, np.nan, np.nan, 0)
        flip = scores.sign if len(tasks) == 1 else 1
        low, high = sorted((flip * made.low, flip * made.high))
        reached = part["reached_at"].drop_nulls()
        kept = scores.levels[usable(scores, group)]
        rows.append(
            {
                "group": group.label,
                "runs": len(group.members),
                "used": len(kept),
                "iqm": finite_or_none(flip * made.value),
                "low": finite_or_none(low),
                "high": finite_or_none(high),
                "mean": finite_or_none(flip * float(mean(values)) if values.size else np.nan),
                "std": finite_or_none(float(np.std(kept, ddof=1)) if len(kept) > 1 else np.nan),
                "best_run": finite_or_none(
                    float(kept[np.argmax(kept * scores.sign)]) if len(kept) else np.nan
                ),
                "optimality_gap": finite_or_none(
                    float(optimality_gap(values)) if len(tasks) > 1 and values.size else np.nan
                ),
                "area": _median(part["mean"]),
                "reached": f"{len(reached)}/{len(group.members)}",
                "reached_at": _median(reached),
                "reached_seconds": _median(part["reached_seconds"]),
                "stability": _median(part["stability"]),
                "hours": part["hours"].sum() if part["hours"].count() else None,
                "gpu_hours": part["gpu_hours"].sum() if part["gpu_hours"].count() else None,
                "kwh": part["kwh"].sum() if part["kwh"].count() else None,
            }
        )
        if values.size:
            bars.append(
                {
                    "label": group.label,
                    "value": flip * made.value,
                    "low": low,
                    "high": high,
                    "note": f"n = {made.n}",
                }
            )
    return Section(
        "groups",
        "Groups",
        [
            f"Mean (IQM): interquartile mean of the {scores.name} with its 95% interval. Reached: runs that "
            f"got to {number(scores.threshold)}, with the median {scores.units} and seconds it took them. "
            "Area: mean over the whole way. Stability: spread of the values near the end."
        ],
        pl.DataFrame(rows, infer_schema_length=None),
        [
            Chart(
                "intervals",
                f"{scores.name} by group",
                {"x": scores.name, "rows": bars[:MOST_GROUPS]},
            )
        ],
        wide=("mean", "optimality_gap", "reached_seconds", "stability", "gpu_hours", "kwh"),
    )


def curve_sections(scores: Scores, ranked: list[Group]) -> list[Section]:
    """Curves of the best groups, with the range of their runs."""
    groups = [g for g in ranked if any(scores.curves[i] is not None for i in g.members)][:_LINES]
    if not groups or not scores.ground.end > scores.ground.start:
        return []
    lines, rows = [], []
    for group in groups:
        curves = [
            c
            for i in group.members
            if (c := scores.curves[i]) is not None
            and i not in scores.ground.short
            and i not in scores.diverged
        ]
        if not curves:
            continue
        start = min(c.x[0] for c in curves)
        x, levels = grid(curves, start, scores.ground.end)
        count = np.isfinite(levels).sum(axis=0)
        kept = count == len(curves)  # no band over fewer runs than elsewhere
        with np.errstate(all="ignore"):
            middle = np.full(len(x), np.nan)
            middle[kept] = [float(iqm(levels[:, [j]])) for j in np.flatnonzero(kept)]
            low, high = np.min(levels, axis=0), np.max(levels, axis=0)
        band = {"low": low[kept].tolist(), "high": high[kept].tolist()} if len(curves) > 1 else {}
        lines.append(
            {"label": group.label, "x": x[kept].tolist(), "y": middle[kept].tolist(), **band}
        )
        rows += [
            {
                "group": group.label,
                scores.axis: a,
                "iqm": m,
                "low": lo,
                "high": hi,
                "runs": len(curves),
            }
            for a, m, lo, hi in zip(x[kept], middle[kept], low[kept], high[kept], strict=True)
        ]
    chart = Chart(
        "lines",
        f"{scores.metric} over {scores.units}",
        {"x": scores.units, "y": scores.metric, "lines": lines},
    )
    text = "Interquartile mean of the runs' medians in common bins; the band is the least and the greatest run."
    return [Section("curves", "Curves", [text], pl.DataFrame(rows), [chart], wide=("*",))]


def profile_section(
    scores: Scores, ranked: list[Group], tasks: Sequence[Sequence[int]]
) -> list[Section]:
    """Performance profiles of groups with three runs or more."""
    tables = [matrix(scores, g.members, tasks, ranked=True) for g in ranked]
    groups = [g for g, t in zip(ranked, tables, strict=True) if len(t) >= 3][:_LINES]
    if len(groups) < 2:
        return []
    tables = [t for t in tables if len(t) >= 3][:_LINES]
    every = np.concatenate([t.ravel() for t in tables])
    at = np.linspace(draw_in(every).min(), every.max(), 101)  # runs that diverged set no scale
    flip = scores.sign if len(tasks) == 1 else 1
    shares = [performance_profile(t, at) for t in tables]
    order = np.argsort(at * flip)
    lines = [
        {"label": g.label, "x": (at * flip)[order].tolist(), "y": s[order].tolist(), "steps": True}
        for g, s in zip(groups, shares, strict=True)
    ]
    word = "above" if scores.sign > 0 or flip > 0 else "below"
    name = scores.metric if len(tasks) == 1 else "scaled level"
    rows = [
        {"group": g.label, name: float(a * flip), "share": float(v)}
        for g, s in zip(groups, shares, strict=True)
        for a, v in zip(at, s, strict=True)
    ]
    chart = Chart(
        "lines",
        "Performance profiles",
        {"x": name, "y": f"share of runs {word}", "lines": lines},
    )
    text = f"Share of runs whose level is {word} each value: a curve above another one is better there."
    return [
        Section(
            "profiles", "Performance profiles", [text], pl.DataFrame(rows), [chart], wide=("*",)
        )
    ]


def pair_section(pairs: list[Pair]) -> Section:
    """One row per pair of groups."""
    rows = [
        {
            "first": p.first.label,
            "second": p.second.label,
            "difference": p.difference.value,
            "low": finite_or_none(p.difference.low),
            "high": finite_or_none(p.difference.high),
            "p_improvement": p.improvement.value if p.improvement.n > 1 else None,
            "p_low": finite_or_none(p.improvement.low),
            "p_high": finite_or_none(p.improvement.high),
            "p": finite_or_none(p.p),
            "matched": p.matched,
            "verdict": _verdict(p),
        }
        for p in pairs
    ]
    charts = [
        Chart(
            "intervals",
            "Probability of improvement",
            {
                "x": "probability that the first beats the second",
                "reference": 0.5,
                "rows": [
                    {
                        "label": f"{p.first.label} over {p.second.label}",
                        "value": p.improvement.value,
                        "low": p.improvement.low,
                        "high": p.improvement.high,
                    }
                    for p in pairs
                    if np.isfinite(p.improvement.low)
                ],
            },
        )
    ]
    text = [
        "Difference of the interquartile means, first minus second. All intervals hold together at 95% "
        "(Bonferroni); p values are Holm's. Matched pairs: runs with equal seeds and other settings."
    ]
    return Section(
        "pairs", "Pairs", text, pl.DataFrame(rows), charts if charts[0].data["rows"] else [],
        wide=("p_low", "p_high"),
    )  # fmt: skip


def _verdict(pair: Pair) -> str:
    if not np.isfinite(pair.difference.low):
        return "too few runs"
    if not pair.apart:
        return "not told apart"
    return "first is better" if pair.first_leads else "second is better"


def tuned_table(scores: Scores, grouping: Grouping, ranked: list[Group]) -> pl.DataFrame | None:
    """Each group at its own best setting of what differs within groups (a learning rate, mostly).

    Columns: `group`, `settings_tried`, `best_setting`, `iqm`, `runs`; best first. None where no group tried
    more than one setting.
    """
    if not grouping.varying or grouping.single:
        return None
    differing = settings(scores.project.records)
    rows, tried = [], []
    for group in ranked:
        combos: dict[str, list[int]] = {}
        for i in usable(scores, group):
            text = ", ".join(f"{k}={brief_text(differing[k][i])}" for k in grouping.varying)
            combos.setdefault(text, []).append(i)
        if not combos:
            continue
        values = {t: float(iqm(scores.levels[c][:, None])) for t, c in combos.items()}
        best = max(values, key=lambda t: scores.sign * values[t])
        tried.append(combos)
        rows.append([group.label, len(combos), best, values[best], len(combos[best])])
    if not any(len(combo) > 1 for combo in tried):
        return None
    columns = ["group", "settings_tried", "best_setting", "iqm", "runs"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.sort("iqm", descending=scores.sign > 0)


def best_settings(frame: pl.DataFrame | None) -> list[Section]:
    """The section of `tuned_table`."""
    if frame is None:
        return []
    text = (
        "Each group at the best of its own settings. Chance flatters the best of several, the more were tried "
        "(see `postrun sweep`)."
    )
    return [Section("tuned", "Each group at its best setting", [text], frame)]


def divergence_section(scores: Scores, ranked: list[Group], baseline: str) -> Section:
    """Where the curves of the best groups (or the baseline's) part from the others'."""
    curves = {
        g.label: [
            c
            for i in g.members
            if (c := scores.curves[i]) is not None
            and i not in scores.ground.short
            and i not in scores.diverged
        ]
        for g in ranked
    }
    shown = [g for g in ranked if curves[g.label]][:ALL_PAIRS]
    first = next((g for g in shown if g.label == baseline), shown[0] if shown else None)
    rows = []
    ground = scores.ground
    for other in shown:
        if other is first or first is None or not ground.end > ground.start:
            continue
        part = divergence(curves[first.label], curves[other.label], ground.start, ground.end)
        rows.append(
            {
                "first": first.label,
                "second": other.label,
                "parts_at": part.x,
                "difference": finite_or_none(part.difference),
                "noise": finite_or_none(part.noise),
                "lasting": part.lasting if part.x is not None else None,
                "equal_to": part.equal_to,
            }
        )
    text = (
        f"Part at: the first {scores.unit} from which the curves differ by more than their noise (groups: "
        "three standard errors, five bins in a row). Equal up to: the last place up to which two runs "
        "logged the same digits."
    )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "first": pl.String, "second": pl.String, "parts_at": pl.Float64, "difference": pl.Float64,
        "noise": pl.Float64, "lasting": pl.Boolean, "equal_to": pl.Float64,
    }  # fmt: skip
    return Section(
        "divergence", "Where curves part", [text], pl.DataFrame(rows, schema=schema, orient="row")
    )


def run_section(scores: Scores, per_run: pl.DataFrame) -> Section:
    """One row per run, best first."""
    table = per_run.sort("level", descending=scores.sign > 0, nulls_last=True, maintain_order=True)
    text = (
        f"Level: {_LEVEL[scores.use].format(scores.metric, scores.end_words)}. {_best_words(scores)} Area: "
        "that under the curve, over its width."
    )
    return Section(
        "runs", "Runs", [text], table,
        wide=("id", "level_error", "best_at", "mean", "reached_seconds", "stability", "gpu_hours", "kwh",
              "last"),
    )  # fmt: skip


#: What a run's level is.
_LEVEL = {
    "final": "median of the last values of {} before {}",
    "best": "best {} until {}",
}


def _best_words(scores: Scores) -> str:
    if scores.evaluated:
        return "Best: of all evaluations."
    return "Best: of the running median over a twentieth of the run."


def difference_sections(project: Project, grouping: Grouping) -> list[Section]:
    """What differs in config, code, environment and data, and whether between or within groups."""
    records = project.records
    labels = [g.label for g in grouping.groups]
    rows = []
    kinds = [("config", k, v) for k, v in settings(records).items()]
    kinds += [("code", k, list(v)) for k, v in code_differences(records).items()]
    for kind, key, values in kinds:
        per_group, texts = [], value_texts(values)
        for group in grouping.groups:
            distinct = sorted({texts[i] for i in group.members}, key=natural)
            per_group.append(
                ", ".join(distinct[:4])
                + (f" and {len(distinct) - 4} more" if len(distinct) > 4 else "")
            )
        between = len(set(per_group)) > 1
        within = any(
            not same(values[i], values[g.members[0]]) for g in grouping.groups for i in g.members
        )
        where = (
            "between groups"
            if between and not within
            else "within groups"
            if not between
            else "both"
        )
        rows.append([kind, key, where, *per_group])
    if not rows:
        return []
    many = len(labels) > 6
    columns = ["kind", "key", "differs", *labels]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    if many:  # one column per group is unreadable: values and how many groups have them
        counted = [
            "; ".join(
                f"{v} ({n})"
                for v, n in pl.Series(r[3:]).value_counts(sort=True).head(6).iter_rows()
            )
            for r in rows
        ]
        frame = frame.select("kind", "key", "differs").with_columns(
            pl.Series("values (groups)", counted)
        )
    return [Section("differences", "What differs", [], frame)]


def _median(column: pl.Series) -> float | None:
    value = column.median()
    return float(value) if isinstance(value, int | float) else None
