"""What every report shows of a run, gathered once: identity, key metrics, statistics, sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from postrun.metrics import RunView, Series, role_rank, roles
from postrun.model import Finding, Severity
from postrun.model.text import number, position
from postrun.report.carrying import best_value, shown
from postrun.report.warm_up import steady
from postrun.stats.robust import Floats, bin_medians, median, noise_sigma
from postrun.training.cost import cost_of
from postrun.training.end_words import headline, state_words
from postrun.training.outlook import outlook

#: Categories of detailed_analysis.json by panel, where the two differ.
_CATEGORY = dict.fromkeys(("throughput", "mfu", "time", "memory", "length"), "performance")


@dataclass(frozen=True, slots=True)
class KeyMetric:
    """One metric at a glance.

    `best` is its best value, `best_at` the place of that in words ("step 300"); NaN and "" if neither direction
    is better, or if the metric never changes. `curve` are at most 24 levels (medians of consecutive groups).
    """

    key: str
    title: str
    unit: str
    better: str
    first: float
    last: float
    low: float
    high: float
    best: float
    best_at: str
    curve: Floats


@np.errstate(all="ignore")
def key_metrics(view: RunView, limit: int = 14, first: Sequence[str] = ()) -> list[KeyMetric]:
    """Return the metrics that matter most: those named `first`, by role, then unknown ones."""
    named = [view.metrics[key] for key in first]
    infos = [i for i in view.metrics.values() if i.central and i.role and shown(i)]
    infos.sort(key=lambda i: (role_rank(i.role), i.key))
    if len(infos) < limit // 2:
        infos += [i for i in view.metrics.values() if i.role is None]
    found: list[KeyMetric] = []
    for info in [*named, *(i for i in infos if i not in named)]:
        series = steady(view.series(info.key))
        if len(series):
            found.append(_key_metric(view, series))
        if len(found) == limit:
            break
    return found


def _key_metric(view: RunView, series: Series) -> KeyMetric:
    _, curve, _ = bin_medians(series.x, series.y, 24)
    role = roles().get(series.info.role or "")
    moved = len(series) == 1 or float(series.y.min()) < float(series.y.max())
    best, at = best_value(series) if series.info.sign and moved else (math.nan, None)
    return KeyMetric(
        key=series.key,
        title=role.title if role else "",
        unit=series.info.unit,
        better=series.info.better,
        first=float(series.y[0]),
        last=float(series.y[-1]),
        low=float(series.y.min()),
        high=float(series.y.max()),
        best=best,
        best_at="" if at is None else view.axis.at(at),
        curve=curve,
    )


@np.errstate(all="ignore")
def statistics(view: RunView) -> dict[str, dict[str, dict[str, Any]]]:
    """The contract's `analysis`: category, metric, then initial, final, mean, std, min, max, trend.

    Means leave warm-up rows out; the trend is "increasing" or "decreasing" only where the medians
    of the first and the last tenth differ by more than 4 standard errors and 5% of the range,
    else "flat".
    """
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for info in view.metrics.values():
        if not shown(info):
            continue
        series = steady(view.series(info.key))
        if not len(series):
            continue
        role = roles().get(info.role or "")
        panel = role.panel if role else "other"
        out.setdefault(_CATEGORY.get(panel, panel), {})[info.key] = _statistics(series)
    return out


def _statistics(series: Series) -> dict[str, Any]:
    y = series.y
    return {
        "initial": float(y[0]),
        "final": float(y[-1]),
        "mean": float(y.mean()),
        "std": float(y.std()),
        "min": float(y.min()),
        "max": float(y.max()),
        "trend": _direction(y),
    }


def _direction(y: Floats) -> str:
    """Where the series ended against where it began: medians of its first and last tenth."""
    part = max(1, len(y) // 10)
    change = median(y[-part:]) - median(y[:part])
    error = noise_sigma(y) * (2 / part) ** 0.5
    if abs(change) <= max(4 * error, 0.05 * float(np.ptp(y)) if len(y) > 20 else 0.0):
        return "flat"
    return "increasing" if change > 0 else "decreasing"


def insights(view: RunView, findings: list[Finding]) -> list[str]:
    """Sentences about the run: its end, length and speed, then the findings."""
    run = view.run
    out = [headline(view) + (" (exit code 0)" if run.exit_code == 0 else "")]
    if run.runtime:
        out.append(f"Duration: {run.runtime / 3600:.2f} hours ({run.runtime:,.0f} seconds)")
    if run.active is not None:
        out.append(f"Duration without the pauses between its segments: {run.active:,.0f} seconds")
    done = run.completeness
    if view.first_x is not None and view.last_x is not None:
        logged = view.axis.span(view.first_x, view.last_x)
        all_ = (done.last_step or 0) - (done.first_step or 0) + 1
        of = f" of {view.log_axis.count(all_)} (sampled)" if done.sampled else ""
        out.append(f"{logged[:1].upper()}{logged[1:]}: {done.rows:,} logged rows{of}")
    out += [text for text in (_loss(view), *_levels(view), outlook_sentence(view)) if text]
    cost = cost_of(view).sentence()
    out += [f"Cost: {cost}"] if cost else []
    out += [
        f.message
        for finding in findings
        for f in finding.with_symptoms()
        if f.severity is not Severity.GOOD
    ]
    return out


def _loss(view: RunView) -> str:
    series = view.first("loss.train", "loss.eval", "loss.policy")
    if series is None or not len(series.finite):
        return ""
    y = series.finite.y
    text = f"{series.key} went from {number(y[0])} to {number(y[-1])}"
    if series.info.role == "loss.policy":
        return f"{text}; the level of a policy-gradient loss says nothing about success"
    return text


def _levels(view: RunView) -> list[str]:
    out = []
    for role, words in (
        ("throughput.tokens", "throughput"),
        ("mfu", "MFU"),
        ("entropy", "entropy"),
        ("reward", "reward"),
    ):
        series = view.first(role)
        if series is None or not len(series.finite):
            continue
        y = steady(series).y
        unit = f" {series.info.unit}".rstrip()
        if role in ("throughput.tokens", "mfu"):
            out.append(f"Median {words}: {number(median(y))}{unit}")
        else:
            out.append(f"{series.key} went from {number(y[0])} to {number(y[-1])}{unit}")
    return out


def _framework(view: RunView) -> str:
    """Return the framework with what shows it: "Keras, by its metric names (epoch/loss, ...)"."""
    return f"{view.framework}, by {view.framework_evidence}" if view.framework else ""


def reached(view: RunView) -> str:
    """Return the first and the last step of a run, with the column that counts them; "" without rows."""
    if view.first_x is None or view.last_x is None:
        return ""
    counted = "" if view.axis.label == view.axis.unit else f" ({view.axis.key})"
    first, last = position(view.first_x), position(view.last_x)
    return f"{first}{f' to {last}' if last != first else ''}{counted}"


def outlook_sentence(view: RunView) -> str:
    """Return what a run that stopped before its plan would have reached; "" if that says nothing."""
    told = outlook(view)
    return "" if told is None else f"If it had gone on: {told.sentence()}"


def facts(view: RunView) -> list[tuple[str, str]]:
    """What identifies a run and how it went: label and text, empty ones left out."""
    run, who = view.run, view.run.identity
    done = run.completeness
    shown = [
        ("run", run.id),
        ("project", "/".join(p for p in (who.entity, who.project) if p)),
        ("group", who.group),
        ("job type", who.job_type),
        ("sweep", who.sweep),
        ("forked from", who.parent),
        ("state", state_words(view)),
        ("duration", run.lasted),
        ("cost", cost_of(view).sentence()),
        ("forecast", outlook_sentence(view)),
        (f"{view.axis.unit}s", reached(view)),
        ("history", done.sentence()),
        ("started", f"{who.started_at:%Y-%m-%d %H:%M} UTC" if who.started_at else ""),
        ("host", who.host),
        ("framework", _framework(view)),
        ("repository", who.repository),
        ("commit", who.commit),
        ("tags", ", ".join(who.tags)),
        ("notes", who.notes),
    ]
    return [(label, text) for label, text in shown if text]
