"""Rows of one step as one row."""

from __future__ import annotations

import polars as pl


def joined_rows(history: pl.DataFrame) -> pl.DataFrame:
    """Return a history in which neighbouring rows of one step are one row, unless they contradict each other.

    Many loggers write a row for the training and another for the evaluation at the same step.
    """
    group = history["_step"].rle_id()
    if not history.height or int(group[-1]) + 1 == history.height:
        return history
    values = pl.exclude("_timestamp", "_runtime")
    counts = history.group_by(group.alias("group"), maintain_order=True).agg(
        values.drop_nulls().n_unique()
    )
    free = counts.select(pl.max_horizontal(pl.exclude("group")) <= 1).to_series()
    alone = ~free.gather(group)
    key = (group.cast(pl.Int64) + alone.cast(pl.Int64).cum_sum()).alias("group")
    return (
        history.group_by(key, maintain_order=True).agg(pl.all().drop_nulls().first()).drop("group")
    )
