"""From what the server tells of one run to a Run, equal to what its local folder gives."""

from __future__ import annotations

import fnmatch
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from postrun.model import (
    Artifact,
    Identity,
    MetricDefinition,
    Run,
    RunFile,
    State,
    empty_console,
)
from postrun.model.times import parse_time
from postrun.sources import telemetry
from postrun.sources.dropped import note_dropped
from postrun.sources.frames.rows import frame_of, within
from postrun.sources.wandb_api.address import Address
from postrun.sources.wandb_api.answers import last_step, left_out, null_lists, row_count
from postrun.sources.wandb_api.completeness import completeness
from postrun.sources.wandb_api.connection import ServerError, asking, connect, patiently
from postrun.sources.wandb_api.history import History, complete_history
from postrun.sources.wandb_local.console import Console

T = TypeVar("T")

#: More system samples than this are asked for; where as many come, there may be more.
_SAMPLES = 1_000_000
#: Files of a run that say something about it; the others are only listed.
WANTED = (
    "config.yaml",
    "diff.patch",
    "output.log",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
)
_LARGEST_TEXT = 50_000_000
_ASKED: set[Address] = set()
#: Field numbers of MetricRecord in wandb_internal.proto, as `_wandb.m` of the config has them.
_NAME, _GLOB, _AXIS, _AXIS_INDEX, _OPTIONS, _SUMMARY, _GOAL = "1", "2", "4", "5", "6", "7", "8"
_SUMMARIES = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_GOALS = {1: "minimize", 2: "maximize"}


def load_run(address: Address, sample: int = 0, known: pl.DataFrame | None = None) -> Run:
    """Read one run whole from its server; with `sample`, at most that many rows of its history.

    `known` is the history as it was read before: only later steps are asked for, and where the rows do
    not add up to what the server reports, all.

    Raises:
        ServerError: Where the server or the run is not to be had, with the remedy.
    """
    api = connect(address)

    def once() -> Run:
        with asking(address, api):
            theirs = api.run(str(address))
            if address in _ASKED:  # the SDK keeps what it was asked for before
                theirs.load(force=True)
            _ASKED.add(address)
            return build(theirs, sample, known)

    return patiently(once)


def load_history(address: Address, theirs: Any, sample: int = 0) -> Run:
    """Like `load_run` for a run that was listed with its config, without what costs further requests."""

    def once() -> Run:
        with asking(address):
            return build(theirs, sample, beside=False)

    return patiently(once)


