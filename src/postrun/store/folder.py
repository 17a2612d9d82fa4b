"""A folder of exported runs, queried as tables.

What `postrun analyze` writes (one folder per run, with Parquet histories) can be asked like a store: this
reads many such folders as one table of runs and one lazy table of histories.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import TargetError
from postrun.store.roots import is_url, plain_root
from postrun.store.storage import MARKER
from postrun.store.store import Store

_RUN_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "name": pl.String,
    "state": pl.String,
    "entity": pl.String,
    "project": pl.String,
    "group": pl.String,
    "created_at": pl.String,
    "runtime_seconds": pl.Float64,
    "rows": pl.Int64,
    "last_step": pl.Int64,
    "sampled": pl.Boolean,
    "truncated": pl.Boolean,
    "critical": pl.Int64,
    "warning": pl.Int64,
    "findings": pl.List(pl.String),
    "folder": pl.String,
}


class Exports:
    """Exported runs below one folder."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise TargetError(path, "no such folder", "Run `postrun analyze --out` on it first.")
        self.path = path

    def folders(self) -> Iterator[Path]:
        """Folders of runs, by name."""
        for entry in sorted(self.path.iterdir()):
            if (entry / "full_analysis.json").is_file():
                yield entry

    @property
    def runs(self) -> pl.LazyFrame:
        """One row per run: identity, state, completeness, findings (rule codes), folder."""
        rows = [row for folder in self.folders() if (row := _row(folder)) is not None]
        return pl.LazyFrame(rows, schema=_RUN_COLUMNS, orient="row")

    def history(self, metrics: Sequence[str]) -> pl.LazyFrame:
        """Rows of all runs that log any of `metrics`: `run`, `_step`, then the metrics (Float64).

        Only the named columns are read from disk; a run without a metric has nulls there.
        """
        parts = []
        for folder in self.folders():
            for path in sorted(folder.glob("*_history.parquet")):
                lazy = pl.scan_parquet(path)
                known = [m for m in metrics if m in lazy.collect_schema()]
                if known:
                    parts.append(
                        lazy.select(
                            pl.lit(folder.name).alias("run"),
                            pl.col("_step"),
                            *(
                                pl.selectors.by_name(m).cast(pl.Float64, strict=False)
                                if m in known
                                else pl.lit(None, pl.Float64).alias(m)
                                for m in metrics
                            ),
                        )
                    )
        if not parts:
            schema = {"run": pl.String, "_step": pl.Int64} | dict.fromkeys(metrics, pl.Float64)
            return pl.LazyFrame(schema=schema)
        return pl.concat(parts)


def _row(folder: Path) -> list[Any] | None:
    try:
        about = json.loads((folder / "full_analysis.json").read_text(encoding="utf-8"))
        detail = json.loads((folder / "detailed_analysis.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # half-written by another program: not a run yet
    done, findings = detail.get("completeness", {}), detail.get("findings", [])
    levels = [f.get("severity") for f in findings]
    return [
        about.get("run_id"),
        about.get("name"),
        about.get("state"),
        about.get("entity"),
        about.get("project"),
        about.get("group"),
        about.get("created_at"),
        about.get("runtime_seconds"),
        done.get("rows"),
        done.get("last_step"),
        done.get("sampled"),
        done.get("truncated"),
        levels.count("critical"),
        levels.count("warning"),
        [f.get("rule") for f in findings],
        str(folder),
    ]


def open_store(path: str | Path = "store:") -> Store | Exports:
    """A store of runs, or the exported runs below a folder, as lazy frames.

    Args:
        path: What `postrun pull --store` made: a folder, `s3://bucket/prefix`, or "store:" for the user's own;
            or a folder that `postrun analyze` or `pull --out` wrote.

    Raises:
        TargetError: There is neither.
    """
    text = str(path)
    root = plain_root(text)
    if is_url(root) or text.startswith("store:") or (Path(root) / MARKER).is_file():
        return Store(text)
    return Exports(Path(path))
