"""Folders exported earlier, by postrun or by the seed's kind of script, and bare histories.

A folder holds `ID_history.csv` or `.parquet` and, where there are, `ID_summary.json`,
`ID_config.json`, `ID_system.parquet`, `ID_console.log`, `full_analysis.json` and
`detailed_analysis.json`. A single CSV or Parquet file is a history without the rest.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Completeness, Identity, Listing, Run, RunRef, State, TargetError
from postrun.model.run import empty_console, empty_history
from postrun.sources.dropped import note_dropped
from postrun.sources.files import parse_time, read_json, stamp, unwrap_config
from postrun.sources.sampling import looks_sampled

_SUFFIXES = ("_history.parquet", "_history.csv", "_summary.json")
_STEP_NAMES = ("_step", "Step", "step", "global_step", "trainer/global_step", "iteration")
_MAX_DEPTH = 3


class Exported:
    """Exported folders and bare CSV or Parquet histories."""

    name = "exported"

    def claims(self, target: Path) -> bool:
        """A CSV or Parquet file, or a folder that holds an export somewhere below."""
        if target.is_file():
            return target.suffix in (".csv", ".parquet")
        return target.is_dir() and next(_exports_below(target), None) is not None

    def find(self, target: Path) -> Iterator[RunRef]:
        """Exports below `target`, newest first."""
        if target.is_file():
            run_id = target.stem.removesuffix("_history") or target.stem
            found = [(target.parent, run_id, target)]
        else:
            found = [(folder, run_id, folder) for folder, run_id in _exports_below(target)]
        refs = [self._reference(*place) for place in found]
        yield from sorted(refs, key=lambda r: (r.modified, r.id), reverse=True)

    def _reference(self, folder: Path, run_id: str, path: Path) -> RunRef:
        bare = path.is_file()
        return RunRef(
            id=run_id,
            source=self.name,
            path=path,
            loader=partial(_load, folder, run_id, path if bare else None),
            listing=partial(_listing, folder),
            modified=path.stat().st_mtime,
            size=path.stat().st_size if bare else 0,
            version=_version(folder, run_id, path),
        )


def _listing(folder: Path) -> Listing:
    about = _identity_files(folder)
    return Listing(name=str(about.get("name") or ""), state=_state(about.get("state")))


def _version(folder: Path, run_id: str, path: Path) -> str:
    """Size and time of change of all that a run is read from."""
    names = ("full_analysis.json", "detailed_analysis.json")
    own = sorted(folder.glob(f"{glob.escape(run_id)}_*"))
    return " ".join(stamp(p) for p in (path, *own, *(folder / name for name in names)))


def _exports_below(folder: Path, depth: int = 0) -> Iterator[tuple[Path, str]]:
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
    if depth < _MAX_DEPTH:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from _exports_below(entry, depth + 1)


def _load(folder: Path, run_id: str, bare: Path | None) -> Run:
    notes: list[str] = []
    about: dict[str, Any] = {}
    if bare is None or bare.stem.endswith("_history"):
        about = _identity_files(folder, notes)
    history = _history(bare) if bare else _first_history(folder, run_id, notes)
    summary = read_json(folder / f"{run_id}_summary.json", notes)
    config = unwrap_config(read_json(folder / f"{run_id}_config.json", notes))
    run = Run(
        identity=Identity(
            id=run_id,
            name=str(about.get("run_name") or about.get("name") or ""),
            entity=str(about.get("entity") or ""),
            project=str(about.get("project") or ""),
            group=str(about.get("group") or ""),
            job_type=str(about.get("job_type") or ""),
            tags=[str(t) for t in about.get("tags") or []],
            url=str(about.get("url") or ""),
            host=str(about.get("host") or ""),
            commit=str(about.get("commit") or ""),
            started_at=parse_time(about.get("created_at")),
        ),
        state=_state(about.get("state")),
        exit_code=about.get("exit_code"),
        summary=summary or dict(about.get("summary") or {}),
        config=config or unwrap_config(about.get("config") or {}),
        history=history,
        environment=dict(about.get("environment") or {}),
        requirements=list(about.get("requirements") or []),
        path=bare or folder,
    )
    system = folder / f"{run_id}_system.parquet"
    if bare is None and system.is_file():
        run.system = _read(system)
    run.console = _console(folder / f"{run_id}_console.log") if bare is None else empty_console()
    run.runtime = _runtime(run)
    run.completeness = _completeness(run, about, notes)
    note_dropped(run, earlier=about.get("completeness"))
    return run


def _identity_files(folder: Path, notes: list[str] | None = None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in ("detailed_analysis.json", "full_analysis.json"):
        out |= read_json(folder / name, [] if notes is None else notes)
    return out


def _state(text: object) -> State:
    try:
        return State(str(text).lower())
    except ValueError:
        return State.UNKNOWN


def _first_history(folder: Path, run_id: str, notes: list[str]) -> pl.DataFrame:
    for suffix in (".parquet", ".csv"):
        path = folder / f"{run_id}_history{suffix}"
        if path.is_file():
            try:
                return _history(path)
            except TargetError as error:
                notes.append(f"{path.name}: {error.problem}")
    if notes:
        return empty_history()
    notes.append("the export holds no history file")
    return empty_history()


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None, truncate_ragged_lines=True)
    except pl.exceptions.NoDataError:
        raise TargetError(path, "the file is empty") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        first = str(error).strip().splitlines()[0]
        kind = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise TargetError(path, f"not a readable {kind} file: {first}") from None


def _history(path: Path) -> pl.DataFrame:
    frame = _read(path)
    if not any(dtype.is_numeric() for dtype in frame.dtypes):
        raise TargetError(
            path, "no column of numbers", "A history has one row per step, one column per metric."
        )
    if "_step" not in frame.columns:
        name = next((n for n in _STEP_NAMES if n in frame.columns), None)
        if name is None:
            steps = pl.int_range(pl.len(), dtype=pl.Int64).alias("_step")
        else:
            steps = pl.col(name).cast(pl.Int64, strict=False).alias("_step")
        frame = frame.with_columns(steps)
    for name in ("_runtime", "_timestamp"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name))
    first = ["_step", "_runtime", "_timestamp"]
    names = first + sorted(n for n in frame.columns if n not in first)
    return frame.select(names).with_columns(
        pl.col("_step").cast(pl.Int64, strict=False),
        pl.col("_runtime", "_timestamp").cast(pl.Float64, strict=False),
    )


def _console(path: Path) -> pl.DataFrame:
    if not path.is_file():
        return empty_console()
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return pl.DataFrame(
        {
            "timestamp": [None] * len(lines),
            "stream": ["stdout"] * len(lines),
            "line": lines,
            "styled": [None] * len(lines),
        },
        schema=empty_console().schema,
    )


def _runtime(run: Run) -> float | None:
    last = run.history["_runtime"].max()
    for value in (run.summary.get("_runtime"), last):
        if isinstance(value, int | float):
            return float(value)
    return None


def _completeness(run: Run, about: dict[str, Any], notes: list[str]) -> Completeness:
    steps = run.history["_step"].drop_nulls()
    floats = run.history.select(pl.selectors.float())
    bad = floats.select((~pl.all().is_finite()).sum()).sum_horizontal() if floats.width else None
    reported = run.summary.get("_step")
    out = Completeness(
        source="exported",
        rows=run.history.height,
        first_step=steps.min() if len(steps) else None,  # type: ignore[arg-type]
        last_step=steps.max() if len(steps) else None,  # type: ignore[arg-type]
        reported_last_step=reported if isinstance(reported, int) else None,
        nonfinite=int(bad[0] or 0) if bad is not None and len(bad) else 0,
        notes=notes,
    )
    earlier = about.get("completeness")
    if isinstance(earlier, dict) and about.get("schema_version"):
        # postrun's own export knows better than any inspection of its rows.
        out.sampled = bool(earlier.get("sampled"))
        out.truncated = bool(earlier.get("truncated"))
        out.notes += [str(note) for note in earlier.get("notes") or []]
        return out
    if looks_sampled(run.history, out.reported_last_step):
        out.sampled = True
        out.notes.append(
            f"{out.rows} of about {out.expected_rows or int(steps.max()) + 1} rows: "  # type: ignore[arg-type]
            "the steps have irregular gaps throughout, as run.history() leaves them when it samples"
        )
    return out