def download_files(address: Address, folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Put the files of a run that match any of the patterns (as in a shell) into a folder; their paths.

    Raises:
        ServerError: The files are not to be had; or some have names that cannot be files here, and `found`
            holds the paths of the others.
    """
    api = connect(address)

    def once() -> list[Path]:
        with asking(address, api):
            found = [
                f for f in api.run(str(address)).files(per_page=200) if _fits(f.name, patterns)
            ]
            return _put_all(address, found, folder)

    return patiently(once)


def _put_all(address: Address, files: list[Any], folder: Path) -> list[Path]:
    written: list[Path] = []
    refused: list[str] = []
    for file in files:
        try:
            written.append(_put(file, folder))
        except (ValueError, OSError) as error:  # of this name; the network has errors of its own
            refused.append(f"{str(file.name)[:100]!r}: {getattr(error, 'strerror', None) or error}")
    if refused:
        more = f", and {len(refused) - 3} more" if len(refused) > 3 else ""
        raise ServerError(
            str(address),
            f"{len(refused)} of {len(files)} files were not written ({'; '.join(refused[:3])}{more})",
            "The others are there. Rename these on the server, or leave them out of --files.",
            written,
        )
    return written


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _put(file: Any, folder: Path) -> Path:
    """One file, through a temporary folder: none is ever half there, none lands outside."""
    target = (folder / str(file.name)).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError("its name leads out of the folder")
    with tempfile.TemporaryDirectory(dir=_made(target.parent)) as aside:
        file.download(root=aside, replace=True).close()
        (Path(aside) / str(file.name)).replace(target)
    return target


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build(
    theirs: Any, sample: int = 0, known: pl.DataFrame | None = None, beside: bool = True
) -> Run:
    """The SDK's run as postrun's. Parts beside the history that cannot be had are noted, not fatal."""
    with null_lists() as lists:
        run, notes = _built(theirs, sample, known, beside)
    run.completeness.notes += _about_answer(theirs._attrs, lists) + notes
    note_dropped(run)
    if not beside:
        run.completeness.notes.append("system metrics, log, files and artifacts were not asked for")
    return run


def _built(
    theirs: Any, sample: int, known: pl.DataFrame | None, beside: bool
) -> tuple[Run, list[str]]:
    """Return the run, and notes on parts of it that could not be had."""
    attributes = theirs._attrs  # the fields that the server answered, by its names
    notes: list[str] = []

    def part(name: str, default: T, read: Callable[[], T]) -> T:
        if not beside:
            return default
        try:
            return read()
        except Exception as error:
            notes.append(
                f"{name}: not to be had from the server ({' '.join(str(error).split())[:160]})"
            )
            return default

    files: list[Any] = part("files", [], lambda: list(theirs.files(per_page=200)))
    wanted = [f for f in files if f.name in WANTED and f.size <= _LARGEST_TEXT]
    texts = _download(wanted, notes)
    metadata = _json(texts.get("wandb-metadata.json", ""))
    reported, claimed = last_step(attributes), row_count(attributes)
    history = History()
    if sample:
        history.frame = _sampled(theirs, sample)
    else:
        history = complete_history(theirs, reported, claimed, known)
    identity = _identity(theirs, attributes, metadata)
    run = Run(
        identity=identity,
        state=State.of(theirs.state) or State.UNKNOWN,
        config=dict(theirs.config),
        summary=within(dict(theirs.summary_metrics)),
        history=history.frame,
        system=part(
            "system metrics", _no_system(), lambda: _system(theirs, identity.started_at, notes)
        ),
        console=part(
            "console log",
            empty_console(),
            lambda: _console(theirs, texts.get("output.log", ""), notes),
        ),
        files=[RunFile(f.name, f.size) for f in sorted(files, key=lambda f: str(f.name))],
        artifacts=part("artifacts", [], lambda: _artifacts(theirs)),
        metrics=_definitions(theirs.rawconfig),
        environment=_environment(metadata, theirs.rawconfig),
        requirements=[line for line in texts.get("requirements.txt", "").splitlines() if line],
        telemetry=telemetry.from_config(_internal(theirs.rawconfig)),
        texts=texts,
    )
    run.exit_code = 0 if run.state is State.FINISHED else None
    run.runtime = _runtime(run, attributes)
    run.completeness = completeness(run, history, claimed, reported, sample)
    return run, notes


def _identity(theirs: Any, attributes: Mapping[str, Any], metadata: Mapping[str, Any]) -> Identity:
    git = metadata.get("git") or {}
    started = parse_time(metadata.get("startedAt")) or parse_time(attributes.get("createdAt"))
    return Identity(
        id=theirs.id,
        name=attributes.get("displayName") or "",
        entity=theirs.entity,
        project=theirs.project,
        group=attributes.get("group") or "",
        job_type=attributes.get("jobType") or "",
        tags=sorted(attributes.get("tags") or []),
        notes=attributes.get("notes") or "",
        sweep=attributes.get("sweepName") or "",
        host=metadata.get("host") or "",
        url=theirs.url,
        commit=attributes.get("commit") or git.get("commit") or "",
        repository=git.get("remote") or "",
        started_at=started,
        **_branch(theirs),
    )


def _branch(theirs: Any) -> dict[str, Any]:
    """Return where a run was forked, as `Identity` has it; a rewind branches off the run itself."""
    point = _internal(theirs.rawconfig).get("branch_point")
    if not isinstance(point, dict) or point.get("run_id") in (None, "", theirs.id):
        return {}
    step = point.get("step")
    at = float(step) if isinstance(step, int | float) else None
    return {"forked_from": str(point["run_id"]), "forked_at": at}


def _download(files: list[Any], notes: list[str]) -> dict[str, str]:
    """Return small text files by name; those that cannot be had are left out and noted."""
    out: dict[str, str] = {}
    lost: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            try:
                with file.download(root=folder, replace=True) as opened:
                    # As bytes: text mode would turn the carriage returns of progress bars into lines.
                    out[file.name] = Path(opened.name).read_bytes().decode("utf-8", "replace")
            except Exception as error:
                lost[file.name] = " ".join(str(error).split())[:160]
    if lost:
        why = next(iter(lost.values()))
        notes.append(f"{', '.join(sorted(lost))}: not to be had from the server ({why})")
    return out


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _about_answer(attributes: Mapping[str, Any], lists: list[str]) -> list[str]:
    """Return notes on what the server left out of a run, or says in unknown words."""
    told = left_out(attributes, lists)
    state = attributes.get("state")
    known = not state or State.of(state) is not None
    return [
        *([told] if told else []),
        *([] if known else [f'the server calls the state "{state}"']),
    ]


def _sampled(theirs: Any, sample: int) -> pl.DataFrame:
    from postrun.sources.frames.times import ordered

    frame = frame_of(theirs.history(samples=sample, pandas=False))
    return ordered({s.name: s for s in frame}, frame.height)


def _console(theirs: Any, output: str, notes: list[str]) -> pl.DataFrame:
    """Return the log as a terminal would have shown it; `notes` takes what was left out.

    If the server has no log lines, `output`, the text of the run's `output.log`, takes their place.
    """
    console = Console()
    for line in theirs.console_logs(per_page=10_000):
        stream = "stderr" if line.level == "error" else "stdout"
        moment = line.timestamp.timestamp() if line.timestamp else None
        console.write(stream, f"{line.content}\n", moment)
    frame = console.frame()
    if not frame.height and output:
        console.write("stdout", output, None)
        frame = console.frame()
    notes += console.notes
    return frame if frame.height else empty_console()


def _no_system() -> pl.DataFrame:
    return pl.DataFrame(schema={"_timestamp": pl.Float64, "_runtime": pl.Float64})


def _system(theirs: Any, started: datetime | None, notes: list[str]) -> pl.DataFrame:
    """System metrics by their local names; a note where they may be a sample."""
    rows = theirs.history(stream="system", samples=_SAMPLES, pandas=False)
    if len(rows) >= _SAMPLES:
        notes.append("system metrics may be a sample of what was logged")
    if not rows:
        return _no_system()
    frame = frame_of(rows)
    frame = frame.rename({n: n.removeprefix("system.") for n in frame.columns})
    frame = frame.drop("_wandb", strict=False)
    for name in ("_timestamp", "_runtime"):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name))
    if started is not None:
        runtime = pl.col("_timestamp").cast(pl.Float64) - started.timestamp()
        frame = frame.with_columns(runtime.alias("_runtime"))
    names = sorted(n for n in frame.columns if n not in ("_timestamp", "_runtime"))
    times = frame.select(pl.col("_timestamp", "_runtime").cast(pl.Float64, strict=False))
    return times.hstack(frame[names]).sort("_timestamp")


def _artifacts(theirs: Any) -> list[Artifact]:
    listed = [("output", a) for a in theirs.logged_artifacts()]
    listed += [("input", a) for a in theirs.used_artifacts()]
    return [
        Artifact(a.name, a.type, direction, list(a.aliases or []), a.digest or "", a.size)
        for direction, a in listed
    ]


def _internal(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SDK's own part of a config, empty if there is none."""
    internal = raw.get("_wandb")
    return internal if isinstance(internal, dict) else {}


def _definitions(raw: Mapping[str, Any]) -> list[MetricDefinition]:
    """What `define_metric` said, from the config's internal part."""
    items = _internal(raw).get("m")
    out: list[MetricDefinition] = []
    items = [item for item in items or [] if isinstance(item, dict)]
    names = [str(item.get(_NAME) or item.get(_GLOB) or "") for item in items]
    for name, item in zip(names, items, strict=True):
        index = item.get(_AXIS_INDEX) or 0
        axis = item.get(_AXIS) or (names[index - 1] if 0 < index <= len(names) else "")
        out.append(
            MetricDefinition(
                name=name,
                glob=_GLOB in item and _NAME not in item,
                x_axis=str(axis),
                summary=[_SUMMARIES[n] for n in item.get(_SUMMARY) or [] if n in _SUMMARIES],
                goal=_GOALS.get(item.get(_GOAL) or 0, ""),
                hidden=2 in (item.get(_OPTIONS) or []),
            )
        )
    return out


def _environment(metadata: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    out = {k: v for k, v in metadata.items() if v not in (None, "", [], {})}
    internal = _internal(raw)
    if internal.get("cli_version"):
        out["wandb"] = internal["cli_version"]
    if internal.get("python_version"):
        out.setdefault("python", internal["python_version"])
    return out


def _runtime(run: Run, attributes: Mapping[str, Any]) -> float | None:
    wandb = run.summary.get("_wandb")
    rows = run.history["_runtime"].max() if run.history.height else None
    candidates = [
        rows,
        run.system["_runtime"].max() if run.system.height else None,
        run.summary.get("_runtime"),
        wandb.get("runtime") if isinstance(wandb, dict) else None,
    ]
    numbers = [float(c) for c in candidates if isinstance(c, int | float)]
    if numbers:
        return max(numbers)
    begin, end = (parse_time(attributes.get(name)) for name in ("createdAt", "heartbeatAt"))
    return (end - begin).total_seconds() if begin and end and end >= begin else None
