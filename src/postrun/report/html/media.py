"""What a run logged besides numbers: images, tables and histograms, as far as their files are there.

Files are read from the run's own folder only, images only if their first bytes say that they are pictures that
browsers draw without scripts. A report carries the last of each key, up to a budget; what is left out is said.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from postrun.metrics import RunView
from postrun.model import Run
from postrun.model.text import number
from postrun.privacy import Masker, Privacy
from postrun.stats.robust import Floats

#: Bytes of images that a page carries, of one image, and how many of one key.
_BUDGET, _LARGEST, _MOST_IMAGES = 3_000_000, 700_000, 12
#: Rows, columns and characters of a cell that a page shows of a table, and bytes of a table that is read.
_ROWS, _COLUMNS, _CELL, _TABLE = 50, 16, 300, 20_000_000
#: Classes of a confusion matrix that is drawn.
_CLASSES = 40
_KINDS = {b"\x89PNG\r\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}
#: Columns of the table that `wandb.plot.confusion_matrix` logs.
_CONFUSION = ["Actual", "Predicted", "nPredictions"]
#: Quantiles of a histogram that its chart shows.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(slots=True)
class Media:
    """What a page shows of a run's media.

    `images` are data for the script, `tables` texts for the template, `notes` say what was left out.
    """

    images: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Logged:
    """One logged object: its key, the row of the history, and what was logged."""

    key: str
    row: int
    value: dict[str, Any]


def media(view: RunView, privacy: Privacy) -> Media:
    """Return the images and tables of a run whose files lie beside its log; none if it is anonymised."""
    found = Media()
    parts = [view, *view.parts] if view.parts else [view]
    for part in parts:
        _of_one(part, privacy, found)
    return found


def histograms(view: RunView) -> Iterator[tuple[str, list[int], Floats]]:
    """Yield the histograms of a run: key, rows of the history, and quantiles, shape (rows, 5)."""
    for key, rows in _logged(view.run, "histogram").items():
        known = [(r.row, q) for r in rows if (q := _quantiles(r.value)) is not None]
        if len(known) > 1:
            yield key, [row for row, _ in known], np.array([q for _, q in known])


def _of_one(view: RunView, privacy: Privacy, found: Media) -> None:
    single, several = _logged(view.run, "image-file"), _logged(view.run, "images/separated")
    tables = _logged(view.run, "table-file")
    if not (single or several or tables):
        return
    if privacy.anonymize:
        found.notes.append("Images and tables are left out of an anonymised report.")
        return
    folder = _folder(view.run)
    if folder is None:
        found.notes.append("Images and tables were logged, but their files are not here.")
        return
    for key, rows in {**single, **several}.items():
        _images(view, folder, key, rows, found)
    mask = Masker(privacy, view.run)
    for key, rows in tables.items():
        table = _table(view, folder, rows[-1], mask)
        if table is None:
            found.notes.append(f"The table {key} could not be read.")
        else:
            found.tables.append(table)


def _logged(run: Run, kind: str) -> dict[str, list[Logged]]:
    """Return what was logged of a kind, by key, in the order of rows."""
    mark = f'"_type": "{kind}"'
    found: dict[str, list[Logged]] = {}
    for column in run.history:
        if column.dtype != pl.String or mark not in (_first(column) or ""):
            continue
        for row, text in enumerate(column.to_list()):
            value = _parsed(text) if text and mark in text else None
            if value is not None:
                found.setdefault(column.name, []).append(Logged(column.name, row, value))
    return found


def _first(column: pl.Series) -> str | None:
    at = column.alias("x").is_not_null().arg_max()
    value = None if at is None else column[at]
    return value if isinstance(value, str) else None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _folder(run: Run) -> Path | None:
    """Return the folder in which the files of a run lie, None if there is none."""
    if run.path is None:
        return None
    base = run.path if run.path.is_dir() else run.path.parent
    folder = base / "files"
    return folder.resolve() if folder.is_dir() else None


def _read(folder: Path, name: Any, most: int) -> bytes | None:
    """Return a file of a run's folder; None if it is none of it, missing or too large."""
    if not isinstance(name, str):
        return None
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > most:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _images(view: RunView, folder: Path, key: str, rows: list[Logged], found: Media) -> None:
    """Add the last images of a key, the newest first, as far as the budget goes."""
    named = [
        (row.row, name, caption) for row in reversed(rows) for name, caption in _names(row.value)
    ]
    shown, left = [], _BUDGET - sum(len(i["src"]) for g in found.images for i in g["images"])
    for row, name, caption in named[:_MOST_IMAGES]:
        data = _read(folder, name, min(_LARGEST, left))
        kind = next((k for head, k in _KINDS.items() if data and data.startswith(head)), None)
        if data is None or kind is None:
            continue
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
        left -= len(source)
        shown.append({"src": source, "where": view.axis.at(view.x_of(row)), "caption": caption})
    if shown:
        found.images.append({"key": key, "images": shown, "logged": len(named)})
    if len(shown) < len(named):
        count = f"{len(named):,} logged {'image' if len(named) == 1 else 'images'}"
        found.notes.append(
            f"{key}: {len(shown)} of {count} are shown, the last ones."
            if shown
            else f"{key}: the files of the {count} are not in the run's folder, or cannot be shown."
        )


