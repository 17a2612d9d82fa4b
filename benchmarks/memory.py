"""Memory and time of runs with many keys or much console output. Writes a Markdown table to stdout.

    python -m benchmarks.memory [CASE ...]

The logs are written record by record as SDK 0.31 writes them: one summary record beside each history
record, a logged table or histogram as one item per field. Each measurement is a fresh process, the median of
`ROUNDS`. Time is that of the processor, which a busy machine does not change much; memory is the peak resident
size. Both are without the imports.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import logs
from wandb.proto import wandb_internal_pb2 as pb

ROUNDS = 3
#: Seconds and bytes of address space after which a measurement is given up.
LIMIT_SECONDS, LIMIT_BYTES = 300, 8 << 30

WORKER = """
import io, json, os, resource, sys, time
from contextlib import redirect_stdout
import matplotlib.figure, matplotlib.backends.backend_agg, jinja2, rich.console
import postrun.sources.wandb_local.build, postrun.report.plots, postrun.report.html.page
from postrun import load
from postrun.cli.main import cli
import postrun.cli.analyze_command, postrun.cli.check_command
what, target, out, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
base, begin = peak(), time.process_time()
try:
    if what == "load":
        load(target)
    else:
        with redirect_stdout(io.StringIO()):
            more = ["--out", out] if what == "analyze" else []
            cli.main([what, target, *more], standalone_mode=False)
except SystemExit:
    pass
print(json.dumps([time.process_time() - begin, (peak() - base) / 1024]))
"""


def _log(folder: Path, rows: Iterator[dict[str, Any]], *more: pb.Record) -> Path:
    """Write a log with these rows, as they come: a history and a summary record for each."""

    def records() -> Iterator[pb.Record]:
        yield logs.run_record("bench")
        for number, row in enumerate(rows):
            full = row | {"_timestamp": 1.7e9 + number, "_runtime": number, "_step": number}
            record = logs.history(full, step=number, nested=True)
            yield record
            summary = pb.Record()
            for item in record.history.item:
                update = summary.summary.update.add()
                update.nested_key.extend(item.nested_key)
                update.value_json = item.value_json
            yield summary
        yield from more
        yield logs.exit_record()

    return logs.write(folder / "run-bench.wandb", records())


def numbers(rows: int) -> Iterator[dict[str, Any]]:
    """One new key with a number in each row, beside a loss."""
    return ({"loss": 1 / (1 + i), f"value_{i}": i / 7} for i in range(rows))


def tables(rows: int) -> Iterator[dict[str, Any]]:
    """One new table in each row."""
    artifact = "wandb-client-artifact://" + "x" * 128
    for i in range(rows):
        yield {
            "loss": 1 / (1 + i),
            f"table_{i}|_type": "table-file",
            f"table_{i}|ncols": 2,
            f"table_{i}|nrows": 10,
            f"table_{i}|size": 300 + i,
            f"table_{i}|log_mode": "IMMUTABLE",
            f"table_{i}|sha256": f"{i:064x}",
            f"table_{i}|path": f"media/table/table_{i}_{i}_{i:020x}.table.json",
            f"table_{i}|artifact_path": f"{artifact}/table_{i}.table.json",
            f"table_{i}|_latest_artifact_path": f"{artifact}:latest/table_{i}.table.json",
        }


def histograms(rows: int) -> Iterator[dict[str, Any]]:
    """One new histogram of 64 bins in each row."""
    for i in range(rows):
        yield {
            "loss": 1 / (1 + i),
            f"hist_{i}|_type": "histogram",
            f"hist_{i}|bins": [j * 0.140625 + i for j in range(65)],
            f"hist_{i}|values": [(i * j) % 97 for j in range(64)],
        }


def one_row(keys: int) -> Iterator[dict[str, Any]]:
    """Many keys in one row, between rows with a loss."""
    yield {"loss": 1.0}
    yield {"loss": 0.5} | {f"key_{i}": i / 7 for i in range(keys)}
    yield {"loss": 0.2}


def _plain() -> Iterator[dict[str, Any]]:
    return ({"loss": 1 / (1 + i)} for i in range(20))


def _console(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        _log(folder, _plain())
        logs.files(folder, output=text)
        return folder

    return write


def _rows(rows: Iterator[dict[str, Any]]) -> Callable[[Path], Path]:
    return lambda folder: _log(folder, rows)


CASES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "numbers": ("10,000 rows, a new number each", _rows(numbers(10_000))),
    "tables": ("10,000 rows, a new table each", _rows(tables(10_000))),
    "histograms": ("10,000 rows, a new histogram each", _rows(histograms(10_000))),
    "keys": ("100,000 keys in one row", _rows(one_row(100_000))),
    "million": ("1,000,000 keys in one row", _rows(one_row(1_000_000))),
    "newlines": ("console of 3 MB of newlines", _console("begin\n" + "\n" * 3_000_000 + "end\n")),
    "lines": ("console of 3 MB in short lines", _console("a\n" * 1_500_000)),
    "cursor": ("31 kB of far-right cursor moves", _console("\x1b[99999C.\n" * 3_000)),
}


def measure(what: str, target: Path, out: Path) -> str:
    """Return time and memory of one action, or why it did not end."""
    command = [sys.executable, "-c", WORKER, what, str(target), str(out), str(LIMIT_BYTES)]
    found: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            return f"more than {LIMIT_SECONDS} s"
        if done.returncode:
            return f"fails (exit code {done.returncode})"
        seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
        found.append((seconds, megabytes))
        if seconds > LIMIT_SECONDS / 10:
            break
    seconds, megabytes = (statistics.median(values) for values in zip(*found, strict=True))
    return f"{seconds:.2f} s, {megabytes:,.0f} MB"


def main(names: list[str]) -> None:
    """Measure the cases and print their table."""
    print("| input | read | check | analyze |\n|---|---|---|---|", flush=True)
    for name in names or CASES:
        title, make = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            target = make(Path(folder) / "wandb" / "run-20240101_000000-bench")
            cells = [
                measure(what, target, Path(folder) / "out") for what in ("load", "check", "analyze")
            ]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
