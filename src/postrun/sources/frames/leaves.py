"""A nested column taken apart: one leaf for each metric in it, without a look at its cells.

Dictionaries are flattened with ".", unions of the history store are joined, and media (dictionaries
with `_type`) stay in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from postrun.sources.frames.cells import is_map, is_union, pairs, storage


class Part(NamedTuple):
    """Values of a leaf in one type; `inner`: they lie within a dictionary.

    The type is a plain one, a list or, for media, a struct.
    """

    series: pl.Series
    inner: bool


@dataclass(slots=True)
class Leaf:
    """A metric: its name and its values, in several parts if they are of several types."""

    name: str
    parts: list[Part]

    def held(self) -> pl.Series:
        """Return for each row whether there is a value."""
        masks = [held(part.series) for part in self.parts]
        return pl.DataFrame([m.alias(str(i)) for i, m in enumerate(masks)]).select(
            pl.any_horizontal(pl.all())
        ).to_series()  # fmt: skip


def leaves(series: pl.Series) -> Iterator[Leaf]:
    """Yield the metrics that a column of a file holds."""
    yield from _leaves(series.name, series, inner=False)


def held(series: pl.Series) -> pl.Series:
    """Return for each row whether there is a value: a struct of nulls holds none."""
    series = series.alias("x")  # Polars reads names such as "^a$" as patterns
    if series.dtype != pl.Struct:
        return series.is_not_null()
    out = pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    for child in _fields(series):
        out = out | held(child)
    return out


def _leaves(name: str, series: pl.Series, inner: bool) -> Iterator[Leaf]:
    series = storage(series)
    if is_map(series.dtype):
        for key, child in _entries(series):
            yield from _leaves(f"{name}.{key}", child, inner=True)
        return
    if series.dtype != pl.Struct:
        yield Leaf(name, [Part(series.alias("x"), inner)])
        return
    children = _fields(series)
    if is_union([child.name for child in children]):
        yield from _joined(name, children, inner)
        return
    kind = next((child for child in children if child.name == "_type"), None)
    if kind is not None and (media := held(kind)).any():
        yield Leaf(name, [Part(_only(series, media).alias("x"), inner)])
        children = [_only(child, ~media) for child in children if child is not kind]
    for child in children:
        yield from _leaves(f"{name}.{child.name}", child, inner=True)


def _joined(name: str, children: list[pl.Series], inner: bool) -> Iterator[Leaf]:
    """Yield the leaves of a union: its own with a part per type, and those of its dictionaries."""
    own: list[Part] = []
    for child in children:
        for leaf in _leaves(name, child, inner):
            if leaf.name == name:
                own += leaf.parts
            else:
                yield leaf
    if own:
        yield Leaf(name, own)


def _fields(series: pl.Series) -> list[pl.Series]:
    return series.alias("x").struct.unnest().get_columns()


def _only(series: pl.Series, mask: pl.Series) -> pl.Series:
    """Return a column with null in all rows that are not in `mask`."""
    return pl.select(pl.when(mask).then(series).alias(series.name)).to_series()


def _entries(series: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """Yield each key of a column of maps with the column of its values."""
    rows = pl.DataFrame({"row": pl.int_range(len(series), eager=True)})
    entries = rows.with_columns(entry=series.cast(pairs(series.dtype))).explode("entry")
    entries = entries.unnest("entry").drop_nulls("key")
    for (key,), part in entries.partition_by("key", as_dict=True, maintain_order=True).items():
        last = part.unique("row", keep="last")
        yield str(key), rows.join(last, on="row", how="left", maintain_order="left")["value"]
