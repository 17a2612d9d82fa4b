"""SwanLab: `run-ID.swanlab`, a log with the blocks of LevelDB as W&B's has, and its own protobuf records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from struct import unpack_from
from typing import Any

import numpy as np
import polars as pl

from postrun.model import Identity, Run, State, TargetError, empty_console
from postrun.sources.files import read_json
from postrun.sources.trackers.base import Found
from postrun.sources.trackers.building import moment, tracker_run
from postrun.sources.trackers.points import Points, coded, rows_of
from postrun.sources.trackers.settings_files import read_settings
from postrun.sources.trackers.system import system_frame
from postrun.sources.wandb_local.framing import LogReader
from postrun.sources.wandb_local.wire import BYTES, FIXED64, VARINT, WireError, fields, varint

_SUFFIX = ".swanlab"
_HEADER = b":SWL"
#: Fields of Record, and the numbers of their own fields that are read.
_TIME, _START, _FINISH, _COLUMN, _SCALAR, _LOG = 2, 10, 11, 12, 13, 16
_STATES = {1: State.FINISHED, 2: State.FAILED, 3: State.CRASHED}
_SYSTEM_CLASS = 2
#: How the names of metrics of the machine begin.
_OWN = "__swanlab__."


class SwanLab:
    """Run folders of SwanLab 0.10."""

    name = "swanlab"
    title = "SwanLab"

    def runs(self, folder: Path, names: Sequence[str]) -> Iterator[Found]:
        """Yield the run whose log lies in a folder.

        Raises:
            TargetError: A log is of another version, after the runs of all others.
        """
        logs = [folder / name for name in sorted(names) if name.endswith(_SUFFIX)]
        known = [path for path in logs if _is_log(path)]
        for path in known:
            run_id = path.stem.removeprefix("run-")
            yield Found(path, (path,), partial(_load, self.name, path), id=run_id, alone=False)
        for path in logs:
            if path not in known and path.is_file() and path.stat().st_size:
                raise TargetError(
                    path,
                    "not a log of SwanLab 0.10: it does not begin as these do",
                    "Update SwanLab or postrun, or read the run with SwanLab's own library and pass it to "
                    "Run.from_frame.",
                )

    def owns(self, folder: Path, name: str) -> bool:
        """Return whether a folder is part of a run."""
        return name in ("files", "debug", "media")


def _is_log(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


@dataclass(slots=True)
class _Log:
    """What the records of a log hold."""

    start: dict[int, Any] = field(default_factory=dict)
    state: State = State.UNKNOWN
    ended: float | None = None
    names: list[str] = field(default_factory=list)
    values: list[tuple[int, float, float]] = field(default_factory=list)
    system: set[str] = field(default_factory=set)
    lines: list[tuple[float | None, str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    invalid: int = 0


def _load(source: str, path: Path, run_id: str) -> Run:
    """Read a run.

    Raises:
        TargetError: The log cannot be read.
    """
    reader, log = LogReader(path), _Log()
    try:
        for batch in reader:
            for payload in batch:
                _read_record(payload, log)
    except OSError as error:
        raise TargetError(
            path, f"not readable: {error.strerror}", "Check its permissions."
        ) from None
    except TargetError:  # which speaks of W&B
        raise TargetError(path, "not a readable log of SwanLab", "Copy it again.") from None
    notes: list[str] = []
    files = path.parent / "files"
    config = _unwrapped(read_settings(files / "config.yaml", notes))
    about = read_json(files / "swanlab-metadata.json", notes)
    started = log.start.get(12)
    text = {n: str(log.start.get(n, "")) for n in (1, 2, 4, 5, 7, 8)}
    identity = Identity(
        run_id,
        name=text[4],
        entity=text[2],
        project=text[1],
        notes=text[5],
        group=text[7],
        job_type=text[8],
        tags=log.tags,
        started_at=moment(started),
    )
    own, machine = _frames(log)
    run = tracker_run(
        source, identity, own, path, config=config, state=log.state, ended=log.ended, notes=notes
    )
    run.system = system_frame(machine, run.identity.started_at)
    run.console = _console(log)
    _note_machine(run, about)
    run.requirements = _lines(files / "requirements.txt")
    # The reader of W&B's logs takes SwanLab's header for a damaged one of theirs.
    run.completeness.damage = [d for d in reader.damage if d.offset or "header" not in d.reason]
    run.completeness.truncated = reader.truncated
    if log.invalid:
        run.completeness.notes.append(f"{log.invalid} records could not be decoded")
    return run


def _unwrapped(config: dict[str, Any]) -> dict[str, Any]:
    """Return settings without the descriptions around them."""
    return {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in config.items()}


def _read_record(payload: bytes, log: _Log) -> None:
    try:
        for number, kind, a, b in fields(payload):
            if kind != BYTES:
                continue
            if number == _SCALAR:
                _read_scalar(payload, a, b, log)
            elif number == _LOG:
                parts = _plain(payload, a, b)
                log.lines.append(
                    (parts.get(3), "stderr" if parts.get(2) else "stdout", str(parts.get(1, "")))
                )
            elif number == _COLUMN:
                parts = _plain(payload, a, b)
                if parts.get(1) == _SYSTEM_CLASS:
                    log.system.add(str(parts.get(3)))
            elif number == _START:
                log.start = _plain(payload, a, b)
                log.tags = [payload[c:d].decode() for n, _, c, d in fields(payload, a, b) if n == 6]
            elif number == _FINISH:
                parts = _plain(payload, a, b)
                log.state, log.ended = _STATES.get(parts.get(1, 0), State.UNKNOWN), parts.get(3)
    except (WireError, UnicodeDecodeError):
        log.invalid += 1


#: Fields of records that are times.
_TIMES = {_START: 12, _FINISH: 3, _LOG: 3}


def _plain(data: bytes, start: int, stop: int) -> dict[int, Any]:
    """Return the fields of a message by number: texts, whole numbers, and times as Unix seconds."""
    out: dict[int, Any] = {}
    for number, kind, a, b in fields(data, start, stop):
        if kind == VARINT:
            out[number] = varint(data, a)[0]
        elif (
            kind == BYTES
            and number in _TIMES.values()
            and (moment := _timestamp(data, a, b)) is not None
        ):
            out[number] = moment
        elif kind == BYTES:
            out[number] = data[a:b].decode("utf-8", "replace")
    return out


def _timestamp(data: bytes, start: int, stop: int) -> float | None:
    """Return a google.protobuf.Timestamp as Unix seconds, None if the bytes are something else."""
    try:
        parts = {
            n: varint(data, a)[0]
            for n, k, a, _ in fields(data, start, stop)
            if k == VARINT and n in (1, 2)
        }
    except WireError:
        return None
    return parts[1] + parts.get(2, 0) / 1e9 if 1 in parts else None


def _read_scalar(data: bytes, start: int, stop: int, log: _Log) -> None:
    """Note a value: key, step, time, number."""
    name, step, time, value = "", 0, float("nan"), 0.0
    for number, kind, a, b in fields(data, start, stop):
        if number == 1 and kind == BYTES:
            name = data[a:b].decode()
        elif number == 2 and kind == VARINT:
            step = varint(data, a)[0]
        elif number == 4 and kind == BYTES:
            time = _timestamp(data, a, b) or time
        elif number == 5 and kind == BYTES:
            value = next(
                (
                    unpack_from("<d", data, c)[0]
                    for n, k, c, _ in fields(data, a, b)
                    if k == FIXED64
                ),
                0.0,
            )
    log.names.append(name)
    log.values.append((step, time, value))


def _frames(log: _Log) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the history, and the samples of the machine."""
    names, code = coded(log.names)
    table = np.array(log.values, np.float64).reshape(len(log.values), 3)
    step, time, value = table[:, 0].astype(np.int64), table[:, 1], table[:, 2]
    machine = np.array([n in log.system or n.startswith(_OWN) for n in names], np.bool_)
    of_machine = machine[code] if len(code) else np.zeros(0, np.bool_)
    own, other = (
        rows_of(Points(names, code[rows], step[rows], time[rows], value[rows]))[0]
        for rows in (~of_machine, of_machine)
    )
    return own, other.rename({n: n.removeprefix(_OWN) for n in other.columns})


