"""Write runs for the benchmarks: real SDK, offline mode, a training-like set of metrics.

python benchmarks/make_run.py STEPS METRICS FOLDER [SEED]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np


def make_run(steps: int, metrics: int, folder: Path, seed: int = 0) -> Path:
    """Log `steps` rows of `metrics` floats with the wandb SDK; return the `.wandb` file."""
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    done = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
    if done:
        return done[0]
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([steps + metrics, seed] if seed else steps + metrics)
    names = [
        f"{group}/metric_{i}"
        for i, group in zip(
            range(metrics), ["train", "optim", "perf", "loss", "probs"] * metrics, strict=False
        )
    ]
    with wandb.init(
        mode="offline",
        dir=str(folder),
        project="bench",
        settings=wandb.Settings(x_disable_stats=True, console="off"),
    ) as run:
        walk = rng.normal(size=(steps, metrics)).cumsum(axis=0) * 0.01
        for row in walk.tolist():
            run.log(dict(zip(names, row, strict=True)))
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"))[0]


if __name__ == "__main__":
    print(make_run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:5])))