def _names(value: dict[str, Any]) -> list[tuple[Any, str]]:
    """Return the files of an image or of several, with their captions."""
    if value.get("_type") == "image-file":
        return [(value.get("path"), str(value.get("caption") or ""))]
    names, captions = value.get("filenames"), value.get("captions")
    names = names if isinstance(names, list) else []
    texts = (
        captions
        if isinstance(captions, list) and len(captions) == len(names)
        else [""] * len(names)
    )
    return [(name, str(text or "")) for name, text in zip(names, texts, strict=True)]


def _table(view: RunView, folder: Path, logged: Logged, mask: Masker) -> dict[str, Any] | None:
    """Return the last table of a key for the template; None if its file is not here or no table."""
    data = _read(folder, logged.value.get("path"), _TABLE)
    try:
        content = json.loads(data) if data is not None else None
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    columns, rows = content.get("columns"), content.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    rows = [row for row in rows if isinstance(row, list)]
    names = [str(name) for name in columns]
    cells = [
        [_cell(cell, name, mask) for cell, name in zip(row[:_COLUMNS], names, strict=False)]
        for row in rows[:_ROWS]
    ]
    return {
        "key": logged.key,
        "where": view.axis.at(view.x_of(logged.row)),
        "columns": names[:_COLUMNS],
        "rows": cells,
        "count": len(rows),
        "width": len(names),
        "matrix": _confusion(names, rows),
    }


def _cell(value: Any, name: str, mask: Masker) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return number(float(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = mask.text(text, name)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"


def _confusion(names: list[str], rows: list[list[Any]]) -> dict[str, Any] | None:
    """Return a table as a confusion matrix, with shares of the actual class; None if it is none."""
    if names != _CONFUSION or not rows:
        return None
    if not all(len(r) == 3 and isinstance(r[2], int | float) and r[2] >= 0 for r in rows):
        return None
    classes = list(dict.fromkeys(str(c) for r in rows for c in r[:2]))
    if len(classes) > _CLASSES:
        return None
    counts = np.zeros((len(classes), len(classes)))
    at = {name: k for k, name in enumerate(classes)}
    for actual, predicted, count in rows:
        counts[at[str(actual)], at[str(predicted)]] += count
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    level = np.ceil(4 * counts / total).astype(int)
    return {
        "classes": classes,
        "rows": [
            (name, [(f"{c:,.0f}", int(k)) for c, k in zip(row, levels, strict=True)])
            for name, row, levels in zip(classes, counts, level, strict=True)
        ],
    }


def _quantiles(value: dict[str, Any]) -> Floats | None:
    """Return quantiles of a histogram, linear within its bins; None if it counts nothing."""
    packed = value.get("packedBins")
    if isinstance(packed, dict) and all(k in packed for k in ("min", "size", "count")):
        edges = packed["min"] + packed["size"] * np.arange(packed["count"] + 1)
    else:
        edges = np.asarray(value.get("bins", ()))
    counts = np.asarray(value.get("values", ()))
    usable = (
        edges.dtype.kind in "if" and counts.dtype.kind in "if" and len(edges) == len(counts) + 1
    )
    if not usable or len(counts) < 1 or not np.isfinite(edges).all() or not float(counts.sum()) > 0:
        return None
    share = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return np.asarray(np.interp(QUANTILES, share, edges.astype(np.float64)))
