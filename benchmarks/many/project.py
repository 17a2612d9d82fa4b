"""Write a project of many runs with the real SDK, offline: configs, curves, consoles, failures.

python -m benchmarks.many.project COUNT STEPS METRICS FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

METHODS = ("adam", "lion", "sgd")
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
#: Share of runs that fail, and what their consoles end with.
_FAILS = 0.12
_LINES = 400
_FAILURES = (
    ("train.py", "forward", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {n}.00 MiB."),
    ("data.py", "collate", "ValueError: expected sequences of length {n}, got {m}"),
    ("train.py", "load", "FileNotFoundError: [Errno 2] No such file or directory: '/data/shard-{n}.bin'"),
    ("model.py", "attention", "RuntimeError: shape '[{n}, 64]' is invalid for input of size {m}"),
)  # fmt: skip


def write_project(count: int, steps: int, metrics: int, folder: Path) -> Path:
    """`count` runs below `folder`, those that are there already left as they are; the folder."""
    os.environ["WANDB_SILENT"] = "true"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        mark = folder / f"r{number:05d}"
        if not (mark / "done").exists():
            _write_run(number, steps, metrics, mark)
            (mark / "done").touch()
    return folder


def _write_run(number: int, steps: int, metrics: int, folder: Path) -> None:
    import wandb

    rng = np.random.default_rng(number)
    method, rate = METHODS[number % 3], RATES[(number // 3) % 6]
    config = {
        "optimizer": {"method": method, "lr": rate},
        "batch_size": int(rng.choice([16, 32, 64])),
        "seed": number // 18,
    }
    # The best learning rate differs between methods: an interaction to find.
    best = {"adam": 3e-4, "lion": 3e-5, "sgd": 3e-3}[method]
    floor = 0.4 + 0.15 * np.log10(rate / best) ** 2 + 0.02 * rng.normal()
    failed = rng.random() < _FAILS
    rows = int(steps * rng.uniform(0.1, 0.9)) if failed else steps
    at = np.arange(rows)
    loss = floor + 2 * np.exp(-at / (0.15 * steps)) + 0.05 * rng.normal(size=rows)
    others = rng.normal(size=(rows, metrics - 2)).cumsum(axis=0) * 0.01
    names = [f"{('optim', 'perf', 'probs')[i % 3]}/metric_{i}" for i in range(metrics - 2)]
    folder.mkdir(parents=True, exist_ok=True)
    with wandb.init(
        mode="offline",
        dir=str(folder),
        project="bench-many",
        name=f"{method}-{rate:g}-{number}",
        config=config,
        settings=wandb.Settings(x_disable_stats=True, console="wrap"),
    ) as run:
        for i in range(rows):
            row = dict(zip(names, others[i].tolist(), strict=True))
            run.log({"train/loss": loss[i], "eval/loss": loss[i] + 0.1, **row})
            if i % max(1, rows // _LINES) == 0:
                print(f"step {i}: loss {loss[i]:.4f}, {rng.uniform(1000, 2000):.0f} tokens/s")
        if failed:
            file, where, text = _FAILURES[int(rng.integers(len(_FAILURES)))]
            sizes = {"n": rng.integers(2, 999), "m": rng.integers(1000, 9999)}
            print("Traceback (most recent call last):")
            print(f'  File "/home/user/{file}", line {rng.integers(40, 60)}, in {where}')
            print(f"    {where}(batch)")
            print(text.format(**sizes))
        run.finish(exit_code=int(failed))


if __name__ == "__main__":
    print(write_project(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
