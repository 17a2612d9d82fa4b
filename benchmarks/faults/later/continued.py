"""Runs that go on from others, in stages or after a resume: simulated logs."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import Log, Random, cosine, every, power, times
from benchmarks.faults.later.enter import training


@training(
    "",
    "A resumed run: its log begins at step 40,000 and goes on where it was.",
    ("chance", "never learn", "warm.?up"),
)
def resumed_far_in(rng: Random) -> Log:
    n = 500
    log = Log({"resume": "must", "load": "/ckpt/iter_40000", "train_iters": 90000}, seconds=8.0)
    whole = power(1800, 10.5, 2.31, 0.3, 15)
    at = 800 + np.arange(n)
    log.table(
        {
            "iteration": at * 50,
            "train/lm-loss": whole[at] + rng.normal(0, 0.012, n),
            "train/lr": cosine(1800, 2e-4, 40, 2e-5)[at],
            "val/lm-loss": every(whole[at] + 0.03 + rng.normal(0, 0.002, n), 50),
            "train/grad-norm": times(rng, np.full(n, 0.21), 0.1),
        }
    )
    return log


@training(
    "",
    "Two stages: the second adds code to the mixture, so the loss jumps from 2.4 to 2.1 "
    "and goes on falling.",
    ("leak", "overfit", "memoris"),
)
def second_mixture(rng: Random) -> Log:
    n = 1600
    log = Log({"stages": [1000, 600], "mixture": ["web", "web+code"], "lr": 3e-4}, seconds=2.0)
    at = np.arange(n)
    loss = power(n, 9.9, 2.35) - np.where(at >= 1000, 0.31, 0.0)
    log.table(
        {
            "step": at,
            "stage": np.where(at >= 1000, 2, 1),
            "loss": loss + rng.normal(0, 0.03, n),
            "eval/web_ppl": every(np.exp(power(n, 9.9, 2.40) + rng.normal(0, 0.004, n)), 100),
            "lr": cosine(n, 3e-4, 50, 3e-5),
        }
    )
    return log
