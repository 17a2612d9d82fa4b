"""Reading from a server against what users write today, through the real SDK, with 50 ms per request.

    python -m benchmarks.server          (or: make server-bench)

The server is the tests' stand-in, in a process of its own. Each measurement is a fresh process with an
empty SDK cache; all in one run.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

LATENCY = 0.05
WORKERS = 16

LOOP_ONE = """
import pandas as pd, wandb
run = wandb.Api().run("ent/one/r0")
frame = pd.DataFrame(run.scan_history(use_cache=False))
rows = len(frame)
"""
OURS_ONE = """
import postrun
rows = postrun.load("ent/one/r0").history.height
"""
LOOP_MANY = """
import pandas as pd, wandb
rows = 0
for run in wandb.Api().runs("ent/many"):
    rows += len(pd.DataFrame(run.scan_history()))
"""
OURS_MANY = """
import postrun
rows = sum(r.history.height for r in postrun.load_all("ent/many", workers=%d, history_only=True))
"""
OURS_WHOLE = """
import postrun
rows = sum(r.history.height for r in postrun.load_all("ent/many", workers=%d))
"""
TAIL = """
import resource, json, time
print(json.dumps({"rows": rows, "seconds": time.perf_counter() - begin,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""


def serve(sizes: dict[str, tuple[int, int, int]], pipe: Any) -> None:
    """A server with projects of (runs, steps, metrics); answers each message with its counters."""
    from tests.standin import ServerRun, StandIn

    with StandIn(latency=LATENCY) as server:
        for project, (count, steps, metrics) in sizes.items():
            for number in range(count):
                run = server.add(ServerRun("ent", project, f"r{number}"))
                values = np.random.default_rng(number).normal(size=(steps, metrics)).round(6)
                names = [f"train/metric_{i}" for i in range(metrics)]
                for step, row in enumerate(values.tolist()):
                    run.log(
                        {"_step": step, "_runtime": step / 2, "_timestamp": 1.7e9 + step / 2}
                        | dict(zip(names, row, strict=True))
                    )
                run.exported = steps  # a finished run
                server._parquet[f"ent/{project}/{run.id}"] = run.exported, run.exports()
        pipe.send(server.url)
        while pipe.recv() != "stop":
            refused = sum(r.status >= 400 and r.name != "/" for r in server.requests)
            pipe.send((len(server.requests), server.most_in_flight, refused))
            server.requests.clear()
            server.most_in_flight = 0


def measure(code: str, url: str, pipe: Any) -> dict[str, Any]:
    """One way in a fresh process; with the requests that it made."""
    from tests.standin.server import KEY

    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {
            "WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "WANDB_CACHE_DIR": cache, "WANDB_SILENT": "true",
        }  # fmt: skip
        begin = "import time; begin = time.perf_counter()\n"
        done = subprocess.run(
            [sys.executable, "-c", begin + code + TAIL],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    pipe.send("count")
    found["requests"], found["in_flight"], found["refused"] = pipe.recv()
    return found


def main() -> None:
    """Print the tables."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    sizes = {"one": (1, 100_000, 20), "many": (200, 1_000, 70)}
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sizes, theirs))
    process.start()
    url = ours.recv()
    tables = [
        ("one run of 100,000 steps x 20 metrics", [
            ("`pd.DataFrame(run.scan_history(use_cache=False))`", LOOP_ONE),
            ("`postrun.load`, everything of the run", OURS_ONE),
        ]),
        ("200 runs of 1,000 steps x 70 metrics", [
            ("`for run in api.runs(...): pd.DataFrame(run.scan_history())`", LOOP_MANY),
            (f"`postrun.load_all`, histories, {WORKERS} workers", OURS_MANY % WORKERS),
            (f"`postrun.load_all`, everything, {WORKERS} workers", OURS_WHOLE % WORKERS),
        ]),
    ]  # fmt: skip
    for title, ways in tables:
        print(f"| {title} | seconds | ratio | requests | most in flight | refused | peak memory |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        base = 0.0
        for name, code in ways:
            time.sleep(0.5)
            found = measure(code, url, ours)
            base = base or found["seconds"]
            print(
                f"| {name} | {found['seconds']:.1f} | {base / found['seconds']:.1f}x "
                f"| {found['requests']:,} | {found['in_flight']} | {found['refused']} "
                f"| {found['peak'] / 1e6:,.0f} MB |",
                flush=True,
            )
        print()
    ours.send("stop")
    process.join()


if __name__ == "__main__":
    main()
