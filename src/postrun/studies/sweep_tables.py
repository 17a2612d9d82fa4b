"""The tables and charts of a search over hyper-parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from postrun.model.study import Chart, Section
from postrun.model.text import duration, number
from postrun.stats.curve import read_curve
from postrun.stats.importance import Forest, Importance
from postrun.stats.robust import Floats
from postrun.studies.align import level_at
from postrun.studies.best import Ranking
from postrun.studies.naming import short_key
from postrun.studies.parameters import Parameter
from postrun.studies.scores import Scores, finite_or_none

#: Charts of partial dependence; candidates that the next region is chosen from, and the share of them.
_CHARTS, _CANDIDATES, _REGION = 6, 4_000, 0.02
#: Shares of the way at which stopping is tried, and of runs that are kept.
_STOPS, _KEEP = (0.1, 0.25, 0.5), (0.5, 0.25)


def config_section(scores: Scores, ranking: Ranking) -> Section:
    """One row per configuration, best first."""
    labels = scores.project.labels
    rows = [
        {
            "rank": n,
            **c.settings,
            "runs": len(c.members),
            "mean": c.mean,
            "expected": finite_or_none(c.shrunk),
            "expected_error": finite_or_none(c.error),
            "p_best": finite_or_none(c.p_best),
            "run": labels[c.members[0]],
        }
        for n, c in enumerate(ranking.configurations, 1)
    ]
    own = list(ranking.configurations[0].settings)
    keys = [short_key(key, own) for key in own]
    bars = [
        {
            "label": " ".join(f"{k}={v}" for k, v in zip(keys, c.settings.values(), strict=True)),
            "value": c.shrunk,
            "low": c.shrunk - 1.96 * c.error,
            "high": c.shrunk + 1.96 * c.error,
            "note": f"measured {number(c.mean)}, n = {len(c.members)}",
        }
        for c in ranking.configurations[:20]
        if np.isfinite(c.shrunk)
    ]
    text = (
        f"Measured: mean {scores.name}. Expected: what another run of it would give, nearer to the mean of all "
        "the more noise there is. P(best): probability that it is the best of those tried."
    )
    return Section(
        "configurations", "Configurations", [text], pl.DataFrame(rows, infer_schema_length=None),
        [Chart("intervals", "Expected result, best 20 by measurement", {"x": scores.name, "rows": bars})]
        if bars
        else [],
        wide=("expected_error", "run"),
    )  # fmt: skip


def importance_section(result: Importance | None, params: list[Parameter]) -> list[Section]:
    """Shares of the explained variance: parameters, and pairs of them."""
    if result is None:
        return []
    kinds = {p.key: p.kind + (", conditional" if p.conditional else "") for p in params}
    rows: list[dict[str, Any]] = [
        {
            "parameter": name,
            "scale": kinds[name],
            "share": float(result.main[i]),
            "low": float(result.low[i]),
            "high": float(result.high[i]),
            "p_chance": float(result.chance[i]),
        }
        for i, name in enumerate(result.names)
    ]
    rows += [
        {
            "parameter": f"{a} x {b}",
            "scale": "interaction",
            "share": v,
            "low": lo,
            "high": hi,
            "p_chance": None,
        }
        for (a, b), (v, lo, hi) in result.pairs.items()
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("share", descending=True)
    bars = [
        {"label": r["parameter"], "value": r["share"], "low": min(r["low"], r["share"]),
         "high": max(r["high"], r["share"])}
        for r in frame.head(16).to_dicts()
    ]  # fmt: skip
    text = (
        f"Share of the variance of a random forest's prediction (R² on unseen runs {number(result.r2, 2)}), "
        "with 90% bounds over resampled runs. p (shuffled): how often shuffled results give as much."
    )
    return [
        Section(
            "importance", "What matters", [text], frame,
            [Chart("intervals", "Share of the explained variance",
                   {"x": "share", "share": True, "rows": bars})],
        )
    ]  # fmt: skip


def dependence_section(
    scores: Scores, result: Importance | None, params: list[Parameter]
) -> list[Section]:
    """Partial dependence of the most important parameters, and the strongest pair as a heat map."""
    if result is None:
        return []
    by_key = {p.key: p for p in params}
    order = np.argsort(-result.main)[:_CHARTS]
    charts, rows = [], []
    for i in order.tolist():
        part, param = result.dependence[i], by_key[result.names[i]]
        sign = scores.sign
        low, high = (part.low, part.high) if sign > 0 else (-part.high, -part.low)
        if param.kind == "category":
            bars = [
                {
                    "label": param.text(c),
                    "value": float(sign * m),
                    "low": float(lo),
                    "high": float(hi),
                }
                for c, m, lo, hi in zip(part.codes, part.mean, low, high, strict=True)
            ]
            charts.append(Chart("intervals", param.key, {"x": scores.metric, "rows": bars}))
        else:
            x = 10**part.codes if param.kind == "log" else part.codes
            line = {"label": param.key, "x": x.tolist(), "y": (sign * part.mean).tolist(),
                    "low": low.tolist(), "high": high.tolist()}  # fmt: skip
            charts.append(
                Chart("lines", param.key, {"x": param.key, "y": scores.metric, "lines": [line],
                                           "log_x": param.kind == "log"})
            )  # fmt: skip
        rows += [
            {"parameter": param.key, "value": param.text(c), scores.metric: float(sign * m),
             "low": float(lo), "high": float(hi)}
            for c, m, lo, hi in zip(part.codes, part.mean, low, high, strict=True)
        ]  # fmt: skip
    for pair in sorted(result.pairs, key=lambda k: -result.pairs[k][0])[:2]:
        a, b, surface = result.pair_surfaces[pair]
        first, second = by_key[pair[0]], by_key[pair[1]]
        charts.append(
            Chart(
                "heat", f"{pair[0]} x {pair[1]}",
                {"x": pair[1], "y": pair[0], "columns": [second.text(c, 2) for c in b],
                 "rows": [first.text(c, 2) for c in a], "values": (scores.sign * surface).tolist(),
                 "unit": scores.metric, "better": scores.sign},
            )
        )  # fmt: skip
    text = (
        "Mean prediction at each value, with the other settings of the runs. Bounds are 90% over resampled "
        "runs. Between values that were tried the forest guesses."
    )
    return [
        Section("dependence", "Partial dependence", [text], pl.DataFrame(rows), charts, wide=("*",))
    ]


def next_section(
    params: list[Parameter],
    forest: Forest | None,
    values: Floats,
    seed: int,
) -> list[Section]:
    """Where to look next: the region in which the forest expects the best results."""
    if forest is None:
        return []
    rng = np.random.default_rng(seed)
    usable = np.flatnonzero(np.isfinite(values))
    codes = np.stack([p.codes for p in params], axis=1)
    drawn = codes[
        rng.choice(usable, _CANDIDATES)
    ].copy()  # a run decides which parameters are active
    for i, param in enumerate(params):
        active = np.isfinite(drawn[:, i])
        own = param.codes[usable][np.isfinite(param.codes[usable])]
        n = int(active.sum())
        chosen = (
            rng.choice(own, n) if param.kind == "category" else rng.uniform(own.min(), own.max(), n)
        )
        drawn[active, i] = chosen
    # By the mean alone: a forest's spread is largest at the edges, where its trees saw least, and an expected
    # improvement would send everybody there.
    top = np.argsort(-forest.predict(drawn))[: int(_REGION * _CANDIDATES)]
    # Ranges belong to a choice of categories: each optimizer has its own learning rates.
    categories = [i for i, p in enumerate(params) if p.kind == "category"]
    marks = [tuple(np.nan_to_num(drawn[k, categories], nan=-1.0).tolist()) for k in top.tolist()]
    favourite, count = Counter(marks).most_common(1)[0]
    share = count / len(top)
    top = top[[mark == favourite for mark in marks]]
    rows = []
    for i, param in enumerate(params):
        own = drawn[top, i][np.isfinite(drawn[top, i])]
        if not len(own):
            continue
        tried = param.codes[usable][np.isfinite(param.codes[usable])]
        if param.kind == "category":
            region = param.text(own[0])
            searched = f"{len(np.unique(tried))} values"
        else:
            low, high = np.quantile(own, [0.1, 0.9])
            region = f"{param.text(low, 2)} to {param.text(high, 2)}"
            searched = f"{param.text(tried.min())} to {param.text(tried.max())}"
        rows.append({"parameter": param.key, "look_at": region, "searched": searched})
    text = (
        f"Where the forest expects the best 2% of random configurations: the categories of most of them "
        f"({share:.0%}), and the middle 80% of their values. It cannot look beyond what was searched."
    )
    return [Section("next", "Where to look next", [text], pl.DataFrame(rows))]


def saving_section(scores: Scores) -> list[Section]:
    """Runs that could have been stopped early, and what that would have cost and saved."""
    usable = [
        i for i, c in enumerate(scores.curves) if c is not None and np.isfinite(scores.levels[i])
    ]
    if len(usable) < 6:
        return []
    final = scores.levels[usable] * scores.sign
    hours = np.array([scores.project.records[i].hours or 0.0 for i in usable])
    best = int(np.argmax(final))
    top = set(np.argsort(-final)[: max(1, min(5, len(usable) // 2))].tolist())
    rows: list[dict[str, Any]] = []
    for share in _STOPS:
        at = scores.ground.start + share * (scores.ground.end - scores.ground.start)
        early = np.array(
            [level_at(c, at) if (c := scores.curves[i]) is not None else np.nan for i in usable]
        )
        if not np.isfinite(early).all():
            continue
        early *= scores.sign
        order = np.argsort(-early, kind="stable")
        spent = np.array(
            [
                min(1.0, at / c.x[-1]) if (c := scores.curves[i]) is not None and c.x[-1] else 1.0
                for i in usable
            ]
        )
        agree = (
            float(np.corrcoef(_ranks(early), _ranks(final))[0, 1])
            if np.std(early)
            else float("nan")
        )
        for keep in _KEEP:
            kept = set(order[: max(1, round(keep * len(usable)))].tolist())
            stopped = [k for k in range(len(usable)) if k not in kept]
            saved = float((hours[stopped] * (1 - spent[stopped])).sum())
            rows.append(
                {
                    "stop_at": f"{share:.0%}",
                    "keep": f"best {keep:.0%}",
                    "stopped": len(stopped),
                    "hours_saved": saved,
                    "share_saved": saved / hours.sum() if hours.sum() else None,
                    "best_kept": best in kept,
                    "top_kept": f"{len(top & kept)}/{len(top)}",
                    "rank_correlation": agree,
                }
            )
    good = [r for r in rows if r["best_kept"] and r["share_saved"]]
    text = [
        f"All but the leading runs are stopped at a share of the way to {scores.end_words}. The table shows "
        "what this would have saved, and whether the best run would have been kept."
    ]
    if good:
        most = max(good, key=lambda r: float(r["share_saved"] or 0.0))
        text.append(
            f"Keeping the {most['keep']} at {most['stop_at']} would have kept the best run and saved "
            f"{duration(3600 * float(most['hours_saved']))} of {duration(3600 * float(hours.sum()))}."
        )
    return [Section("saving", "What early stopping would have saved", text, pl.DataFrame(rows))]


def outlook_section(scores: Scores) -> list[Section]:
    """Runs that stopped or still run before the common end: what they would reach there, beside the best."""
    usable = scores.levels[np.isfinite(scores.levels)]
    if not len(usable):
        return []
    best = float(np.max(usable * scores.sign)) * scores.sign
    labels, rows = scores.project.labels, []
    for i, curve in enumerate(scores.curves):
        if curve is None or i not in scores.ground.short or curve.x[-1] >= scores.ground.end:
            continue
        told = read_curve(curve.x, curve.y, scores.sign).forecast(scores.ground.end)
        if told is None:
            continue
        bound = told.high if scores.sign > 0 else told.low
        rows.append(
            {
                "run": labels[i],
                "stopped_at": float(curve.x[-1]),
                "level": float(np.median(curve.y[-max(1, len(curve) // 20) :])),
                "expected": told.value,
                "low": told.low,
                "high": told.high,
                "reaches_best": "no" if (bound - best) * scores.sign < 0 else "perhaps",
            }
        )
    never = sum(r["reaches_best"] == "no" for r in rows)
    text = [
        f"What runs that did not get to {scores.end_words} would reach there, with 90% intervals. "
        f"{never} of {len(rows)} would not reach the best, {number(best)}."
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    return [Section("outlook", "What stopped runs would reach", text, table)] if rows else []


def _ranks(y: Floats) -> Floats:
    return np.asarray(np.argsort(np.argsort(y, kind="stable"), kind="stable"), dtype=np.float64)


def pareto_section(objectives: Sequence[Scores]) -> list[Section]:
    """Runs that no other run beats in all objectives."""
    if len(objectives) < 2:
        return []
    values = np.stack([s.levels * s.sign for s in objectives], axis=1)
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    front = [i for i in usable.tolist() if not _beaten(values[i], values[usable])]
    project = objectives[0].project
    labels = project.labels
    rows = [
        {"run": labels[i], "id": project.records[i].id,
         **{s.metric: float(s.levels[i]) for s in objectives}}
        for i in sorted(front, key=lambda i: -values[i, 0])
    ]  # fmt: skip
    first, second = objectives[0], objectives[1]
    best = sorted(front, key=lambda i: first.levels[i])

    def line(label: str, which: Any, **more: bool) -> dict[str, Any]:
        values = (s.levels[which].tolist() for s in (first, second))
        return {"label": label, **dict(zip("xy", values, strict=True)), **more}

    lines = [line("Pareto front", best, marks=True), line("runs", usable, points=True)]
    chart = Chart("lines", "Pareto front", {"x": first.metric, "y": second.metric, "lines": lines})
    text = f"{len(front)} of {len(usable)} runs: to be better in one objective than these costs another."
    return [Section("pareto", "Pareto front", [text], pl.DataFrame(rows), [chart])]


def _beaten(one: Floats, others: Floats) -> bool:
    return bool(((others >= one).all(axis=1) & (others > one).any(axis=1)).any())


def run_section(
    scores: Scores, params: list[Parameter], values: Floats, others: Sequence[Scores]
) -> Section:
    """One row per run: its parameters and results."""
    labels = scores.project.labels
    rows = [
        {
            "run": labels[i],
            "id": record.id,
            **{p.key: "" if p.values[i] is None else p.text(p.codes[i]) for p in params},
            scores.metric: float(values[i]) if np.isfinite(values[i]) else None,
            **{s.metric: float(s.levels[i]) if np.isfinite(s.levels[i]) else None for s in others},
            "hours": record.hours,
            "ending": record.ending.words,
        }
        for i, record in enumerate(scores.project.records)
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    frame = frame.sort(scores.metric, descending=scores.sign > 0, nulls_last=True)
    return Section("runs", "Runs", [], frame, wide=("*",))
