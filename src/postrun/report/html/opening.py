"""How the page of several runs opens: grouped by what, over which axis, and by which metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from postrun.metrics import RunView
from postrun.model.study import Study
from postrun.records.finals import final
from postrun.studies.groups import is_choice

#: Runs beyond which single curves hide each other, and groups that can be told apart.
_CROWD, _MOST_GROUPS = 12, 8
#: Counts of data that curves can be drawn over, and what one of each is called.
COUNTS = {"epoch": "epoch", "samples": "samples", "tokens": "tokens"}


def opening(
    study: Study | None, views: Sequence[RunView], config: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return the choices that the page starts with; the reader may make others.

    Args:
        study: What is told of the runs, if there is one.
        views: The runs.
        config: Settings that differ, to their value in each run.
    """
    groups = _groups(study, views)
    subject = study.subject if study else ""
    axes = [name for name in COUNTS if all(v.first(f"progress.{name}") for v in views)]
    axis = {"time": "runtime"}.get(study.axis, study.axis) if study else "step"
    return {
        "subject": subject,
        "axes": axes,
        "start": axis if axis in (*axes, "runtime") else "step",
        "groups": groups,
        "order": _order(study, groups),
        "groupby": _groupby(groups, subject, views, config),
        "choices": [key for key in config if is_choice(key)] or list(config),
    }


def _groups(study: Study | None, views: Sequence[RunView]) -> list[str]:
    """Return each run's group in the study; [] if it has none."""
    if study is None or not study.groups:
        return []
    return [study.groups.get(view.run.id, "other runs") for view in views]


def _order(study: Study | None, groups: Sequence[str]) -> list[str]:
    """Return the names of the groups in the order in which the study ranks them, so that colours agree."""
    ranked = study.tables.get("groups") if study is not None else None
    named = list(ranked["group"]) if ranked is not None and "group" in ranked.columns else []
    return list(dict.fromkeys([*named, *groups]))


def _groupby(
    groups: Sequence[str],
    subject: str,
    views: Sequence[RunView],
    config: Mapping[str, Sequence[Any]],
) -> str:
    """Return what the curves of many runs are grouped by: the study's few groups, else what explains most."""
    if len(views) <= _CROWD:
        return ""
    if 1 < len(set(groups)) <= _MOST_GROUPS:
        return "study"
    results = np.array([_result(view, subject) for view in views])
    shares = {
        key: _explained([str(v) for v in values], results)
        for key, values in config.items()
        if is_choice(key) and 1 < len({str(v) for v in values}) <= _MOST_GROUPS
    }
    return f"config:{max(shares, key=lambda key: shares[key])}" if shares else ""


def _result(view: RunView, subject: str) -> float:
    series = view.series(subject).finite if subject in view.metrics else None
    return float(final(series)[2]) if series is not None and len(series) else float("nan")


def _explained(values: Sequence[str], results: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the share of the variance of results that lies between groups of equal values."""
    known = np.isfinite(results)
    if known.sum() < 2:
        return 0.0
    y, own = results[known], np.array(values)[known]
    total = float(((y - y.mean()) ** 2).sum())
    within = sum(float(((y[own == v] - y[own == v].mean()) ** 2).sum()) for v in set(own.tolist()))
    return 1 - within / total if total else 0.0
