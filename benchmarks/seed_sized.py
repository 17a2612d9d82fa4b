"""A run of the seed's size (1,000 steps, 73 metrics of a reinforcement-learning trainer)."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np

STATISTICS = ("mean", "std", "min", "max", "median")
GROUPS = (
    "loss", "entropy", "inference_probs", "trainer_probs", "mismatch_kl", "masked_mismatch_kl",
    "unmasked_mismatch_kl", "is_masked", "is_masked_low", "is_masked_high", "sequence_masked_low",
)  # fmt: skip
SINGLE = (
    "optim/lr", "optim/grad_norm", "perf/throughput", "perf/mfu", "perf/peak_memory", "time/step",
    "time/load_data", "time/wait_for_batch", "time/forward_backward", "time/save_ckpt",
    "time/broadcast_weights", "time/save_weights", "progress/total_tokens", "step",
    "perf/throughput_per_gpu",
)  # fmt: skip


def make_seed_sized(folder: Path) -> Path:
    """Log the run with the real SDK; returns its `.wandb` file."""
    done = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
    if done:
        return done[0]
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    ramp = np.clip((np.arange(1000) - 60) / 60, 0, 1)
    with wandb.init(
        mode="offline",
        dir=str(folder),
        project="bench",
        config={"max_steps": 1000, "optim": {"lr": 1e-6}, "ckpt": {"interval": 100}},
        settings=wandb.Settings(x_disable_stats=True, console="off"),
    ) as run:
        for step in range(1000):
            row = {
                f"{group}/{statistic}": float(abs(rng.normal(0.5, 0.05)) * (1 + ramp[step] * i))
                for i, group in enumerate(GROUPS)
                for statistic in STATISTICS
            }
            row |= {name: float(abs(rng.normal(10, 1))) for name in SINGLE}
            row["optim/lr"], row["step"] = 1e-6, float(step)
            run.log(row, step=step)
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"))[0]


def export_like_the_seed(source: Path, folder: Path) -> Path:
    """The same run as CSV and JSON, as the seed's first script leaves it."""
    import postrun

    run = postrun.load(source)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{run.id}_history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(run.history.columns)
        writer.writerows(run.history.iter_rows())
    (folder / f"{run.id}_summary.json").write_text(json.dumps(run.summary))
    (folder / f"{run.id}_config.json").write_text(json.dumps(run.config))
    return folder
