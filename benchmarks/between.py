"""What commands cost in this checkout, beside another checkout of postrun and beside other ways.

    git worktree add ../before COMMIT
    python -m benchmarks.between ../before [PAIRS] [WORD]...    (WORDs: only commands so called)

Each command runs in a fresh process, in turn with the same command of the other checkout, with the same
libraries and with its bytecode cached. Medians over the pairs (3 by default) of the seconds of CPU and of the
wall clock.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.check import cost, rows
from benchmarks.run import OUT

METRICS, RUNS, SETTINGS = 2_000, 60, 20
_HERE = Path(__file__).parents[1]
_KINDS = ("loss", "acc", "norm", "std", "value")


def commands() -> list[tuple[str, Sequence[str]]]:
    """Names and commands; their inputs are made once and kept in `benchmarks/out`."""
    given = {row.name.partition(" / ")[0]: row.ours for row in rows()}
    postrun = [sys.executable, "-m", "postrun"]
    source = given["check 1,000 x 73"][-1]
    runs = str(_sweep(OUT / "sweep_60"))
    wide = str(_wide(OUT / f"wide_{METRICS}.csv"))
    copies = [str(_copy(Path(source), OUT / "copies" / str(n))) for n in range(8)]
    return [
        *given.items(),
        ("analyze --no-plots 1,000 x 73", [*given["analyze 1,000 x 73"], "--no-plots"]),
        (f"check {METRICS:,} metrics x 100 rows (CSV)", [*postrun, "check", wide]),
        (
            f"sweep of {RUNS} runs of {SETTINGS} settings",
            [*postrun, "sweep", runs, "--metric", "eval/loss", "--goal", "min"],
        ),
        (f"failures of those {RUNS} runs", [*postrun, "failures", runs]),
        (
            f"compare of those {RUNS} runs",
            [*postrun, "compare", runs, "--by", "s00", "--metric", "eval/loss"],
        ),
        (
            "pull of 8 runs of 1,000 x 73 into a store",
            [*postrun, "pull", *copies, "--store", "store"],
        ),
    ]


def _wide(path: Path) -> Path:
    """Many short curves of noise: losses, accuracies and what the grammar knows less well."""
    if not path.exists():
        values = np.random.default_rng(0).normal(1, 0.1, (100, METRICS))
        names = [
            f"{('train', 'eval', 'layers', 'grad')[i // 5 % 4]}/block_{i // 5}/{_KINDS[i % 5]}"
            for i in range(METRICS)
        ]
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["_step", *names])
            writer.writerows([step, *row.tolist()] for step, row in enumerate(values))
    return path


def _sweep(folder: Path) -> Path:
    """Exported runs of 200 rows whose result depends on two of their settings."""
    rng, step = np.random.default_rng(1), np.arange(200)
    for number in range(RUNS):
        home = folder / f"run{number:02d}"
        home.mkdir(parents=True, exist_ok=True)
        config = {f"s{i:02d}": float(rng.choice([0.1, 0.2, 0.4, 0.8])) for i in range(SETTINGS)}
        floor = 1 + config["s00"] + (config["s01"] - 0.3) ** 2
        loss = floor + 2 * np.exp(-step / 40) + rng.normal(0, 0.03, len(step))
        lines = [f"{n},{value}" for n, value in zip(step, loss, strict=True)]
        (home / f"run{number:02d}_history.csv").write_text(
            "\n".join(["_step,eval/loss", *lines]) + "\n"
        )
        (home / f"run{number:02d}_config.json").write_text(json.dumps(config))
        (home / f"run{number:02d}_summary.json").write_text(json.dumps({"eval/loss": loss[-1]}))
    return folder


def _copy(log: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"run-copy{folder.name}.wandb"
    if not path.exists():
        path.write_bytes(log.read_bytes())
    return path


def measured(command: Sequence[str], checkout: Path) -> tuple[float, float]:
    """Return the seconds of CPU and of the wall clock of a command with the postrun of a checkout."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"PYTHONPATH": str(checkout / "src"), "POSTRUN_CACHE_DIR": cache}
        return cost(command)


def main(before: Path, pairs: int, words: Sequence[str] = ()) -> None:
    """Print the table."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    OUT.mkdir(exist_ok=True)
    print("| command | CPU before | after | ratio | wall before | after |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, command in commands():
        if words and not any(word in name for word in words):
            continue
        sides: tuple[list[tuple[float, float]], ...] = ([], [])
        for n in range(pairs + 1):
            for side, checkout in zip(sides, (before.resolve(), _HERE), strict=True):
                found = measured(command, checkout)
                if n:  # the first pair fills caches of bytecode and of the disk
                    side.append(found)
        cpu, wall = (
            [statistics.median(pair[k] for pair in side) for side in sides] for k in (0, 1)
        )
        ratio = statistics.median(b[0] / a[0] for a, b in zip(*sides, strict=True))
        print(
            f"| {name} | {cpu[0]:.2f} s | {cpu[1]:.2f} s | {ratio:.2f} | {wall[0]:.2f} s | {wall[1]:.2f} s |",
            flush=True,
        )
    os.environ.pop("PYTHONPATH")
    for row in [] if words else rows():
        others = [cost(row.other) for _ in range(pairs)]
        name = row.name.partition(" / ")[2]
        cpu, wall = ([statistics.median(o[k] for o in others)] for k in (0, 1))
        print(f"| beside it: {name} | | {cpu[0]:.2f} s | | | {wall[0]:.2f} s |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3, sys.argv[3:])
