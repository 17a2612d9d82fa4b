"""Simulations of known truth: false alarms of `failures`, order of importances and promises of `sweep`.

python -m benchmarks.many.truth
"""

from __future__ import annotations

import numpy as np
from tests.projects import failed, made_project

from postrun.model.ending import Ending
from postrun.stats.importance import Feature, importance
from postrun.studies.best import rank_configurations
from postrun.studies.clusters import clusters
from postrun.studies.failures import associations
from postrun.studies.parameters import Parameter


def false_alarms(runs: int, share: float, projects: int = 1_000) -> float:
    """Share of projects in which nothing goes with anything and a link is told all the same."""
    rng = np.random.default_rng(runs)
    told = 0
    for _ in range(projects):
        described = [
            {
                "config": {
                    "lr": float(rng.choice([1e-4, 1e-3, 1e-2])), "opt": str(rng.choice(["adam", "sgd"])),
                    "width": int(rng.integers(1, 1000)), "norm": str(rng.choice(list("abcd"))),
                },
                "host": str(rng.choice(["h1", "h2", "h3"])),
                "ending": failed("ValueError", "x") if rng.random() < share else Ending("finished"),
            }
            for _ in range(runs)
        ]  # fmt: skip
        project = made_project(described)
        links = associations(project, clusters(project.records), list(range(runs)))
        told += any(k.adjusted <= 0.05 for k in links)
    return told / projects


def order_recovered(runs: int, searches: int = 10) -> tuple[float, float]:
    """Share of searches in which slopes of 4, 2, 1 and 0 are ranked so, and mean R² on unseen runs."""
    hits, explained = 0, 0.0
    for seed in range(searches):
        rng = np.random.default_rng(seed)
        x = rng.uniform(size=(runs, 4))
        y = x @ np.array([4.0, 2.0, 1.0, 0.0]) + 0.3 * rng.normal(size=runs)
        result, _ = importance([Feature(f"x{i}", x[:, i]) for i in range(4)], y, seed)
        hits += np.argsort(-result.main).tolist() == [0, 1, 2, 3]
        explained += result.r2
    return hits / searches, explained / searches


def promises(
    configurations: int, seeds: int, noise: float, searches: int = 1_000
) -> tuple[float, ...]:
    """Of picked best ones: mean flattery of the measured and of the expected value, share of intervals that
    hold the truth, promised and true share of picks that are the best.
    """
    rng = np.random.default_rng(configurations)
    rows = []
    for _ in range(searches):
        truth = rng.normal(size=configurations)
        values = np.repeat(np.arange(float(configurations)), seeds)
        y = np.repeat(truth, seeds) + noise * rng.normal(size=len(values))
        ranking = rank_configurations([Parameter("x", "linear", list(values), values)], y, 1)
        best = ranking.configurations[0]
        true = truth[int(values[best.members[0]])]
        rows.append(
            [best.mean - true, best.shrunk - true, abs(best.shrunk - true) <= 1.96 * best.error,
             best.p_best, true == truth.max()]
        )  # fmt: skip
    return tuple(np.mean(rows, axis=0).tolist())


def main() -> None:
    print("| runs | share that fails | projects with a false link (at most 5%) |\n|---:|---:|---:|")
    for runs, share in ((30, 0.3), (60, 0.3), (200, 0.1)):
        print(f"| {runs} | {share:.0%} | {false_alarms(runs, share):.1%} |", flush=True)
    print("\n| runs | order of planted effects recovered | R² on unseen runs |\n|---:|---:|---:|")
    for runs in (20, 60, 150):
        hits, explained = order_recovered(runs)
        print(f"| {runs} | {hits:.0%} | {explained:.2f} |", flush=True)
    columns = (
        "configurations x seeds", "noise", "picked: measured - true", "expected - true", "95% intervals hold",
        "said to be best", "is best",
    )  # fmt: skip
    print(f"\n| {' | '.join(columns)} |\n|{'---:|' * len(columns)}")
    for configurations, seeds, noise in ((10, 3, 1.0), (30, 3, 1.5), (30, 2, 0.5), (100, 3, 1.0)):
        a, b, c, d, e = promises(configurations, seeds, noise)
        print(
            f"| {configurations} x {seeds} | {noise} | {a:+.2f} | {b:+.2f} | {c:.1%} | {d:.2f} | {e:.2f} |"
        )


if __name__ == "__main__":
    main()
