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
    """Columns with media fields joined; `media` counts the values by their `_type`."""
    stems = [name.removesuffix(_MARK) for name in columns if name.endswith(_MARK)]
    if not stems:
        return columns
    out = dict(columns)
    for stem in stems:
        prefix = f"{stem}."
        parts = {n[len(prefix) :]: out.pop(n) for n in list(out) if n.startswith(prefix)}
        types = parts["_type"].to_list()
        media.update(str(t) for t in types if t is not None)
        lists = {field: series.to_list() for field, series in sorted(parts.items())}
        cells = [
            None if kind is None else _text({f: v[row] for f, v in lists.items()})
            for row, kind in enumerate(types)
        ]
        name = stem if stem not in out else f"{stem}:media"
        out[name] = pl.Series(name, cells, dtype=pl.String)
    return out


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
