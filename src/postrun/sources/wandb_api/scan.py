"""Rows of a run's history, scanned by step through the SDK."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

#: Rows that the server answers to one request at most; of more rows it answers a sample.
PAGE = 10_000
#: Most steps that one request may span: GraphQL's `Int` has 32 bits.
_WIDEST = 2**31 - 1
#: Most pages of `PAGE` steps that are requested if nothing tells how many rows they hold; longer
#: histories are requested in this many spans.
_FEW_PAGES, _SPANS = 100, 20
#: Most pages of `PAGE` steps that are requested because rows are missing.
_MANY_PAGES = 1_000
#: Into how many parts a span is divided if it holds more rows than one request answers.
_PARTS = 16


def scanned(
    run: Any, start: int, stop: int, wanted: int | None, use_cache: bool
) -> list[dict[str, Any]]:
    """Return the rows from one step to another, both included, in order of step.

    `run` is the SDK's, `wanted` the number of rows that should be there, None if unknown. Steps
    may lie far apart, so requests span as many steps as should hold half of `PAGE` rows; a span that
    comes back full is divided. If that fails or brings fewer rows than wanted, all steps are
    requested in pages of `PAGE` steps, unless these are too many.
    """
    span = stop + 1 - start
    width = _width(span, wanted)
    if width <= PAGE:
        return list(_scan(run, start, stop, PAGE, use_cache))
    few = span <= _MANY_PAGES * PAGE
    try:
        rows = _in_spans(run, start, stop, width, use_cache)
    except Exception:
        if not few:
            raise
        return list(_scan(run, start, stop, PAGE, use_cache))
    if few and wanted is not None and len(rows) < wanted:
        return list(_scan(run, start, stop, PAGE, use_cache))
    return rows


def _width(span: int, wanted: int | None) -> int:
    """Return how many steps one request spans."""
    if wanted is None:
        width = PAGE if span <= _FEW_PAGES * PAGE else span // _SPANS
    elif wanted <= PAGE:
        width = span
    else:
        width = span * PAGE // (2 * wanted)
    return max(PAGE, min(width, _WIDEST)) if span > PAGE else PAGE


def _in_spans(run: Any, start: int, stop: int, width: int, use_cache: bool) -> list[dict[str, Any]]:
    """Return the rows of spans of `width` steps; full ones, which may be samples, are divided."""
    rows = list(_scan(run, start, stop, width, use_cache))
    if width <= PAGE:
        return rows
    spans = [int(row["_step"] - start) // width for row in rows]
    full = {number for number, count in Counter(spans).items() if count >= PAGE}
    if not full:
        return rows
    kept = [row for row, number in zip(rows, spans, strict=True) if number not in full]
    for number in full:
        first = start + number * width
        last = min(first + width - 1, stop)
        kept += _in_spans(run, first, last, max(PAGE, width // _PARTS), use_cache)
    return sorted(kept, key=lambda row: row["_step"])


def _scan(run: Any, start: int, stop: int, page: int, use_cache: bool) -> Iterator[dict[str, Any]]:
    """Scan rows by the SDK. Its `Run.scan_history` would ask the server for the last step again."""
    from wandb.apis.public.history import HistoryScan

    yield from HistoryScan(
        run,
        service_api=run._service_api,
        min_step=start,
        max_step=stop + 1,
        page_size=page,
        use_cache=use_cache,
    )
