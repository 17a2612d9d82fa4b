"""The log of one training: its rows, config, console and end, written as the SDK writes them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tests import logs
from wandb.proto import wandb_internal_pb2 as pb

Array = np.ndarray
Random = np.random.Generator
_START = 1_760_000_000.0


@dataclass(slots=True)
class Log:
    """What one training leaves behind.

    Attributes:
        config: Its settings.
        rows: What each call of `wandb.log` gave, in order.
        seconds: Seconds of each row, or of all rows alike.
        console: Lines of the console.
        errors: Lines of stderr at the end.
        exits: Exit code; None if the process was killed.
        program: Name of the script.
    """

    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    seconds: float | Sequence[float] = 1.0
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    exits: int | None = 0
    program: str = "train.py"

    def add(self, **values: Any) -> None:
        """Append one row; two underscores in a name stand for a slash."""
        self.rows.append({k.replace("__", "/"): v for k, v in values.items()})

    def columns(self, every: int = 1, first: int = 0, **series: Any) -> None:
        """Append rows of series of one length, logged each `every` steps of their column "step"."""
        names = {k.replace("__", "/"): v for k, v in series.items()}
        self.table(names, every, first)

    def table(self, series: dict[str, Any], every: int = 1, first: int = 0) -> None:
        """Append rows of named series, aligned at the first value; None is left out of its row."""
        n = max(len(v) for v in series.values() if hasattr(v, "__len__"))
        for i in range(first, n, every):
            row = {}
            for name, values in series.items():
                value = values[i] if hasattr(values, "__len__") else values
                if value is not None:
                    row[name] = _plain(value)
            self.rows.append(row)

    def write(self, folder: Path) -> Path:
        """Write the run folder, old enough not to count as running."""
        run_id = folder.name.replace("_", "")[:12]
        each = self.seconds
        steps = each if isinstance(each, Sequence) else [each] * len(self.rows)
        times = np.concatenate([[0.0], np.cumsum(np.asarray(steps, dtype=float))])
        records = [
            logs.run_record(
                run_id, int(_START), project=folder.name.split("_")[0], config=self.config
            )
        ]
        spoken = iter(self.console)
        share = len(self.console) / max(len(self.rows), 1)
        told = 0
        for i, row in enumerate(self.rows):
            at = _START + float(times[i + 1])
            stamped = {"_timestamp": at, "_runtime": at - _START, "_step": i} | row
            records.append(logs.history(_json(stamped), step=i))
            while told < share * (i + 1) and (line := next(spoken, None)) is not None:
                records.append(logs.output(line + "\n", seconds=int(at)))
                told += 1
        end = int(_START + times[-1])
        records += [logs.output(line + "\n", seconds=end) for line in spoken]
        records += [logs.output(line + "\n", "stderr", seconds=end) for line in self.errors]
        last: dict[str, Any] = {}
        for row in self.rows:
            last |= row
        summary = pb.Record()
        for key, value in _json(last).items():
            item = summary.summary.update.add()
            item.key = key
            item.value_json = value.decode() if isinstance(value, bytes) else json.dumps(value)
        records.append(summary)
        if self.exits is not None:
            records.append(logs.exit_record(self.exits))
        path = logs.run_folder(folder, run_id, records)
        output = "".join(f"{line}\n" for line in [*self.console, *self.errors])
        said = {
            "program": self.program,
            "codePath": self.program,
            "python": "3.11.9",
            "os": "Linux",
        }
        logs.files(path, summary=json.dumps(last), metadata=json.dumps(said), output=output)
        old = time.time() - 86_400
        for file in path.rglob("*"):
            os.utime(file, (old, old))
        return path


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with values as JSON writes them; numbers that are not finite as the SDK does."""
    return {k: _plain(v) for k, v in row.items()}


@dataclass(frozen=True, slots=True)
class Training:
    """One training and its truth, written before anything was asked about it.

    Attributes:
        fault: Name of the fault's kind in kinds.toml, "" if nothing is wrong.
        says: What a competent reader would say.
        never: Patterns of what must not be said, of any grade.
        allowed: Names of kinds that may be said of a healthy one without being an alarm.
        curve: False if no curve shows the fault.
    """

    name: str
    make: Callable[[Random], Log]
    fault: str
    says: str
    never: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    curve: bool = True
    needs: str = ""


TRAININGS: dict[str, Training] = {}


def training(
    fault: str, says: str, never: tuple[str, ...] = (), allowed: tuple[str, ...] = (), *,
    curve: bool = True, needs: str = "",
) -> Callable[[Callable[[Random], Log]], Callable[[Random], Log]]:  # fmt: skip
    """Enter a training under its function's name."""

    def enter(make: Callable[[Random], Log]) -> Callable[[Random], Log]:
        name = make.__name__
        TRAININGS[name] = Training(name, make, fault, says, never, allowed, curve, needs)
        return make

    return enter


def power(n: int, start: float, end: float, by: float = 0.35, scale: float = 20.0) -> Array:
    """Return a power law from `start` that reaches `end` after n steps."""
    shape = (1 + np.arange(n) / scale) ** -by
    return np.asarray(end + (start - end) * (shape - shape[-1]) / (1 - shape[-1]))


def rise(n: int, start: float, end: float, tau: float) -> Array:
    """Return an exponential approach from `start` to `end`."""
    return end + (start - end) * np.exp(-np.arange(n) / tau)


def sigmoid(n: int, start: float, end: float, at: float, width: float) -> Array:
    """Return a step of a given width."""
    return np.asarray(start + (end - start) / (1 + np.exp(-(np.arange(n) - at) / width)))


def slow(rng: Random, n: int, sd: float, rho: float = 0.9) -> Array:
    """Return noise whose neighbours are alike."""
    out = np.empty(n)
    now = rng.normal(0, sd)
    for i in range(n):
        now = rho * now + rng.normal(0, sd * np.sqrt(1 - rho * rho))
        out[i] = now
    return out


def times(rng: Random, values: Array, sd: float) -> Array:
    """Return values with noise in proportion to them."""
    return values * np.exp(rng.normal(0, sd, len(values)))


def cosine(n: int, peak: float, warm: int = 0, floor: float = 0.0, total: int = 0) -> Array:
    """Return a warm-up and a cosine decay over `total` steps, at its floor afterwards."""
    at = np.arange(n)
    total = total or n
    part = np.clip((at - warm) / max(total - warm, 1), 0, 1)
    out = floor + (peak - floor) * 0.5 * (1 + np.cos(np.pi * part))
    return np.where(at < warm, peak * (at + 1) / max(warm, 1), out)


def every(values: Array, each: int) -> list[float | None]:
    """Return values at each `each`-th step, None between."""
    return [float(v) if (i + 1) % each == 0 else None for i, v in enumerate(values)]


def lines(n: int, said: Callable[[int], str], each: int = 1) -> Iterator[str]:
    """Yield the console's lines."""
    for i in range(0, n, each):
        yield said(i)
