"""One `.wandb` file, read whole in one pass."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from postrun.model import Alert, Artifact, Damage, MetricDefinition
from postrun.model.run import empty_console, empty_history
from postrun.model.times import MOST_STEPS, is_duration, is_time
from postrun.sources import lenient_json, telemetry
from postrun.sources.frames.times import ordered
from postrun.sources.oddities import Odd, Oddities
from postrun.sources.wandb_local import wire
from postrun.sources.wandb_local.columns import Table
from postrun.sources.wandb_local.console import Console
from postrun.sources.wandb_local.framing import LogReader
from postrun.sources.wandb_local.keys import key_path
from postrun.sources.wandb_local.media import fold_media
from postrun.sources.wandb_local.scan import (
    Buffer,
    Ints,
    Spans,
    classify,
    output_lines,
    split,
    step_numbers,
)
from postrun.sources.wandb_local.schema import RECORD
from postrun.sources.wandb_local.summary import Summary, json_value, remove_path, set_path

_SUMMARIES = ("min", "max", "mean", "best", "last", "first", "copy", "none")
_GOALS = {1: "minimize", 2: "maximize"}
_FILE_KINDS = {1: "wandb", 2: "media", 3: "artifact"}


def empty_system() -> pl.DataFrame:
    """Return system metrics without samples."""
    return pl.DataFrame(schema={"_timestamp": pl.Float64, "_runtime": pl.Float64})


@dataclass(slots=True)
class Log:
    """What one log holds; frames are as `Run` documents them, `system` without `_runtime`.

    Attributes:
        exited: True if an exit record was seen; its code is 0 if the record holds none.
        shared: True if the SDK says that several processes write this run.
        unreadable: Why no record could be read; "" if some were.
        remedy: What to do about that.
    """

    path: Path
    run: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    internal_config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: pl.DataFrame = field(default_factory=empty_history)
    system: pl.DataFrame = field(default_factory=empty_system)
    console: pl.DataFrame = field(default_factory=empty_console)
    files: dict[str, str] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    metrics: dict[str, MetricDefinition] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    telemetry: dict[str, Any] = field(default_factory=dict)
    exited: bool = False
    exit_code: int | None = None
    exit_runtime: int | None = None
    preempting: bool = False
    shared: bool = False
    media: dict[str, int] = field(default_factory=dict)
    nonfinite: int = 0
    damage: list[Damage] = field(default_factory=list)
    truncated: bool = False
    notes: list[str] = field(default_factory=list)
    records: int = 0
    unreadable: str = ""
    remedy: str = ""


def read_log(path: Path, only: frozenset[str] | None = None) -> Log:
    """Read a `.wandb` file; TargetError where it is not one, damage noted in the result.

    `only` names the columns of the history that are wanted, None for all; with none of them, rows are counted
    and the summary is left out as well. `Log.nonfinite` is then above 0 where anything may not be finite.
    """
    reader = Records(path, only)
    frames = LogReader(path)
    for payloads in frames:
        reader.add(payloads)
    return reader.finish(frames)


#: Columns that are always read with any other.
_TIMES = frozenset({"_step", "_runtime", "_timestamp"})
#: The step of a row whose record holds none.
_NO_STEP = -(1 << 63)
#: What a value that is not finite looks like in a log, whatever its key.
_NOT_FINITE = (b"NaN", b"Infinity")


class Records:
    """What the records of one log say, batch by batch; `finish` makes a `Log` of it."""

    def __init__(self, path: Path, only: frozenset[str] | None = None) -> None:
        self.only = only
        self.log = Log(path)
        self.odd = Oddities()
        self.history = Table(None if only is None else only | _TIMES, self.odd)
        self.suspicious = False
        self.system = Table(odd=self.odd)
        self.summary = Summary(self.odd)
        self.console = Console()
        self.metric_names: list[str] = []
        self.history_steps: list[tuple[Ints, Ints]] = []
        self.stat_times: list[float] = []

    def so_far(self, frames: LogReader) -> Log:
        """Return what was read so far; more records may be added afterwards."""
        twin = copy(self)
        twin.log, twin.odd = deepcopy(self.log), Oddities(self.odd)
        twin.history, twin.system = self.history.twin(twin.odd), self.system.twin(twin.odd)
        twin.summary = self.summary.twin(twin.odd)
        return twin.finish(frames)

    def finish(self, frames: LogReader) -> Log:
        """Return what was read; no more records may be added."""
        log = self.log
        log.damage, log.truncated = list(frames.damage), frames.truncated
        log.history = self._history_frame()
        log.system = self._system_frame()
        log.console = self.console.frame()
        log.summary = self.summary.value()
        log.config = lenient_json.shallow(log.config, self.odd)
        log.internal_config = lenient_json.shallow(log.internal_config, self.odd)
        log.media = dict(self.history.media)
        log.nonfinite = self.history.nonfinite or int(self.suspicious)
        log.notes += self.history.notes + self.console.notes
        log.notes += [f"system metrics: {n}" for n in self.system.notes]
        log.notes += self.odd.sentences()
        return log

    def add(self, payloads: list[bytes]) -> None:
        """Read a batch of records."""
        self.log.records += len(payloads)
        if not payloads:
            return
        buffer = Buffer.of(payloads)
        history, summary, output, others = classify(buffer)
        stats: list[tuple[int, int]] = []
        for i in others:
            self._other(buffer, int(buffer.starts[i]), payloads[i], stats)
        if len(output):
            lines, broken = output_lines(buffer, output)
            self.odd[Odd.RECORD] += broken
            for stdout, moment, text in lines:
                time = self._time(moment if moment == moment else None)
                self.console.write("stdout" if stdout else "stderr", text, time)
        self._rows(buffer, history, summary)
        if stats:
            self._stats(buffer, stats)

    def _rows(self, buffer: Buffer, history: Spans, summary: Spans) -> None:
        """History and summary records, whose items look alike: both are split in one pass."""
        count = len(history)
        if self.only is not None and not self.suspicious:
            # One letter is sought at memory's speed, a word at a hundredth of it.
            self.suspicious = any(w[:1] in buffer.data and w in buffer.data for w in _NOT_FINITE)
        if self.only is not None and not self.only:
            self.history.rows += count
            return
        rows = np.arange(count + len(summary), dtype=np.int64)
        both = Spans(
            rows,
            np.concatenate([history.start, summary.start]),
            np.concatenate([history.end, summary.end]),
        )
        (items, others), broken = split(buffer, both, 0x0A, 0x12)
        self.odd[Odd.PART] += len(set(broken))
        steps = others.pick(others.row < count)
        if len(steps):
            self.history_steps.append((steps.row + self.history.rows, step_numbers(buffer, steps)))
        if count:
            self.history.add(buffer, items.pick(items.row < count))
            self.history.rows += count
        if len(summary):
            updates, removals = items.pick(items.row >= count), others.pick(others.row >= count)
            self.summary.add(buffer, updates, removals)

    def _history_frame(self) -> pl.DataFrame:
        rows = self.history.rows
        columns = fold_media({s.name: s for s in self.history.series()}, self.history.media)
        logged = columns.get("_step")
        if self.history_steps and (logged is None or logged.null_count()):
            numbers = np.full(rows, _NO_STEP, np.int64)
            for row, number in self.history_steps:
                numbers[row] = number
            record = pl.Series("_step", numbers)
            if logged is not None and logged.dtype.is_numeric():
                record = _filled(logged, record)
            elif logged is not None:
                columns["_step:text"] = logged.cast(pl.String).alias("_step:text")
            columns["_step"] = record
        if (steps := columns.get("_step")) is not None and steps.dtype.is_integer():
            columns["_step"] = self._believed_steps(steps)
        return ordered(columns, rows, self.log.notes)

    def _believed_steps(self, steps: pl.Series) -> pl.Series:
        """Return steps without those that no run reaches."""
        good = (steps >= 0) & (steps < MOST_STEPS)
        self.odd[Odd.STEP] += int((~good & (steps != _NO_STEP)).sum())
        return pl.select(pl.when(good).then(steps).alias("_step")).to_series()

    def _stats(self, buffer: Buffer, spans: list[tuple[int, int]]) -> None:
        table = np.array(spans, np.int64)
        messages = Spans(np.arange(len(spans)), table[:, 0].copy(), table[:, 1].copy())
        (items, times), broken = split(buffer, messages, 0x1A, 0x12)
        self.odd[Odd.PART] += len(set(broken))
        base = len(self.stat_times)
        self.stat_times += [float("nan")] * len(spans)
        pairs = zip(times.row.tolist(), times.start.tolist(), times.end.tolist(), strict=True)
        for row, start, end in pairs:
            moment = self._seconds(self._decoded(buffer.data, "Timestamp", start, end))
            self.stat_times[base + row] = moment if moment is not None else float("nan")
        self.system.add(buffer, items)
        self.system.rows += len(spans)

    def _system_frame(self) -> pl.DataFrame:
        if not self.stat_times:
            return empty_system()
        columns = {s.name: s for s in self.system.series()}
        columns.pop("_wandb", None)
        columns["_timestamp"] = pl.Series("_timestamp", self.stat_times).fill_nan(None)
        names = ["_timestamp", *sorted(n for n in columns if n != "_timestamp")]
        return pl.DataFrame([columns[n] for n in names])

    def _other(
        self, buffer: Buffer, base: int, payload: bytes, stats: list[tuple[int, int]]
    ) -> None:
        try:
            number, start, end = wire.record(payload)
            kind = RECORD.get(number)
            if kind == "stats":
                stats.append((base + start, base + end))
            elif kind is not None:
                getattr(self, f"_on_{kind}")(payload, start, end)
        except Exception:  # whatever is odd in one record, the others are read
            self.odd[Odd.RECORD] += 1

    def _decoded(self, payload: bytes, message: str, start: int, end: int) -> dict[str, Any]:
        """Return a message as far as it is readable; what is not is counted."""
        bad: list[str] = []
        found = wire.decode(payload, message, start, end, bad)
        self.odd[Odd.FIELD] += len(bad)
        return found

    def _seconds(self, timestamp: dict[str, int] | None) -> float | None:
        """Return the Unix seconds of a Timestamp; an impossible one is counted."""
        moment = seconds(timestamp)
        self.odd[Odd.TIME] += bool(timestamp) and moment is None
        return moment

    def _time(self, moment: float | None) -> float | None:
        """Return a Unix time if it is one; an impossible one is counted."""
        good = moment is None or is_time(moment)
        self.odd[Odd.TIME] += not good
        return moment if good else None

    def _duration(self, value: int | None) -> int | None:
        """Return a duration if a run may take it; an impossible one is counted."""
        good = value is None or is_duration(value)
        self.odd[Odd.TIME] += not good
        return value if good else None

    def _on_history(self, payload: bytes, start: int, end: int) -> None:
        """A history record in an unusual place of its payload."""
        self._rows(Buffer.of([payload]), _span(start, end), _span())

    def _on_summary(self, payload: bytes, start: int, end: int) -> None:
        self._rows(Buffer.of([payload]), _span(), _span(start, end))

    def _on_run(self, payload: bytes, start: int, end: int) -> None:
        run = self._decoded(payload, "RunRecord", start, end)
        self._merge_config(run.pop("config", {}))
        for item in run.pop("summary", {}).get("update", []):
            self.summary.set(key_path(item), item.get("value_json", "null").encode())
        self._learn_telemetry(run.pop("telemetry", {}))
        if self._seconds(run.get("start_time")) is None:
            run.pop("start_time", None)
        if self._duration(run.get("runtime")) is None:
            run.pop("runtime", None)
        self.log.run |= {k: v for k, v in run.items() if v not in ("", [], None)}

    def _on_config(self, payload: bytes, start: int, end: int) -> None:
        self._merge_config(self._decoded(payload, "ConfigRecord", start, end))

    def _merge_config(self, record: dict[str, Any]) -> None:
        for item in record.get("update", []):
            path = key_path(item)
            value = json_value(item.get("value_json", "null"), self.odd, len(path))
            if path[0] == "_wandb":
                set_path(self.log.internal_config, path[1:] or ("_",), value)
            else:
                set_path(self.log.config, path, value)
        for item in record.get("remove", []):
            remove_path(self.log.config, key_path(item))

    def _on_output(self, payload: bytes, start: int, end: int) -> None:
        self._print(self._decoded(payload, "OutputRecord", start, end))

    def _on_output_raw(self, payload: bytes, start: int, end: int) -> None:
        """A raw output record in an unusual place of its payload."""
        self._print(self._decoded(payload, "OutputRawRecord", start, end))

    def _print(self, record: dict[str, Any]) -> None:
        stream = "stdout" if record.get("output_type") == 1 else "stderr"
        self.console.write(stream, record.get("line", ""), self._seconds(record.get("timestamp")))

    def _on_files(self, payload: bytes, start: int, end: int) -> None:
        for item in self._decoded(payload, "FilesRecord", start, end).get("files", []):
            self.log.files[item.get("path", "")] = _FILE_KINDS.get(item.get("type", 0), "")

    def _on_artifact(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "ArtifactRecord", start, end)
        self.log.artifacts.append(
            Artifact(
                name=item.get("name", ""),
                type=item.get("type", ""),
                aliases=item.get("aliases", []),
                digest=item.get("digest", ""),
            )
        )

    def _on_use_artifact(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "UseArtifactRecord", start, end)
        name = item.get("name") or item.get("id", "")
        self.log.artifacts.append(Artifact(name, item.get("type", ""), direction="input"))

    def _on_alert(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "AlertRecord", start, end)
        self.log.alerts.append(
            Alert(item.get("title", ""), item.get("text", ""), item.get("level", ""))
        )

    def _on_telemetry(self, payload: bytes, start: int, end: int) -> None:
        self._learn_telemetry(self._decoded(payload, "TelemetryRecord", start, end))

    def _learn_telemetry(self, record: dict[str, Any]) -> None:
        told = telemetry.from_record(record)
        self.log.shared |= "shared_mode" in told.get("features", ())
        self.log.telemetry = telemetry.merged(self.log.telemetry, told)

    def _on_metric(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "MetricRecord", start, end)
        name = item.get("name") or item.get("glob_name", "")
        self.metric_names.append(name)
        axis = item.get("step_metric", "")
        index = item.get("step_metric_index", 0)
        if not axis and 0 < index <= len(self.metric_names):
            axis = self.metric_names[index - 1]
        summary = [s for s in _SUMMARIES if item.get("summary", {}).get(s)]
        known = self.log.metrics.get(name)
        self.log.metrics[name] = MetricDefinition(
            name=name,
            glob="glob_name" in item and "name" not in item,
            x_axis=axis or (known.x_axis if known else ""),
            summary=summary or (known.summary if known else []),
            goal=_GOALS.get(item.get("goal", 0), known.goal if known else ""),
            hidden=bool(item.get("options", {}).get("hidden")),
        )

    def _on_environment(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "EnvironmentRecord", start, end)
        self.log.environment |= {k: v for k, v in item.items() if v not in ("", [], 0)}

    def _on_preempting(self, payload: bytes, start: int, end: int) -> None:
        self.log.preempting = True

    def _on_exit(self, payload: bytes, start: int, end: int) -> None:
        item = self._decoded(payload, "RunExitRecord", start, end)
        self.log.exited = True
        self.log.exit_code = item.get("exit_code", 0)
        self.log.exit_runtime = self._duration(item.get("runtime"))


def _filled(logged: pl.Series, record: pl.Series) -> pl.Series:
    """Return the steps that rows hold as a value, else those of their records."""
    whole = logged.cast(pl.Int64, strict=False)
    return pl.select(pl.coalesce(whole, record)).to_series()


def _span(*ends: int) -> Spans:
    """One span from a start to an end, or none."""
    return Spans(*(np.array(v, np.int64) for v in ((0,)[: len(ends) // 2], ends[:1], ends[1:])))


def seconds(timestamp: dict[str, int] | None) -> float | None:
    """Return the Unix seconds of a decoded Timestamp, None if it holds no time that a run may have."""
    if not timestamp:
        return None
    moment = timestamp.get("seconds", 0) + timestamp.get("nanos", 0) / 1e9
    return moment if is_time(moment) else None
