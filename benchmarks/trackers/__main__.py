"""TensorBoard event files of a million points: postrun beside TensorBoard's own reader and tbparse.

Install the peers with `pip install 'postrun[trackers]'`, then run `python -m benchmarks.trackers FOLDER`. The
file is written once into FOLDER, by tensorboardX (which takes minutes). Each reader reads it in turn, three
times; the table shows the median in seconds of wall and of processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

TAGS = [
    f"{a}/{b}"
    for a in ("train", "eval", "gpu", "perf")
    for b in ("loss", "accuracy", "grad_norm", "lr", "x")
]
STEPS = 50_000
ROUNDS = 3


def write(folder: Path) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for step in range(STEPS):
            for number, tag in enumerate(TAGS):
                writer.add_scalar(tag, number + 1 / (1 + step), step)


def with_postrun(folder: Path) -> int:
    from postrun.sources.trackers.source import Trackers

    (ref,) = Trackers().find(str(folder))
    run = ref.load()
    return sum(run.history[tag].count() for tag in TAGS)


def with_tensorboard(folder: Path) -> int:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    return sum(len(reader.Scalars(tag)) for tag in TAGS)


def with_tbparse(folder: Path) -> int:
    from tbparse import SummaryReader

    return len(SummaryReader(str(folder)).scalars)


READERS: dict[str, Callable[[Path], int]] = {
    "postrun": with_postrun,
    "tensorboard": with_tensorboard,
    "tbparse": with_tbparse,
}


def measured(reader: Callable[[Path], int], folder: Path) -> tuple[float, float]:
    """Return wall and processor seconds of one reading."""
    wall, processor = time.perf_counter(), time.process_time()
    points = reader(folder)
    took = time.perf_counter() - wall, time.process_time() - processor
    if points != STEPS * len(TAGS):
        raise SystemExit(f"{reader.__name__} read {points:,} points of {STEPS * len(TAGS):,}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trackers")
    parser.add_argument("folder", type=Path, help="Where the event file is written once and read.")
    folder = parser.parse_args().folder / "million"
    if not folder.is_dir():
        write(folder)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    for _ in range(ROUNDS):
        for name, reader in READERS.items():
            times[name].append(measured(reader, folder))
    print(
        f"{STEPS * len(TAGS):,} points, {sum(p.stat().st_size for p in folder.iterdir()) / 1e6:.0f} MB"
    )
    for name, taken in times.items():
        wall, processor = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"{name:12} {wall:7.2f} s wall {processor:7.2f} s processor")


if __name__ == "__main__":
    main()
