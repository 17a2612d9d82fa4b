"""A run as rows and files of a store, and back."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from postrun.model import Completeness, Finding, Identity, Run, RunRef, State, TargetError
from postrun.model.completeness import Damage, Seam
from postrun.model.run import (
    Alert,
    Artifact,
    MetricDefinition,
    RunFile,
    empty_console,
    empty_history,
)
from postrun.model.text import plain
from postrun.store.schema import FINDINGS, METRICS, STREAMS, folder
from postrun.store.storage import Storage
from postrun.store.tables import Rows, parquet

#: Columns that each history begins with.
_TIMES = ("_step", "_runtime", "_timestamp")
#: Fields of a run that `about` holds as they are; what they are made of.
_LISTS: dict[str, type] = {
    "files": RunFile, "artifacts": Artifact, "alerts": Alert, "metrics": MetricDefinition,
}  # fmt: skip
_PLAIN = ("environment", "requirements", "telemetry", "preempting", "texts", "runtime", "active")
C = TypeVar("C")


def write_run(
    storage: Storage,
    run: Run,
    *,
    origin: str,
    version: str,
    features: str,
    record: Mapping[str, Any],
    findings: Sequence[Finding],
    framework: str,
    ending: str,
    failed: bool,
    masked: str = "",
) -> Rows:
    """Write a run's files, and give the rows that make it part of the store.

    Files are named by what they hold: who does it again, after it was cut short or at the same time as another,
    writes the same files, and a file that a row names never changes.

    Args:
        place: Where the store lies.
        run: The run, as it may be kept.
        origin: Where it comes from: one place has one run.
        version: What changes when the run does.
        features: Version of what `record` and `findings` are computed by.
        record: What project-wide commands need of it, plain data; its `metrics` become rows.
        findings: What the rules say of it.
        framework: The framework that logged it.
        ending: How it ended, in one word.
        failed: Whether that is a failure.
        masked: What was masked in it, as a sentence.

    Raises:
        StoreError: The files cannot be written.
    """
    who = run.identity
    frames = {"history": run.history, "system": run.system, "console": run.console}
    files, sums, size = dict.fromkeys(STREAMS, ""), {}, 0
    for stream, frame in frames.items():
        if not frame.height:
            continue
        data = parquet(frame)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{folder(stream, who.entity, who.project, run.id)}/{digest[:16]}.parquet"
        storage.write(name, data)
        files[stream], sums[stream] = name, digest
        size += len(data)
    entry = secrets.randbits(62)  # a row's own name, by which the other tables refer to it
    owner = {"entity": who.entity, "project": who.project, "run": run.id, "entry": entry}
    tops = [f for top in findings for f in top.with_symptoms()]
    levels = [f.severity.label for f in findings]
    done = run.completeness
    odd = {
        name: str(dtype)
        for name, dtype in run.history.schema.items()
        if name not in _TIMES and dtype != pl.Float64
    }
    row = {
        **{n: getattr(who, n) for n in ("entity", "project", "id", "name", "group", "job_type", "sweep")},
        "tags": who.tags, "host": who.host, "url": who.url, "commit": who.commit,
        "repository": who.repository, "started": who.started_at, "state": run.state.value,
        "ending": ending, "failed": failed, "runtime": run.runtime, "framework": framework,
        "exit_code": run.exit_code, "rows": done.rows, "first_step": done.first_step,
        "last_step": done.last_step, "reported_last_step": done.reported_last_step,
        "whole": done.whole, "sampled": done.sampled, "truncated": done.truncated,
        "nonfinite": done.nonfinite, "completeness": done.sentence(),
        "critical": levels.count("critical"), "warning": levels.count("warning"),
        "findings": [f.rule for f in findings],
        "config": _text(plain(run.config)), "summary": _text(plain(run.summary)),
        "masked": masked, "gone": False, "bytes": size, **files, "origin": origin, "entry": entry,
        "version": version, "features": features, "about": _about(run),
        "record": _text({k: v for k, v in record.items() if k != "metrics"}),
        "odd": _text(odd) if odd else "", "sums": _text(sums), "removed": False,
    }  # fmt: skip
    metrics: Mapping[str, Mapping[str, Any]] = record["metrics"]
    return Rows(
        [row],
        [{**owner, "metric": name, **_only(facts, METRICS)} for name, facts in metrics.items()],
        [{**owner, "number": n, **_finding(f)} for n, f in enumerate(tops)],
    )


def origin_of(ref: RunRef) -> str:
    """Where a run comes from, as text: source, place, id."""
    return f"{ref.source} {ref.path if ref.remote else ref.path.absolute()} #{ref.id}"


def where(origin: str) -> str:
    """The place in an origin, as a target."""
    return origin.partition(" ")[2].rpartition(" #")[0]


def _only(facts: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name in schema}


def _finding(found: Finding) -> dict[str, Any]:
    told = found.as_dict()
    window, proofs = found.window, told["evidence"]
    return {
        **_only(told, FINDINGS),
        "metric": proofs[0]["metric"] if proofs else None,
        "step_from": window[0] if window else None,
        "step_to": window[1] if window else None,
        "evidence": _text(proofs),
    }


def _about(run: Run) -> str:
    """What a run has beyond the table's columns, so that it can be made again as it was."""
    about = {name: getattr(run, name) for name in (*_PLAIN, *_LISTS, "identity", "completeness")}
    about["path"] = str(run.path) if run.path else None
    for name in (
        "config",
        "summary",
    ):  # the table's are strict JSON, which cannot say what is not finite
        value = getattr(run, name)
        if json.dumps(plain(value), default=_plain) != json.dumps(value, default=_plain):
            about[name] = value
    return _text(about)


