"""A folder exported earlier, by postrun or by the seed's kind of script, or a bare history, as a run.

A folder holds `ID_history.csv` or `.parquet` and, if they were written, `ID_summary.json`,
`ID_config.json`, `ID_system.parquet`, `ID_console.log`, `full_analysis.json` and
`detailed_analysis.json`. A single CSV or Parquet file is a history without the rest.
"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

import polars as pl

from postrun.model import Completeness, Identity, Listing, Run, State, TargetError
from postrun.model.run import empty_console, empty_history
from postrun.model.times import parse_time
from postrun.sources.dropped import note_dropped
from postrun.sources.exported.history import read_history, read_table
from postrun.sources.files import finite_numbers, is_own, read_json, stamp, unwrap_config
from postrun.sources.sampling import looks_sampled


def listing(folder: Path) -> Listing:
    """Return what listing shows of an exported run."""
    about = _identity_files(folder)
    values = dict(finite_numbers(about.get("summary")))
    if isinstance(seconds := about.get("runtime_seconds"), int | float):
        values["_runtime"] = float(seconds)
    return Listing(
        name=str(about.get("name") or ""),
        project="/".join(str(about[k]) for k in ("entity", "project") if about.get(k)),
        state=State.of(about.get("state")) or State.UNKNOWN,
        values=values,
    )


def version(folder: Path, run_id: str, path: Path) -> str:
    """Return size and time of change of all that a run is read from."""
    names = ("full_analysis.json", "detailed_analysis.json")
    own = sorted(folder.glob(f"{glob.escape(run_id)}_*"))
    return " ".join(stamp(p) for p in (path, *own, *(folder / name for name in names)))


def load_run(folder: Path, run_id: str, bare: Path | None) -> Run:
    """Read the run `run_id` of a folder; `bare` is the file if it is a history alone."""
    notes: list[str] = []
    about: dict[str, Any] = {}
    if bare is None or bare.stem.endswith("_history"):
        about = _identity_files(folder, notes)
    told = _Told(about, notes)
    media: dict[str, int] = {}
    history = (
        read_history(bare, notes, media) if bare else _first_history(folder, run_id, notes, media)
    )
    summary = read_json(folder / f"{run_id}_summary.json", notes)
    config = unwrap_config(read_json(folder / f"{run_id}_config.json", notes))
    run = Run(
        identity=Identity(
            id=run_id,
            name=told.text("run_name") or told.text("name"),
            entity=told.text("entity"),
            project=told.text("project"),
            group=told.text("group"),
            job_type=told.text("job_type"),
            tags=[str(t) for t in told.list("tags")],
            url=told.text("url"),
            host=told.text("host"),
            commit=told.text("commit"),
            started_at=parse_time(about.get("created_at")),
        ),
        state=State.of(about.get("state")) or State.UNKNOWN,
        exit_code=told.whole("exit_code"),
        summary=summary or told.dict("summary"),
        config=config or unwrap_config(told.dict("config")),
        history=history,
        environment=told.dict("environment"),
        requirements=[str(line) for line in told.list("requirements")],
        telemetry=told.dict("telemetry"),
        path=bare or folder,
    )
    system = folder / f"{run_id}_system.parquet"
    if bare is None and is_own(system, notes):
        run.system = _system(system, notes)
    run.console = (
        _console(folder / f"{run_id}_console.log", notes) if bare is None else empty_console()
    )
    run.runtime = _runtime(run)
    run.completeness = _completeness(run, about, notes)
    run.completeness.media = media
    earlier = about.get("completeness")
    note_dropped(run, earlier=earlier if isinstance(earlier, dict) else None)
    return run


class _Told:
    """What `full_analysis.json` and `detailed_analysis.json` say; a value of another type is noted."""

    def __init__(self, about: dict[str, Any], notes: list[str]) -> None:
        self._about, self._notes = about, notes

    def _get(self, key: str, kind: type[Any]) -> Any:
        value = self._about.get(key)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        self._notes.append(
            f"full_analysis.json: {key} is of type {type(value).__name__} and was left out"
        )
        return None

    def text(self, key: str) -> str:
        """Return a text, "" if there is none."""
        return str(self._about.get(key) or "")

    def whole(self, key: str) -> int | None:
        """Return a whole number, None if there is none."""
        value = self._get(key, int)
        return None if value is None else int(value)

    def list(self, key: str) -> list[Any]:
        """Return a list, empty if there is none."""
        return [*(self._get(key, list) or [])]

    def dict(self, key: str) -> dict[str, Any]:
        """Return a dictionary, empty if there is none."""
        return {**(self._get(key, dict) or {})}


def _system(path: Path, notes: list[str]) -> pl.DataFrame:
    try:
        return read_table(path, notes)
    except TargetError as error:
        notes.append(f"{path.name}: {error.problem}; system metrics were left out")
        return pl.DataFrame()


def _identity_files(folder: Path, notes: list[str] | None = None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in ("detailed_analysis.json", "full_analysis.json"):
        out |= read_json(folder / name, [] if notes is None else notes)
    return out


def _first_history(
    folder: Path, run_id: str, notes: list[str], media: dict[str, int]
) -> pl.DataFrame:
    found = False
    for suffix in (".parquet", ".csv"):
        path = folder / f"{run_id}_history{suffix}"
        if is_own(path, notes):
            found = True
            try:
                return read_history(path, notes, media)
            except TargetError as error:
                notes.append(f"{path.name}: {error.problem}")
    if not found:
        notes.append("the export holds no history file")
    return empty_history()


def _console(path: Path, notes: list[str]) -> pl.DataFrame:
    if not is_own(path, notes):
        return empty_console()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        notes.append(f"{path.name} is not readable: {error.strerror}")
        return empty_console()
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


def completeness_of(run: Run, notes: list[str]) -> Completeness:
    """Return what the rows of an export show of its completeness; `notes` become its notes."""
    steps = run.history["_step"].drop_nulls()
    floats = run.history.select(pl.selectors.float())
    bad = floats.select((~pl.all().is_finite()).sum()).sum_horizontal() if floats.width else None
    reported = run.summary.get("_step")
    return Completeness(
        source="exported",
        rows=run.history.height,
        first_step=steps.min() if len(steps) else None,  # type: ignore[arg-type]
        last_step=steps.max() if len(steps) else None,  # type: ignore[arg-type]
        reported_last_step=reported if isinstance(reported, int) else None,
        nonfinite=int(bad[0] or 0) if bad is not None and len(bad) else 0,
        notes=notes,
    )


def _completeness(run: Run, about: dict[str, Any], notes: list[str]) -> Completeness:
    out = completeness_of(run, notes)
    earlier = about.get("completeness")
    if isinstance(earlier, dict) and about.get("schema_version"):
        # postrun's own export knows better than any inspection of its rows.
        out.sampled = bool(earlier.get("sampled"))
        out.truncated = bool(earlier.get("truncated"))
        out.no_history = str(earlier.get("no_history") or "") if not out.rows else ""
        out.unsure = str(earlier.get("unsure") or "")
        out.notes += [str(note) for note in earlier.get("notes") or []]
        return out
    if looks_sampled(run.history, out.reported_last_step):
        out.sampled = True
        last = out.last_step if out.last_step is not None else out.rows - 1
        out.notes.append(
            f"{out.rows} of about {out.expected_rows or last + 1} rows: "
            "the steps have irregular gaps throughout, as run.history() leaves them when it samples"
        )
    return out
