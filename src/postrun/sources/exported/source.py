"""Exports as a source: found cheaply, loaded when asked for.

What reads them is imported when there is something to read: every command asks all sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from postrun.model import FAILURES, Listing, RunRef
from postrun.sources.files import stamp

#: Endings of the names of tables as text.
TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_SUFFIXES = ("_history.parquet", "_history.csv", "_summary.json")
#: How the W&B page calls what it exports.
_PAGE = "wandb_export_"
_MAX_DEPTH = 3


class Exported:
    """Exported folders, bare CSV or Parquet histories, and CSV files of the W&B page."""

    name = "exported"

    def claims(self, target: str) -> bool:
        """Return whether a target is a table file, or a folder that holds an export somewhere below."""
        path = Path(target).expanduser()
        if path.is_file():
            return path.suffix == ".parquet" or path.name.endswith(TEXTS)
        return path.is_dir() and next(_exports_below(path), None) is not None

    def find(self, target: str) -> Iterator[RunRef]:
        """Yield the exports at or below a target, newest first."""
        refs: list[RunRef] = []
        path = Path(target).expanduser()
        for folder, run_id in [(path, "")] if path.is_file() else _exports_below(path):
            if path.is_file():
                refs += self._of_file(folder)
            elif folder.is_file():
                refs += self._of_one_of_several(folder)
            else:
                refs.append(self._reference(folder, run_id, folder))
        yield from sorted(refs, key=lambda r: (r.modified, r.id), reverse=True)

    def _of_one_of_several(self, path: Path) -> list[RunRef]:
        """Return the runs of a file among others; one that is not readable says so when it is loaded."""
        try:
            return self._of_file(path)
        except FAILURES:
            return [self._reference(path.parent, path.stem, path)]

    def _of_file(self, path: Path) -> list[RunRef]:
        """Return the runs of one file: the W&B page writes several into one."""
        from postrun.sources.exported.chart import chart_runs, is_chart, load_chart_run
        from postrun.sources.exported.delimited import header_of
        from postrun.sources.exported.runs_table import is_runs_table, load_table_run, table_runs

        header = header_of(path) if path.suffix != ".parquet" else []
        if is_chart(header):
            return [
                RunRef(
                    id=name,
                    source=self.name,
                    path=path,
                    loader=partial(load_chart_run, path, name, stamp(path)),
                    modified=path.stat().st_mtime,
                    size=path.stat().st_size,
                    version=f"{stamp(path)} {name}",
                )
                for name in chart_runs(header)
            ]
        if is_runs_table(header):
            return [
                RunRef(
                    id=row.id,
                    source=self.name,
                    path=path,
                    loader=partial(load_table_run, path, row.number, stamp(path)),
                    listing=partial(_same, row.listing),
                    modified=row.started or path.stat().st_mtime,
                    version=f"{stamp(path)} {row.number}",
                )
                for row in table_runs(path, stamp(path))
            ]
        stem = path.name
        for suffix in (*TEXTS, ".parquet"):
            stem = stem.removesuffix(suffix)
        return [self._reference(path.parent, stem.removesuffix("_history") or stem, path)]

    def _reference(self, folder: Path, run_id: str, path: Path) -> RunRef:
        from postrun.sources.exported.run import listing, load_run, version

        bare = path.is_file()
        return RunRef(
            id=run_id,
            source=self.name,
            path=path,
            loader=partial(load_run, folder, run_id, path if bare else None),
            listing=partial(listing, folder),
            modified=path.stat().st_mtime,
            size=path.stat().st_size if bare else 0,
            version=version(folder, run_id, path),
        )


def _same(value: Listing) -> Listing:
    return value


def _exports_below(folder: Path, depth: int = 0) -> Iterator[tuple[Path, str]]:
    """Yield folder and run id of each export, and the files of the W&B page with "" for an id."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    ids = {
        entry.name.removesuffix(suffix)
        for entry in entries
        for suffix in _SUFFIXES
        if entry.name.endswith(suffix)
    }
    for run_id in sorted(ids):
        yield folder, run_id
    for entry in entries:
        if entry.name.startswith(_PAGE) and entry.suffix == ".csv" and entry.is_file():
            yield entry, ""
    if depth < _MAX_DEPTH:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from _exports_below(entry, depth + 1)
