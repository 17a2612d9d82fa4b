"""Histories of several segments below one another."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

#: The columns that each history begins with.
TIMES = ("_step", "_runtime", "_timestamp")


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return frames below one another; a metric that is text in some and numbers in others is split.

    That is the rule for mixed columns within one log, too: the text goes to `KEY:text`.
    """
    numeric = {n for f in frames for n, t in f.schema.items() if t.is_numeric()}
    split = [
        f.rename({n: f"{n}:text" for n, t in f.schema.items() if t == pl.String and n in numeric})
        for f in frames
    ]
    return pl.concat(split, how="diagonal_relaxed")
