"""How often 95% intervals hold the truth, over simulated experiments of known truth.

python -m benchmarks.many.coverage
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from postrun.stats.aggregate import difference_interval, interval, iqm, percentile_interval
from postrun.stats.robust import Floats

EXPERIMENTS = 1_000
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]

SHAPES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "skewed (gamma 2)": lambda rng, size: rng.gamma(2, size=size),
    "heavy tails (t 3)": lambda rng, size: rng.standard_t(3, size=size),
    "one run in ten fails": lambda rng, size: np.where(
        rng.random(size) < 0.1, -6.0, rng.normal(size=size)
    ),
}


def truth(draw: Draw, runs: int, tasks: int) -> float:
    """What the interquartile mean of so many runs is on average: what its interval is to hold."""
    rng = np.random.default_rng(99)
    offsets = np.arange(tasks, dtype=np.float64)
    return float(np.mean([iqm(draw(rng, (500, runs, tasks)) + offsets).mean() for _ in range(400)]))


def held(draw: Draw, runs: int, tasks: int, seed: int = 0) -> dict[str, float]:
    """Share of experiments whose interval holds the truth, by method."""
    rng = np.random.default_rng(seed)
    true = truth(draw, runs, tasks)
    offsets = np.arange(tasks, dtype=np.float64)
    hits = dict.fromkeys(("postrun", "percentile", "difference"), 0)
    for i in range(EXPERIMENTS):
        scores = draw(rng, (runs, tasks)) + offsets
        other = draw(rng, (runs, tasks)) + offsets
        for name, made in (
            ("postrun", interval(scores, count=1000, seed=i)),
            ("percentile", percentile_interval(scores, count=1000, seed=i)),
        ):
            hits[name] += made.low <= true <= made.high
        both = difference_interval(scores, other, count=1000, seed=i)
        hits["difference"] += both.low <= 0 <= both.high
    return {name: count / EXPERIMENTS for name, count in hits.items()}


def main() -> None:
    print("| scores | runs x tasks | interval | rliable's percentiles | difference of two groups |")
    print("|---|---|---:|---:|---:|")
    for name, draw in SHAPES.items():
        for runs, tasks in ((3, 1), (5, 1), (10, 1), (20, 1), (5, 10)):
            shares = held(draw, runs, tasks)
            cells = " | ".join(f"{100 * v:.1f}%" for v in shares.values())
            print(f"| {name} | {runs} x {tasks} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
