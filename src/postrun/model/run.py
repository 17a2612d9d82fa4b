"""A run: everything that one training left behind."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from postrun.model.completeness import Completeness
from postrun.model.display import notebook
from postrun.model.errors import UsageError
from postrun.model.kept import Kept
from postrun.model.text import duration

if TYPE_CHECKING:
    from postrun.model.growing import Growing


class State(enum.StrEnum):
    """How a run ended, in W&B's words."""

    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    RUNNING = "running"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, word: object) -> State | None:
        """Return the state that a word of W&B means, None if it is none that is known."""
        return _STATE_WORDS.get(str(word).lower())

    @property
    def words(self) -> str:
        """The state as people read it, as far as it shows how the run ended."""
        known = {State.CRASHED: "killed (no exit record)", State.UNKNOWN: "end not recorded"}
        return known.get(self, self.value)


_STATE_WORDS = {
    **{state.value: state for state in State if state is not State.UNKNOWN},
    "killed": State.CRASHED,
    "preempted": State.CRASHED,
    "pending": State.RUNNING,
    "preempting": State.RUNNING,
}


@dataclass(slots=True)
class Identity:
    """Who and where a run is. Times are UTC.

    `forked_from` is the id of the run that this one was forked from, `forked_at` the step at which.
    """

    id: str
    name: str = ""
    entity: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    sweep: str = ""
    host: str = ""
    url: str = ""
    commit: str = ""
    repository: str = ""
    started_at: datetime | None = None
    forked_from: str = ""
    forked_at: float | None = None

    @property
    def title(self) -> str:
        """Display name, or the id where there is none."""
        return self.name or self.id

    @property
    def parent(self) -> str:
        """The run that this one was forked from, in words; "" if it was not."""
        at = "" if self.forked_at is None else f" at step {self.forked_at:,.0f}"
        return f"{self.forked_from}{at}" if self.forked_from else ""


@dataclass(slots=True)
class MetricDefinition:
    """What `define_metric` said about one metric or glob of metrics, or what the user declares.

    `goal` is "minimize" or "maximize". `role` and `unit` are the user's own word
    (`postrun.metrics.declared`); "" in what the run itself logged.
    """

    name: str
    glob: bool = False
    x_axis: str = ""
    summary: list[str] = field(default_factory=list)
    goal: str = ""
    hidden: bool = False
    role: str = ""
    unit: str = ""


@dataclass(slots=True)
class Artifact:
    """An artifact that a run used (`direction` "input") or logged ("output"); `size` in bytes."""

    name: str
    type: str = ""
    direction: str = "output"
    aliases: list[str] = field(default_factory=list)
    digest: str = ""
    size: int | None = None


@dataclass(slots=True)
class Alert:
    """A `wandb.alert`."""

    title: str
    text: str = ""
    level: str = ""


@dataclass(slots=True)
class RunFile:
    """A file that the run saved; `size` in bytes, None where the file is not at hand."""

    path: str
    size: int | None = None
    kind: str = ""


def empty_history() -> pl.DataFrame:
    """A history without rows, with the columns that each history has."""
    return pl.DataFrame(
        schema={"_step": pl.Int64, "_runtime": pl.Float64, "_timestamp": pl.Float64}
    )


#: The columns that each history begins with, and their types.
TIMES = {"_step": pl.Int64, "_runtime": pl.Float64, "_timestamp": pl.Float64}


