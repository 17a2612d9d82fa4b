"""A Dask cluster of two workers on this machine, against two processes of postrun's own: what the engine costs.

python -m benchmarks.store.cluster [RUNS] [ROUNDS]

Both do the same: RUNS (500) runs of 1,000 steps x 70 metrics into an empty store, by turns.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many.project import write_project
from benchmarks.store.measure import timed

OUT = Path(__file__).parents[1] / "out"


def main(count: int, rounds: int) -> None:
    folder = write_project(count, 1_000, 70, OUT / f"many_{count}")
    work = Path(tempfile.mkdtemp(prefix="cluster-", dir=OUT))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "dask"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    port = address.rpartition(":")[2]
    processes = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
            **silent,  # type: ignore[call-overload]
        )
    ]
    time.sleep(3)
    processes += [
        subprocess.Popen(
            [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
             "--local-directory", str(work)], env=environment, **silent,  # type: ignore[call-overload]
        )
        for _ in range(2)
    ]  # fmt: skip
    time.sleep(5)
    try:
        command = [
            sys.executable,
            "-m",
            "postrun",
            "pull",
            str(folder),
            "--store",
            str(work / "store"),
        ]
        seconds: dict[str, list[float]] = {"2 own processes": [], "2 Dask workers": []}
        for number in range(2 * rounds):
            name = list(seconds)[number % 2]
            options = ["--workers", "2"] if name.startswith("2 own") else ["--cluster", address]
            shutil.rmtree(work / "store", ignore_errors=True)
            took, _ = timed([*command, *options])
            seconds[name].append(took)
        print(
            f"{count} runs x 1,000 steps x 70 metrics, {os.cpu_count()} cores, {rounds} rounds by turns\n"
        )
        print("| into an empty store | median, s | runs/s | all, s |\n|---|---:|---:|---|")
        middles = {name: sorted(found)[len(found) // 2] for name, found in seconds.items()}
        for name, found in seconds.items():
            told = ", ".join(f"{s:.1f}" for s in found)
            print(f"| {name} | {middles[name]:.1f} | {count / middles[name]:.1f} | {told} |")
        own, theirs = middles.values()
        print(f"\nOverhead: {100 * (theirs / own - 1):+.1f}%")
    finally:
        for process in processes:
            process.kill()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(numbers[0] if numbers else 500, numbers[1] if len(numbers) > 1 else 3)
