"""Rows of dictionaries as columns, by the type rule of local logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.numbers import NONFINITE


def fill_rows(table: Table, rows: list[dict[str, Any]]) -> None:
    """Rows into columns, with the type rule of local logs."""
    at: dict[str, list[int]] = {}
    values: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        for key, value in row.items():
            if key not in at:
                at[key], values[key] = [], []
            at[key].append(number)
            values[key].append(value)
    table.rows = len(rows)
    for key, found in values.items():
        table.put_column(key, np.array(at[key], np.int64), with_words(found))


def with_words(values: list[Any]) -> list[Any]:
    """Values with the texts "NaN", "Infinity" and "-Infinity" as numbers: JSON has no words for these.

    Only where no other text is among them, for it might be one; within dictionaries always.
    """
    texts = {v for v in values if isinstance(v, str)}
    words = bool(texts) and texts <= NONFINITE.keys()
    return [
        NONFINITE[v] if words and isinstance(v, str) else within(v) if isinstance(v, dict) else v
        for v in values
    ]


def within(value: dict[str, Any]) -> dict[str, Any]:
    """A dictionary with these texts as numbers, at any depth; media are left as they are."""
    if "_type" in value:
        return value
    return {
        k: within(v) if isinstance(v, dict) else NONFINITE.get(v, v) if isinstance(v, str) else v
        for k, v in value.items()
    }


def frame_of(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rows of any stream as a frame, by the same rule."""
    table = Table()
    fill_rows(table, list(rows))
    columns = {s.name: s for s in table.series()}
    return pl.DataFrame(list(columns.values())) if columns else pl.DataFrame()