def _console(log: _Log) -> pl.DataFrame:
    if not log.lines:
        return empty_console()
    times, streams, lines = zip(*log.lines, strict=True)
    columns = {"timestamp": times, "stream": streams, "line": lines, "styled": [None] * len(lines)}
    return pl.DataFrame(columns, schema=empty_console().schema)


def _note_machine(run: Run, about: dict[str, Any]) -> None:
    """Take host, program and hardware from what SwanLab keeps of the machine."""
    runtime, hardware, git = (about.get(k) or {} for k in ("runtime", "hardware", "git"))
    run.identity.host = str(runtime.get("hostname") or "")
    run.identity.commit, run.identity.repository = (
        str(git.get("commit") or ""),
        str(git.get("remote_url") or ""),
    )
    cpu = hardware.get("cpu") or {}
    devices = [d for a in hardware.get("accelerators") or [] for d in a.get("devices") or []]
    found = {
        "os": runtime.get("os"),
        "python": runtime.get("python_version"),
        "program": runtime.get("command"),
        "cpu_count": cpu.get("physical_count"),
        "cpu_count_logical": cpu.get("logical_count"),
        "gpu": next((d.get("name") for d in devices), None),
        "gpu_count": len(devices) or None,
    }
    run.environment = {key: value for key, value in found.items() if value is not None}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    except OSError:
        return []
