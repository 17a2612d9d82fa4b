"""Project-wide commands over many runs on disk, against plain loops over the same runs.

python -m benchmarks.many.run [RUNS]

500 runs of 1,000 steps x 70 metrics by default, made once with the real SDK (`benchmarks.many.project`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many.project import write_project

OUT = Path(__file__).parents[1] / "out"
STEPS, METRICS = 1_000, 70
_LOOP = """
import sys, postrun
values = []
for run in postrun.load_all(sys.argv[1]):
    values.append((run.config["optimizer"]["method"], run.history["eval/loss"][-50:].median()))
"""
#: A session that has compared before: what the next comparison costs in it, from finding the runs on.
_SESSION = """
import sys, time, postrun
def once():
    begin = time.perf_counter()
    project = postrun.project(sys.argv[1])
    postrun.compare(project, "eval/loss", by="optimizer.method")
    return time.perf_counter() - begin
if __name__ == "__main__":
    once()
    print(sorted(once() for _ in range(5))[2])
"""


def timed(command: list[str], cache: Path) -> tuple[float, int]:
    """Seconds of wall time and MB of the largest process, its children's included."""
    environment = os.environ | {"POSTRUN_CACHE_DIR": str(cache)}
    script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000)\n"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - begin
    code, peak = map(int, done.stdout.split())
    assert code == 0, done.stderr
    return seconds, peak


def main(count: int) -> None:
    folder = write_project(count, STEPS, METRICS, OUT / f"many_{count}")
    size = sum(p.stat().st_size for p in folder.rglob("offline-run-*/*.wandb")) / 1e6
    print(
        f"{count} runs x {STEPS:,} steps x {METRICS} metrics, {size:,.0f} MB, {os.cpu_count()} cores\n"
    )
    print("| what | seconds | peak of a process |")
    print("|---|---:|---:|")
    postrun = [sys.executable, "-m", "postrun"]
    compare = [*postrun, "compare", str(folder), "--by", "optimizer.method", "--metric"]
    rows = [
        ("failures, first", [*postrun, "failures", str(folder)], True),
        ("failures, later", [*postrun, "failures", str(folder)], False),
        ("compare of one metric, first", [*compare, "eval/loss"], True),
        ("compare of it, later", [*compare, "eval/loss"], False),
        ("compare of another, second", [*compare, "train/loss"], False),
        ("compare of a third, later", [*compare, "optim/metric_0"], False),
        ("sweep, from the cache", [*postrun, "sweep", str(folder), "--metric", "eval/loss"], False),
        ("progress, from the cache", [*postrun, "progress", str(folder), "--metric", "eval/loss"], False),
        ("a loop over postrun.load_all", [sys.executable, "-c", _LOOP, str(folder)], False),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        number = 0
        for name, command, fresh in rows:
            number += fresh
            command = [*command, "--goal", "min"] if "metric_0" in command[-1] else command
            seconds, peak = timed(command, Path(home) / str(number))
            print(f"| {name} | {seconds:.1f} | {peak} MB |", flush=True)
        environment = os.environ | {"POSTRUN_CACHE_DIR": str(Path(home) / str(number))}
        done = subprocess.run(
            [sys.executable, "-c", _SESSION, str(folder)],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(f"| compare in a session, from the cache | {float(done.stdout):.1f} | |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
