"""What postrun costs beside another way of doing the same, against what it cost when that was last kept.

    python -m benchmarks.check            (or: make bench-check)
    python -m benchmarks.check --short    (or: make bench-check SHORT=1; fewer pairs: what CI runs)
    python -m benchmarks.check --keep     (write the ratios to benchmarks/results.json)

Each row is a pair of commands, each a fresh process, run in turn: the ratio of their CPU seconds (user and
system, with those of their own processes) is taken for each pair, and the median over the pairs counts. A busy
machine slows both. A row whose median is above the kept one by more than BAND is measured again with three
times the pairs, and fails only if it is above it again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.run import OURS, OUT, PLAIN, TAIL, make_run
from benchmarks.seed_sized import export_like_the_seed, make_seed_sized

KEPT = Path(__file__).with_name("results.json")
#: A ratio may be this much above the kept one: medians of three pairs on a busy machine differ by less.
BAND = 0.25
_PYTHON = sys.executable
_PAIRS, _SHORT_PAIRS = 7, 3


@dataclass(frozen=True)
class Row:
    """Two commands that are held side by side."""

    name: str
    ours: Sequence[str]
    other: Sequence[str]


def rows() -> list[Row]:
    """All pairs; their inputs are made once and kept in `benchmarks/out`."""
    log = str(make_run(5_000, 20, OUT / "run_5000"))
    source = make_seed_sized(OUT / "seed_sized").resolve()
    exported = export_like_the_seed(source, OUT / "seed_exported").resolve()
    postrun = [_PYTHON, "-m", "postrun"]
    start = [_PYTHON, "-c", "import numpy, polars, click, orjson, rich.console"]
    head = "import json\n"
    return [
        Row(
            "read 5,000 x 20 / plain way",
            [_PYTHON, "-c", head + OURS + TAIL, log],
            [_PYTHON, "-c", head + PLAIN + TAIL, log],
        ),
        Row(
            "analyze 1,000 x 73 / pandas + matplotlib",
            [*postrun, "analyze", str(source)],
            [_PYTHON, "-P", str(Path(__file__).with_name("seed_way.py").resolve()), str(exported)],
        ),
        Row("check 1,000 x 73 / import of its libraries", [*postrun, "check", str(source)], start),
        Row("rules / import of those libraries", [*postrun, "rules"], start),
        Row("--help / import of click", [*postrun, "--help"], [_PYTHON, "-c", "import click"]),
    ]


def cost(command: Sequence[str]) -> tuple[float, float]:
    """Run a command; its seconds of CPU and of the wall clock. Exit code 1, of a gate, is no failure."""
    with tempfile.TemporaryDirectory() as folder:
        before, begin = os.times(), time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        after, end = os.times(), time.perf_counter()
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    cpu = after.children_user + after.children_system
    return cpu - before.children_user - before.children_system, end - begin


def measured(row: Row, pairs: int) -> dict[str, float]:
    """The median ratio of CPU over the pairs, and the medians of each way's seconds."""
    ours, other = [], []
    for command in (row.ours, row.other):
        cost(command)  # so that neither pays for a cold disk
    for _ in range(pairs):
        ours.append(cost(row.ours))
        other.append(cost(row.other))
    median = statistics.median
    return {
        "ratio": round(median(a[0] / b[0] for a, b in zip(ours, other, strict=True)), 3),
        "wall_ratio": round(median(a[1] / b[1] for a, b in zip(ours, other, strict=True)), 3),
        "ours_cpu": round(median(a[0] for a in ours), 3),
        "other_cpu": round(median(b[0] for b in other), 3),
        "ours_wall": round(median(a[1] for a in ours), 3),
        "other_wall": round(median(b[1] for b in other), 3),
    }


def is_worse(found: float, kept: float) -> bool:
    """Return whether a ratio is above the kept one by more than noise."""
    return found > kept * (1 + BAND)


def main() -> int:
    """Measure all rows; 1 if one costs more than it did."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="fewer pairs")
    parser.add_argument("--keep", action="store_true", help="keep the ratios instead of comparing")
    asked = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    kept: dict[str, dict[str, float]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    pairs = _SHORT_PAIRS if asked.short else _PAIRS
    worse = []
    print("| postrun / other way | CPU | ratio | kept | wall | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows():
        found = measured(row, pairs)
        before = kept.get(row.name, {}).get("ratio")
        if before is not None and not asked.keep and is_worse(found["ratio"], before):
            found = measured(row, 3 * pairs)
            if is_worse(found["ratio"], before):
                worse.append(row.name)
        if asked.keep:
            kept[row.name] = found
        print(
            f"| {row.name} | {found['ours_cpu']:.2f} / {found['other_cpu']:.2f} s | {found['ratio']:.2f} "
            f"| {'–' if before is None else f'{before:.2f}'} "
            f"| {found['ours_wall']:.2f} / {found['other_wall']:.2f} s | {found['wall_ratio']:.2f} |",
            flush=True,
        )
    if asked.keep:
        KEPT.write_text(json.dumps(kept, indent=2) + "\n")
    for name in worse:
        print(
            f"{name}: costs more than {BAND:.0%} above what is kept in {KEPT.name}", file=sys.stderr
        )
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