def with_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the columns that each history begins with.

    A missing `_step` counts the rows; a missing `_runtime` or `_timestamp` is null.

    Raises:
        UsageError: One of them holds something else than numbers.
    """
    columns = {series.name: series for series in frame}
    for name, dtype in TIMES.items():
        column = columns.get(name)
        if column is None:
            missing = [None] * frame.height
            column = pl.Series(
                name, range(frame.height) if name == "_step" else missing, dtype=dtype
            )
        elif not column.dtype.is_numeric() and column.count():
            raise UsageError(
                f"the column {name} holds {column.dtype}, not numbers: cast it, or leave it out to count rows"
            )
        columns[name] = column.cast(dtype, strict=False)
    names = [*TIMES, *(name for name in columns if name not in TIMES)]
    return pl.DataFrame([columns[name] for name in names])


def empty_console() -> pl.DataFrame:
    """A console log without lines."""
    texts = dict.fromkeys(("stream", "line", "styled"), pl.String)
    return pl.DataFrame(schema={"timestamp": pl.Float64, **texts})


@dataclass(slots=True)
class Run:
    """Everything that one run left behind.

    Attributes:
        history: One row per logged record in the order of logging, one column per metric, after
            `_step` (Int64), `_runtime` (seconds since the start) and `_timestamp` (Unix seconds).
            A metric that a row does not log is null; NaN and ±Infinity are kept. Nested
            dictionaries are flattened with `.`; media, tables and histograms are columns of JSON
            text.
        system: System metrics, one row per sample, `_timestamp` (Unix seconds) and `_runtime`
            first.
        console: One row per line as a terminal would have shown it: `timestamp` (Unix seconds or
            null), `stream` ("stdout" or "stderr"), `line`, and `styled`: the line with its colours as
            SGR sequences, null where it has none.
        exit_code: What the process returned; None where no exit was recorded.
        runtime: Seconds from start to the last sign of life; None where unknown.
        active: Seconds during which a process ran, without the time between the segments of a
            resumed run; None if unknown or equal to `runtime`.
        texts: Small text files of the run by path, where its source fetched them (config.yaml,
            output.log, ...); what lies on disk beside the run anyway is not repeated here.
        parts: The runs of which this one is joined (trainer and orchestrator, say); empty for a run
            as it was logged.
        origin: For a joined run: column of `history` to (index in `parts`, key there).
    """

    identity: Identity
    state: State = State.UNKNOWN
    exit_code: int | None = None
    runtime: float | None = None
    active: float | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: pl.DataFrame = field(default_factory=empty_history)
    system: pl.DataFrame = field(default_factory=pl.DataFrame)
    console: pl.DataFrame = field(default_factory=empty_console)
    files: list[RunFile] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    metrics: list[MetricDefinition] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    telemetry: dict[str, Any] = field(default_factory=dict)
    preempting: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    completeness: Completeness = field(default_factory=Completeness)
    path: Path | None = None
    parts: list[Run] = field(default_factory=list)
    origin: dict[str, tuple[int, str]] = field(default_factory=dict)
    only: frozenset[str] | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame,
        *,
        id: str = "run",  # noqa: A002 - the field's name
        name: str = "",
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
        state: State = State.UNKNOWN,
        console: Sequence[str] = (),
    ) -> Run:
        """Return a run with a Polars frame as its history: one row per step, one column per metric.

        `_step` counts the rows if it is missing, `_runtime` (seconds) and `_timestamp` (Unix seconds) are then
        null. `console` are lines of the log.

        Raises:
            UsageError: A column of steps or times holds no numbers, or a column is nested.
        """
        nested = [series.name for series in frame if series.dtype.is_nested()]
        if nested:
            raise UsageError(
                f"the columns {', '.join(nested)} are nested: flatten them (DataFrame.unnest), or write the "
                "frame to a Parquet file and load its path"
            )
        history = with_times(frame)
        # Polars reads a series' own name as a pattern ("*", "^a$") in its methods.
        floats = [series.alias("x") for series in history if series.dtype.is_float()]
        steps = history["_step"]
        low, high = steps.min(), steps.max()
        done = Completeness(
            source="frame",
            rows=history.height,
            first_step=low if isinstance(low, int) else None,
            last_step=high if isinstance(high, int) else None,
            nonfinite=sum(int((~s.drop_nulls().is_finite()).sum()) for s in floats),
        )
        seconds = history["_runtime"].max()
        lines = {"line": list(console), "stream": ["stdout"] * len(console)}
        return cls(
            identity=Identity(id, name=name),
            state=state,
            config=dict(config or {}),
            summary=dict(summary or {}),
            history=history,
            console=pl.DataFrame(lines, schema_overrides={"line": pl.String}).select(
                pl.lit(None, pl.Float64).alias("timestamp"),
                "stream",
                "line",
                pl.lit(None, pl.String).alias("styled"),
            )
            if console
            else empty_console(),
            runtime=float(seconds) if isinstance(seconds, int | float) else None,
            completeness=done,
        )

    @property
    def id(self) -> str:
        """The run's id."""
        return self.identity.id

    @property
    def name(self) -> str:
        """The run's display name, or its id."""
        return self.identity.title

    @property
    def working_seconds(self) -> float | None:
        """Seconds during which some process ran, None if unknown: what the run cost."""
        return self.runtime if self.active is None else self.active

    @property
    def lasted(self) -> str:
        """How long the run took, in words: "12 min", "8 min (10.8 h with pauses)", or ""."""
        if not self.runtime:
            return ""
        working = self.working_seconds
        if working is None or working > 0.9 * self.runtime:
            return duration(self.runtime)
        return f"{duration(working)} ({duration(self.runtime)} with pauses)"

    def __repr__(self) -> str:
        rows, columns = self.history.shape
        return f"<Run {self.id} {self.name!r} {self.state} {rows} rows x {columns} columns>"

    def _repr_html_(self) -> str:
        return notebook(self)


