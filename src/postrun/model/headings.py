"""How a study's tables are shown to people: headings in words, and as many digits as a column can bear.

Files, JSON and Python keep the names of the columns, which docs/glossary.toml explains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from postrun.model.study import cell
from postrun.model.text import number

_BOUNDS_95 = {"low": "low (95%)", "high": "high (95%)"}
_BOUNDS_90 = {"low": "low (90%)", "high": "high (90%)"}
_ANY = {
    "gpu_hours": "GPU hours", "gpu_minutes": "GPU minutes", "gpu_seconds": "GPU seconds", "gpu": "GPU",
    "gpus": "GPUs", "kwh": "kWh", "kg_co2": "kg CO2", "money": "cost", "power_sampled": "power sampled",
    "best_at": "best at", "reached_at": "reached at", "reached_seconds": "reached after (s)",
    "level_error": "std. error", "last_step": "last step", "iqm": "mean (IQM)",
}  # fmt: skip
#: Headings by "KIND.TABLE"; those of `_ANY` hold for all. Settings and metrics are shown by their own names.
_HEADINGS: dict[str, dict[str, str]] = {
    "compare.groups": {
        **_BOUNDS_95, "used": "counted", "best_run": "best run", "optimality_gap": "optimality gap",
    },
    "compare.curves": {"low": "lowest run", "high": "highest run"},
    "compare.pairs": {
        **_BOUNDS_95, "p_improvement": "P(first better)", "p_low": "P low (95%)", "p_high": "P high (95%)",
        "p": "p (Holm)", "matched": "matched pairs",
    },
    "compare.tuned": {"settings_tried": "settings tried", "best_setting": "best setting"},
    "compare.divergence": {"parts_at": "part at", "equal_to": "equal up to", "noise": "std. error"},
    "compare.runs": {"mean": "area"},
    "sweep.configurations": {
        "mean": "measured", "expected_error": "std. error", "p_best": "P(best)", "run": "first run",
    },
    "sweep.importance": {**_BOUNDS_90, "p_chance": "p (shuffled)"},
    "sweep.dependence": _BOUNDS_90,
    "sweep.next": {"look_at": "look at"},
    "sweep.saving": {
        "stop_at": "stop at", "hours_saved": "hours saved", "minutes_saved": "minutes saved",
        "seconds_saved": "seconds saved", "share_saved": "share saved", "best_kept": "best kept",
        "top_kept": "top kept", "rank_correlation": "rank correlation",
    },
    "sweep.outlook": {**_BOUNDS_90, "stopped_at": "stopped at", "reaches_best": "reaches best"},
    "failures.causes": {
        "median_step": "median step", "first_seen": "first seen (UTC)", "last_seen": "last seen (UTC)",
        "exemplar": "example run",
    },
    "failures.links": {"others_failed": "others failed", "p_corrected": "p (Holm)"},
    "failures.rate": {**_BOUNDS_95, "from": "from (UTC)"},
    "failures.runs": {"started": "started (UTC)"},
    "progress.records": {
        "at": "ended (UTC)", "minutes_per_gain": "minutes per gain", "seconds_per_gain": "seconds per gain",
        "within_noise": "within noise", "hours_per_gain": "hours per gain",
        "closest_earlier": "closest earlier run", "differs_in": "differs in",
    },
    "progress.runs": {"end": "ended (UTC)"},
    "progress.pace": {unit: f"{unit} (UTC)" for unit in ("hour", "day", "week", "month")},
    "progress.regressions": {
        "at": "ended (UTC)", "typical_before": "typical before", "earlier_runs": "earlier runs",
    },
    "cost.gains": {
        f"{gpu}{unit}_per_gain": f"{gpu.upper().replace('_', ' ')}{unit} per gain"
        for gpu in ("", "gpu_") for unit in ("hours", "minutes", "seconds")
    },
    "forecast.forecasts": {**_BOUNDS_90, "reaches": "reaches target", "no_forecast": "no forecast because"},
    "diff.curves": {"same_digits_to": "same digits up to", "parts_at": "part at"},
}  # fmt: skip
#: Columns that are shares of a whole.
_SHARES = {
    "sweep.importance": ("share", "low", "high"), "sweep.saving": ("share_saved",),
    "failures.rate": ("rate", "low", "high"), "compare.profiles": ("share",),
}  # fmt: skip
#: Columns whose third digit says nothing: errors, and probabilities from resampling or tests.
_ERRORS = ("level_error", "expected_error", "noise")
_PROBABILITIES = (
    "p", "p_corrected", "p_chance", "p_best", "p_improvement", "p_low", "p_high",
)  # fmt: skip
#: No smaller probability is told, and no smaller share.
_SMALLEST = 0.001


def heading(column: str, table: str = "") -> str:
    """Return what a column is called before people; `table` is "KIND.TABLE"."""
    return _HEADINGS.get(table, {}).get(column) or _ANY.get(column, column)


def texts(column: pl.Series, table: str = "") -> list[str]:
    """Return a column's cells as people read them; `table` is "KIND.TABLE"."""
    style = _style(column.name, table) if column.dtype.is_float() else cell
    return [style(value) for value in column]


def rows(frame: pl.DataFrame, table: str = "") -> list[list[str]]:
    """Return a table's rows as people read them."""
    return [list(row) for row in zip(*(texts(c, table) for c in frame.get_columns()), strict=True)]


def _style(column: str, table: str) -> Callable[[Any], str]:
    if column in _SHARES.get(table, ()) or column == "power_sampled":
        return _percent
    if column in _PROBABILITIES:
        return _probability
    return _short if column in _ERRORS else cell


def _percent(value: float | None) -> str:
    if value is None or value != value:
        return ""
    if 0 < value < _SMALLEST:
        return f"<{100 * _SMALLEST:g}%"
    return f"{number(100 * value, 3 if 0.995 <= value < 1 else 2)}%"


def _probability(value: float | None) -> str:
    if value is None or value != value:
        return ""
    return f"<{_SMALLEST}" if value < _SMALLEST else number(value, 2)


def _short(value: float | None) -> str:
    return "" if value is None or value != value else number(value, 2)
