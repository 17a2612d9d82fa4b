"""Time of all rules over runs of three sizes, and where it goes.

    python -m benchmarks.diagnosis.speed [--profile]

Columns have the names of real trainers, so that every rule finds something to look at; the rest has
none. Prints a Markdown table.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from tests.curves import make_run

from benchmarks.diagnosis.curves import falling, norms, rising
from postrun.metrics import RunView
from postrun.model import Run
from postrun.rules import Selection, diagnose, rules

NAMED = {
    "loss": falling, "eval/loss": falling, "loss/mean": falling, "policy_loss": falling, "value_loss": falling,
    "d_loss": falling, "g_loss": falling, "grad_norm": norms, "reward/mean": rising, "eval/reward": rising,
    "train/acc": rising, "val/acc": rising, "metrics/format_reward": rising, "entropy": falling,
    "mismatch_kl": norms, "trainer_prob": rising, "inference_prob": rising, "is_masked/mean": rising,
    "clipfrac": rising, "approx_kl": norms, "kl": norms, "explained_variance": rising, "q_values": norms,
    "completion_length": norms, "is_truncated": rising, "rewards/margins": rising, "rewards/accuracies": rising,
    "logps/chosen": norms, "logps/rejected": norms, "step_time": norms, "data_time": norms,
    "tokens_per_sec": norms,
    "mfu": rising, "peak_memory": norms, "loss_scale": norms, "weight_norm": norms, "lr": norms,
}  # fmt: skip
SIZES = ((1_000, 73, 0.3), (10_000, 100, None), (100_000, 100, 10.0), (3_731, 1_538, 10.0))


def make(rows: int, columns: int) -> Run:
    """A run of this size."""
    rng = np.random.default_rng(rows + columns)
    named = {name: make_curve(rng, rows) for name, make_curve in NAMED.items()}
    rest = {f"layer_{i}/activation_std": norms(rng, rows) for i in range(columns - len(named))}
    return make_run({**named, **rest}, config={"max_grad_norm": 1.0, "lr": 1e-3})


def main() -> None:
    """Print the table; with --profile also the slowest rules of the largest run."""
    print(
        f"{len(rules())} rules\n\n| rows x metrics | all rules, best of 3 | goal |\n|---|---:|---:|"
    )
    for rows, columns, goal in SIZES:
        run = make(rows, columns)
        best = min(timed(run) for _ in range(3))
        print(f"| {rows:,} x {columns:,} | {best:.2f} s | {f'{goal} s' if goal else ''} |")
        if "--profile" in sys.argv:
            view = RunView(run)
            diagnose(view)
            spent = []
            for rule in rules():
                begin = time.perf_counter()
                diagnose(view, Selection(select=(rule.code,)))
                spent.append((time.perf_counter() - begin, rule.code))
            print("  ", ", ".join(f"{code} {s:.2f}" for s, code in sorted(spent)[::-1][:8]))


def timed(run: Run) -> float:
    """Seconds for all rules on a run that is read, nothing kept from before."""
    begin = time.perf_counter()
    diagnose(RunView(run))
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