@dataclass(frozen=True, slots=True)
class Listing:
    """What listing shows of a run beyond where it lies.

    `ended` is how it ended in the words of the reports, "" if only its state is known. `values` are the last
    values of its metrics as far as they are at hand, `_step` and `_runtime` (seconds) among them.
    """

    name: str = ""
    project: str = ""
    state: State = State.UNKNOWN
    ended: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run that was found but not read yet: what listing shows, and how to load the rest.

    `part_loader`, if there is one, reads only some metrics of the history (`Run.only` then names them); it may
    still read a run whole. `listing` tells name, project and state: on disk that costs a look into the log.
    `look`, if the source has it, reads a small run for what its listing lacks. `modified` is Unix seconds;
    `load` reads the whole run and may raise TargetError. `version` tells whether the run changed since it was
    read, "" if that cannot be told. `remote` is True if it must come over the network; then `continue_from`
    reads it when its history up to some row is known, and `download` puts its files that match patterns into a
    folder. `filtered` is True if the source applied all filters already; `follow`
    reads the run while it grows; `kept` is there for runs of a store.
    """

    id: str
    source: str
    path: Path
    loader: Callable[[], Run]
    part_loader: Callable[[frozenset[str]], Run] | None = None
    listing: Callable[[], Listing] = Listing
    look: Callable[[], Listing] | None = None
    modified: float = 0.0
    size: int = 0
    remote: bool = False
    version: str = ""
    continue_from: Callable[[pl.DataFrame], Run] | None = None
    download: Callable[[Path, Sequence[str]], list[Path]] | None = None
    filtered: bool = False
    follow: Callable[[], Growing] | None = None
    kept: Kept | None = None

    @property
    def name(self) -> str:
        """Display name, "" where it has none."""
        return self.listing().name

    @property
    def project(self) -> str:
        """The project, "" where it is not known."""
        return self.listing().project

    @property
    def state(self) -> State:
        """The state, as far as it can be told without reading the run."""
        return self.listing().state

    @property
    def values(self) -> Mapping[str, float]:
        """The last values of its metrics, as far as listing shows them."""
        return self.listing().values

    @property
    def ended(self) -> str:
        """How the run ended in words, as far as it can be told without reading the run."""
        shown = self.listing()
        return shown.ended or shown.state.words

    def looked(self) -> RunRef:
        """Return the reference with a fuller listing, which may read a small run."""
        return self if self.look is None else replace(self, listing=self.look)

    def load(self) -> Run:
        """Read the whole run."""
        return self.loader()
