"""A small real training that breaks: its learning rate jumps half-way, and the loss diverges.

    python examples/watched_run/train.py OUT &
    postrun watch OUT/wandb --idle 10

Logged by the W&B SDK in offline mode. `--from-within` watches it from the training itself.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import nullcontext

import numpy as np

os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")
import wandb

import postrun


def main() -> None:
    """Train a two-layer network on a noisy target by SGD; at `--break-at` the rate is multiplied by 30."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--break-at", type=int, default=750)
    parser.add_argument("--seconds", type=float, default=0.01, help="per step")
    parser.add_argument("--from-within", action="store_true")
    given = parser.parse_args()
    rate = 0.02
    run = wandb.init(
        project="watched", dir=given.out, config={"lr": rate, "max_steps": given.steps, "seed": 0}
    )
    with postrun.watching(run) if given.from_within else nullcontext():
        train(run, given.steps, given.break_at, rate, given.seconds)
    run.finish()


def train(run: wandb.Run, steps: int, break_at: int, rate: float, seconds: float) -> None:
    """Train, and log loss, gradient norm and rate at each step."""
    rng = np.random.default_rng(0)
    teacher = rng.normal(size=(16, 1))
    first, second = rng.normal(size=(16, 32)) * 0.25, rng.normal(size=(32, 1)) * 0.18
    for step in range(steps):
        lr = rate * (30 if step >= break_at else 1)
        x = rng.normal(size=(64, 16))
        y = np.tanh(x @ teacher) + 0.1 * rng.normal(size=(64, 1))
        hidden = np.maximum(x @ first, 0)
        error = hidden @ second - y
        to_second = hidden.T @ error / len(x)
        to_first = x.T @ ((error @ second.T) * (hidden > 0)) / len(x)
        first, second = first - lr * to_first, second - lr * to_second
        norm = float(np.sqrt((to_first**2).sum() + (to_second**2).sum()))
        run.log({"train/loss": float((error**2).mean()), "train/grad_norm": norm, "train/lr": lr})
        time.sleep(seconds)


if __name__ == "__main__":
    main()