def _text(value: Any) -> str:
    """JSON that Python reads back exactly, NaN included."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def read_run(storage: Storage, row: Mapping[str, Any], only: frozenset[str] | None = None) -> Run:
    """The run of a row of `runs`, its files read; of `only` some metrics, where that is given.

    Raises:
        TargetError: A file is missing or damaged.
    """
    about = json.loads(row["about"])
    lists: dict[str, Any] = {
        name: [_made(kind, value) for value in about[name]] for name, kind in _LISTS.items()
    }
    run = Run(
        identity=_made(Identity, about["identity"]),
        state=State(row["state"]),
        exit_code=row["exit_code"],
        config=about["config"] if "config" in about else json.loads(row["config"]),
        summary=about["summary"] if "summary" in about else json.loads(row["summary"]),
        completeness=_made(Completeness, about["completeness"]),
        path=Path(about["path"]) if about["path"] else None,
        only=only,
        **{name: about[name] for name in _PLAIN if name in about},
        **lists,
    )
    moment = about["identity"]["started_at"]
    run.identity.started_at = datetime.fromisoformat(moment) if moment else None
    done = run.completeness
    done.damage = [_made(Damage, d) for d in about["completeness"]["damage"]]
    done.seams = [_made(Seam, s) for s in about["completeness"]["seams"]]
    run.history = _frame(storage, row, "history", only, empty_history())
    run.system = _frame(storage, row, "system", None, pl.DataFrame())
    run.console = _frame(storage, row, "console", None, empty_console())
    return run


def _made(kind: type[C], value: Mapping[str, Any]) -> C:
    """A dataclass of what was written by it, maybe by a version with other fields."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: v for name, v in value.items() if name in known})


def _frame(
    storage: Storage,
    row: Mapping[str, Any],
    stream: str,
    only: frozenset[str] | None,
    empty: pl.DataFrame,
) -> pl.DataFrame:
    name = row[stream]
    if not name:
        return empty
    try:
        # The bytes, not the path: from a disk it costs the same, and an object store is asked once.
        data = io.BytesIO(storage.read(name))
        if only is None:
            return pl.read_parquet(data)
        wanted = only.union(_TIMES)
        return (
            pl.scan_parquet(data).select(pl.selectors.by_name(*wanted, require_all=False)).collect()
        )
    except FileNotFoundError:
        problem = "the file is missing"
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = f"not readable: {str(error).strip().splitlines()[0]}"
    raise TargetError(
        storage.full(name),
        problem,
        f"Write it again: postrun pull {where(row['origin'])} --store {storage.root} --force.",
    )
