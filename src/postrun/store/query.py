"""SQL over a store, by Polars.

Tables: `runs`, `metrics`, `findings`, `history`, `system`, `console`. A query that names `"config.KEY"` or
`"summary.KEY"` gets them as columns of `runs`, taken out of the JSON there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import polars as pl

from postrun.model import UsageError
from postrun.model.filter import nested
from postrun.store.statement import HINT, checked
from postrun.store.store import Store

#: Quoted names in a query that are taken out of the JSON columns.
_INSIDE = re.compile(r'"((config|summary)\.([^"]+))"')


def query(store: Store, text: str) -> pl.LazyFrame:
    """Return the answer to a query, not computed yet.

    Raises:
        UsageError: It is no SQL that Polars knows, reads anything but the store, changes something, or names a
            table or column that there is not.
    """
    text = checked(text)
    made: dict[str, Callable[[], pl.LazyFrame]] = {
        "runs": lambda: _runs(store, text),
        "metrics": lambda: store.metrics,
        "findings": lambda: store.findings,
        "history": lambda: store.rows_of_histories(_columns(store, text)),
        "system": store.system,
        "console": store.console,
    }
    frames = {name: make() for name, make in made.items() if re.search(rf"(?i)\b{name}\b", text)}
    try:
        found = pl.SQLContext(frames).execute(text, eager=False)
        found.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise UsageError(wrong(error)) from error
    return found


def wrong(error: Exception) -> str:
    """Return what is wrong with a query, in a sentence."""
    first = str(error).strip().splitlines()[0].rstrip(".")
    return f"the query: {first}. {HINT}"


def _columns(store: Store, text: str) -> list[str]:
    """The metrics that a query can mean: those that it names, all where it asks for all columns."""
    names = store.names()
    if re.search(r"\*(?!\s*\))", text):  # but not the one of count(*)
        return names
    quoted = re.findall(r'"([^"]+)"', text)
    said = {*quoted, *re.findall(r"\w+", re.sub(r'"[^"]*"', " ", text))}
    return [name for name in names if name in said]


def _runs(store: Store, text: str) -> pl.LazyFrame:
    asked = dict.fromkeys((m[1], m[2], m[3]) for m in _INSIDE.finditer(text))
    lazy = store.runs
    if not asked:
        return lazy
    frame = lazy.collect()
    parsed = {
        column: [json.loads(t or "{}") for t in frame[column]]
        for column in {c for _, c, _ in asked}
    }
    return frame.with_columns(
        _series(name, [nested(value, key) for value in parsed[column]])
        for name, column, key in asked
    ).lazy()


def _series(name: str, values: list[Any]) -> pl.Series:
    """Numbers as numbers where all are, else text."""
    kinds = {type(v) for v in values if v is not None}
    if kinds <= {bool} and kinds:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= {int, float} and kinds:
        return pl.Series(name, values, dtype=pl.Float64 if float in kinds else pl.Int64)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pl.Series(name, texts, dtype=pl.String)
