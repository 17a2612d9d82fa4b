"""Media values in one piece.

Newer SDKs split a logged image, table or histogram into one item per field (`x._type`, `x.path`,
`x.bins`, ...). Here the fields come back together as one column `x` of JSON text, the form that
older SDKs log.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl

_MARK = "._type"


def fold_media(columns: dict[str, pl.Series], media: Counter[str]) -> dict[str, pl.Series]:
    """Return columns with media fields joined; `media` counts the values by their `_type`.

    Of rows that hold no media under such a name, the fields stay columns of their own.
    """
    stems = [name.removesuffix(_MARK) for name in columns if name.endswith(_MARK)]
    if not stems:
        return columns
    out = dict(columns)
    # What lies within other media is joined first, as one of their fields.
    for stem in sorted(stems, key=lambda name: name.count("."), reverse=True):
        _fold(out, stem, media)
    return out


def _fold(out: dict[str, pl.Series], stem: str, media: Counter[str]) -> None:
    """Join the fields of the media of one name."""
    prefix = f"{stem}."
    parts = {n[len(prefix) :]: out.pop(n) for n in list(out) if n.startswith(prefix)}
    types = parts["_type"]
    media.update(str(t) for t in types.drop_nulls().to_list())
    lists = {field: series.to_list() for field, series in sorted(parts.items())}
    cells = [
        None if kind is None else _text({f: v[row] for f, v in lists.items()})
        for row, kind in enumerate(types.to_list())
    ]
    other = types.is_null()
    for field, series in parts.items():
        rest = pl.select(pl.when(other).then(series).alias(series.name)).to_series()
        if field != "_type" and rest.count():
            out[series.name] = rest
    name = stem if stem not in out else f"{stem}:media"
    out[name] = pl.Series(name, cells, dtype=pl.String)


def _text(fields: dict[str, Any]) -> str:
    value = {field: _parsed(cell) for field, cell in fields.items() if cell is not None}
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _parsed(cell: Any) -> Any:
    """Lists are JSON text in their columns; put them back as lists."""
    if isinstance(cell, str) and cell[:1] in "[{":
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell
