"""What it costs to follow a log of 100,000 steps while it is written: processor time over the training's time.

    python -m benchmarks.watch.follow [--steps 100000] [--metrics 20] [--step-seconds 0.05]

The log is written by the SDK beforehand, and grows here as it would have: every two seconds of the training's
own time by what it wrote in them. Time passes as told, processor time is real.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.make_run import make_run
from postrun.sources import resolve
from postrun.watch.judge import warm_up
from postrun.watch.watched import Terms, Watched
from postrun.watch.watcher import LOOK

OUT = Path(__file__).parents[1] / "out" / "watch"


def main() -> None:
    """Follow one log, and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--step-seconds", type=float, default=0.05)
    given = parser.parse_args()
    log = make_run(given.steps, given.metrics, OUT / f"{given.steps}_{given.metrics}")
    data = log.read_bytes()
    lasts = given.steps * given.step_seconds
    with tempfile.TemporaryDirectory() as folder:
        cost, looks, reading = follow(Path(folder) / log.name, data, lasts)
    print("| log | training lasts | looks | CPU, reading | CPU, all | share of a core |")
    print("|---|---:|---:|---:|---:|---:|")
    print(
        f"| {given.steps:,} steps x {given.metrics}, {len(data) / 1e6:.0f} MB | {lasts:,.0f} s | {looks} | "
        f"{reading:.1f} s | {cost:.1f} s | {100 * cost / lasts:.2f}% |"
    )


def follow(path: Path, data: bytes, lasts: float) -> tuple[float, int, float]:
    """Return processor seconds, looks, and processor seconds without those of judging."""
    now = [0.0]
    rate = len(data) / lasts
    path.write_bytes(data[:100_000])
    run = Watched(resolve(path)[0], Terms(), clock=lambda: now[0])
    warm_up()
    looks, at, written, judged = 0, 0, 100_000, 0.0
    started = time.process_time()
    with path.open("ab") as file:
        while written < len(data):
            now[0] += LOOK
            end = min(len(data), max(written, int(now[0] * rate)))
            file.write(data[written:end])
            file.flush()
            written = end
            if written == len(data):
                break  # the verdict is the work of `analyze`, whatever watched the run
            before = time.process_time()
            run.step()
            if run.pace.rows != at:
                judged += time.process_time() - before
                looks += 1
            at = run.pace.rows
    cost = time.process_time() - started
    return cost, looks, cost - judged


if __name__ == "__main__":
    main()
