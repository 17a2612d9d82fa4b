"""A laboratory's history: analysing and storing many runs, and asking the store, beside pandas over CSVs.

python -m benchmarks.store.run [RUNS] [MANY]

RUNS (2,000) runs of 1,000 steps x 70 metrics, made once with the real SDK (`benchmarks.many.project`); then the
same questions of a store of MANY (10,000) runs, which are these under other ids.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from benchmarks.many.project import write_project
from benchmarks.store.grow import grow
from benchmarks.store.measure import median, timed
from postrun.store import Store

OUT = Path(__file__).parents[1] / "out"
STEPS, METRICS = 1_000, 70
METRIC = "eval/loss"
TEN = ["eval/loss", "train/loss", *(f"optim/metric_{i}" for i in range(0, 24, 3))]


def main(count: int, many: int) -> None:
    folder = write_project(count, STEPS, METRICS, OUT / f"many_{count}")
    wandb = sum(p.stat().st_size for p in folder.rglob("offline-run-*/*.wandb")) / 1e6
    print(
        f"{count:,} runs x {STEPS:,} steps x {METRICS} metrics, {os.cpu_count()} cores\n",
        flush=True,
    )
    root = OUT / f"store_{count}"
    rates = _fill(folder, root, count)
    csvs = _csvs(Store(str(root)), OUT / f"csv_{count}")
    reading = median(lambda: [pd.read_csv(path) for path in csvs], 1)
    print(
        f"| pandas.read_csv of the same runs, nothing else | {count / reading:.1f} | {reading:.0f} | |\n"
    )
    print(f"2 processes over 1: {rates[2] / rates[1]:.2f}x\n", flush=True)
    _sizes(wandb, csvs, root)
    _questions(root, csvs)
    grown = OUT / f"store_{many}"
    if not grown.exists():
        grow(str(root), str(grown), many)
    _questions(grown, [])


def _fill(folder: Path, root: Path, count: int) -> dict[int, float]:
    print("| read, diagnose, store | runs/s | seconds | peak of all processes |")
    print("|---|---:|---:|---:|")
    rates = {}
    for workers in (2, 1):  # who comes first also brings the logs into memory
        shutil.rmtree(root, ignore_errors=True)
        command = [sys.executable, "-m", "postrun", "pull", str(folder), "--store", str(root)]
        seconds, peak = timed([*command, "--workers", str(workers)])
        rates[workers] = count / seconds
        name = f"postrun pull --store, {workers} {'process' if workers == 1 else 'processes'}"
        print(f"| {name} | {count / seconds:.1f} | {seconds:.0f} | {peak:,.0f} MB |", flush=True)
    return rates


def _csvs(store: Store, folder: Path) -> list[Path]:
    """One CSV per run, as the seed's export writes them: `history.to_csv`, whole here."""
    folder.mkdir(exist_ok=True)
    rows = store.tables().runs().select("id", "history").collect()
    for run, name in rows.iter_rows():
        path = folder / f"{run}_history.csv"
        if not path.exists():
            pl.read_parquet(store.storage.full(name)).write_csv(path)
    return sorted(folder.iterdir())


def _sizes(wandb: float, csvs: list[Path], root: Path) -> None:
    csv = sum(p.stat().st_size for p in csvs) / 1e6
    print("| on disk | MB | of the CSVs |\n|---|---:|---:|")
    print(f"| .wandb logs | {wandb:,.0f} | {wandb / csv:.2f} |")
    print(f"| CSV, histories alone | {csv:,.0f} | 1 |")
    for name in ("history", "console", "tables"):
        files = list((root / name).rglob("*.parquet"))
        size = sum(p.stat().st_size for p in files) / 1e6
        print(f"| store: {name} | {size:,.1f} | {size / csv:.2f} |")
    print(flush=True)


def _questions(root: Path, csvs: list[Path]) -> None:
    store = Store(str(root))
    runs = store.runs.select("id").collect()["id"].to_list()
    one = runs[len(runs) // 2]

    def metric() -> None:
        found = Store(str(root)).history([METRIC]).collect()
        assert found["run"].n_unique() == len(runs)

    def whole() -> None:
        import postrun

        assert postrun.load(f"{root}?id={one}").history.width > METRICS

    def finals() -> None:
        wanted = pl.col("metric").is_in(TEN)
        found = Store(str(root)).metrics.filter(wanted).select("run", "metric", "final").collect()
        assert found.height > 9 * len(runs)

    def by_pandas(job: Any) -> str:
        return f"{median(job, 1):.2f}" if csvs else ""

    def pandas_metric() -> None:
        pd.concat(pd.read_csv(p, usecols=["_step", METRIC]).assign(run=p.stem) for p in csvs)

    def pandas_whole() -> None:
        pd.read_csv(csvs[len(csvs) // 2])

    def pandas_finals() -> None:
        pd.DataFrame([pd.read_csv(p, usecols=TEN).tail(50).median() for p in csvs])

    print(
        f"| asked of {len(runs):,} runs, opened anew each time | store, s | pandas over CSVs, s |"
    )
    print("|---|---:|---:|")
    for name, ours, theirs in (
        ("one metric of all runs", metric, pandas_metric),
        ("one run's all metrics", whole, pandas_whole),
        ("finals of ten metrics of all runs", finals, pandas_finals),
    ):
        print(f"| {name} | {median(ours):.3f} | {by_pandas(theirs)} |", flush=True)
    print()
    print(f"| commands over these {len(runs):,} runs | seconds | peak |\n|---|---:|---:|")
    for words in (
        ["list"], ["failures"], ["compare", "--metric", METRIC, "--by", "optimizer.method"],
        ["progress", "--metric", METRIC],
    ):  # fmt: skip
        command = [sys.executable, "-m", "postrun", words[0], str(root), *words[1:]]
        seconds, peak = timed(command)
        print(f"| postrun {' '.join(words)} | {seconds:.1f} | {peak:,.0f} MB |", flush=True)
    print()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(numbers[0] if numbers else 2000, numbers[1] if len(numbers) > 1 else 10_000)
