"""What many workers would meet: how many tasks a scheduler hands out, how many rows a command writes.

python -m benchmarks.store.engine STORE RATE

Measured with jobs that do nothing, so that only the engine and the writing of rows are left; from these and the
RATE of one worker (runs per second, `benchmarks.store.run`), how many runs per second how many workers give.
"""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from postrun.execution.pool import map_runs
from postrun.model import Run, RunRef
from postrun.store import Store
from postrun.store.schema import SCHEMAS
from postrun.store.tables import Rows

_TASKS = 4_000
_WORKERS = (2, 8, 32, 128, 512)


def _nothing() -> Run:
    raise AssertionError


@cache
def _rows(path: str) -> dict[str, Any]:
    rows: dict[str, Any] = pickle.loads(Path(path).read_bytes())
    return rows


def job(ref: RunRef, given: str) -> dict[str, Any]:
    """As large a result as a run's rows, and no work."""
    return _rows(given)


def lost(ref: RunRef, error: BaseException) -> dict[str, Any]:
    raise error


def main(root: str, per_worker: float) -> None:
    tables = Store(root).tables()
    runs = tables.runs().head(200).collect().to_dicts()
    wanted = [row["entry"] for row in runs]
    others = {
        name: tables.table(name).collect().filter(entry=wanted[0]).to_dicts()
        for name in ("metrics", "findings")
    }
    commits = _commits(runs, others)
    tasks = _tasks({"runs": runs[0], **others})
    limit = min(commits, tasks)
    print(f"{os.cpu_count()} cores\n\n| limit | runs/s |\n|---|---:|")
    print(f"| one worker: read, diagnose, store | {per_worker:.1f} |")
    print(f"| scheduler and client: tasks with a run's rows and no work | {tasks:,.0f} |")
    print(f"| one command that writes rows in batches | {commits:,.0f} |")
    print("\n| workers | runs/s | 10^6 runs, hours | 10^8 runs, days |\n|---:|---:|---:|---:|")
    for count in _WORKERS:
        rate = min(count * per_worker, limit)
        print(f"| {count} | {rate:,.0f} | {1e6 / rate / 3600:,.1f} | {1e8 / rate / 86400:,.1f} |")


def _commits(runs: list[dict[str, Any]], others: dict[str, list[dict[str, Any]]]) -> float:
    folder = tempfile.mkdtemp(prefix="commits-")
    writer = Store(folder, write=True).writer
    begin = time.perf_counter()
    for row in runs * 10:
        clean = {name: row[name] for name in SCHEMAS["runs"]}
        writer.add(Rows([clean], others["metrics"], others["findings"]))
    writer.flush()
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder)
    return 10 * len(runs) / seconds


def _tasks(result: dict[str, Any]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    processes = [
        subprocess.Popen([*dask, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in (
            ["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
            # As many tasks under way as many workers have, for what is measured is not how long one takes.
            ["worker", address, "--nthreads", "32", "--no-nanny", "--no-dashboard"],
        )
    ]
    refs = [RunRef(str(n), "x", Path(str(n)), _nothing) for n in range(_TASKS)]
    file = Path(tempfile.mkdtemp(prefix="tasks-")) / "rows"
    file.write_bytes(pickle.dumps(result))
    try:
        time.sleep(5)
        from benchmarks.store import engine  # by its name: the cluster cannot look into this script

        results = map_runs(
            refs, [str(file)] * _TASKS, engine.job, engine.lost, None, cluster=address
        )
        next(results)
        begin = time.perf_counter()
        count = sum(1 for _ in results)
        return count / (time.perf_counter() - begin)
    finally:
        for process in processes:
            process.kill()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
