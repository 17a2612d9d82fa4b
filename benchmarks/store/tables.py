"""Tables of a hundred thousand and a million runs, without their histories: where do they bend?

python -m benchmarks.store.tables STORE [RUNS]...

The rows are those of STORE, over and over under other ids, as pulls write them, in batches of 100,000 runs.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.store.measure import timed
from postrun.store import Store
from postrun.store.tables import stamped, write_batch

BATCH = 100_000
_QUESTIONS = {
    "open, and count the runs": "store.runs.select(pl.len()).collect()",
    "failed runs, by project": "store.runs.filter('failed').group_by('project').len().collect()",
    "finals of one metric": "store.metrics.filter(metric='eval/loss').select('run', 'final').collect()",
    "finals of ten metrics": "store.metrics.filter(pl.col('metric').is_in(TEN))"
    ".select('run', 'metric', 'final').collect()",
    "load one run's row": "store.runs.filter(pl.col('id') == ONE).collect()",
}
_SCRIPT = """
import sys, time
import polars as pl
from benchmarks.store.run import TEN
from postrun.store import Store
ONE = sys.argv[3]
begin = time.perf_counter()
store = Store(sys.argv[1])
eval(sys.argv[2])
print(time.perf_counter() - begin)
"""


def main(source: str, counts: list[int]) -> None:
    print(f"{os.cpu_count()} cores\n\n| runs | | seconds | peak |\n|---:|---|---:|---:|")
    for count in counts:
        root = Path(source).parent / f"tables_{count}"
        shutil.rmtree(root, ignore_errors=True)
        begin = time.perf_counter()
        one = _grow(Store(source), str(root), count)
        size = sum(p.stat().st_size for p in root.rglob("*.parquet")) / 1e6
        took = time.perf_counter() - begin
        print(f"| {count:,} | written: {size:,.0f} MB | {took:.0f} | |", flush=True)
        for name, code in _QUESTIONS.items():
            words = [sys.executable, "-c", _SCRIPT, str(root), code, one]
            out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            _, peak = timed(words)
            print(f"| {count:,} | {name} | {float(out):.2f} | {peak:,.0f} MB |", flush=True)
        shutil.rmtree(root)


def _grow(old: Store, target: str, count: int) -> str:
    new, tables = Store(target, write=True), old.tables()
    frames = {"runs": tables.runs().collect()}
    frames |= {name: tables.table(name).collect() for name in ("metrics", "findings")}
    size = frames["runs"].height
    one = ""
    for start in range(0, count, BATCH):
        parts: dict[str, list[pl.DataFrame]] = {name: [] for name in frames}
        for at in range(start, min(start + BATCH, count), size):
            shift = secrets.randbits(60)  # the same for a run's rows in all tables
            for name, frame in frames.items():
                names = ["id", "origin"] if name == "runs" else ["run"]
                parts[name].append(
                    frame.with_columns(
                        pl.col("entry").xor(shift),
                        *((pl.col(n) + f"-{at}").alias(n) for n in names),
                    )
                )
        batch = {name: pl.concat(found) for name, found in parts.items()}
        one = batch["runs"]["id"][0]
        write_batch(new.storage, batch | {"runs": stamped(batch["runs"])})
    return one


if __name__ == "__main__":
    main(sys.argv[1], [int(word) for word in sys.argv[2:]] or [100_000, 1_000_000])
