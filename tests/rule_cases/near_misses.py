"""What only looks like a fault: for each rule, a run close to those on which it fires."""

from __future__ import annotations

from typing import Any

import numpy as np

from postrun.model import Run, Seam, State
from tests.curves import decay, make_run, noise
from tests.machine_curves import system

N = 1000
X = np.arange(N)
ONES = np.ones(N)
GROWS = 0.1 + 0.6 * (1 - np.exp(-X / 200))
SEAM = {"seams": [Seam(400, 399, 400, 60.0, "b")]}


def sparse(values: Any, k: int = 25) -> list[float | None]:
    return [float(v) if i % k == 0 else None for i, v in enumerate(values)]


# fmt: off
# ruff: noqa: E501 - one case per line
SILENT: list[tuple[str, str, Run]] = [
    ("DAT001", "a history that lacks its last steps but is no sample", make_run({"loss": decay(500)}, completeness={"truncated": True, "reported_last_step": 999})),
    ("DAT002", "a killed process whose log is whole", make_run({"loss": decay(500)}, state=State.CRASHED, exit_code=None)),
    ("DAT003", "steps with a stride that changes", make_run({"loss": decay(500)}, steps=np.r_[np.arange(0, 300), np.arange(300, 2300, 10)])),
    ("DAT004", "a reward term that moves once", make_run({"reward": noise(N), "metrics/format_reward": np.where(X == 900, 1.0, 0.0)})),
    ("GEN001", "an evaluation loss that stops falling", make_run({"train/loss": decay(N, 3, 0.5), "val/loss": sparse(1.5 + np.exp(-X / 150) + noise(N, 0.01))})),
    ("GEN001", "both losses rise", make_run({"train/loss": 1 + X / 500 + noise(N, 0.05), "val/loss": sparse(1.2 + X / 500 + noise(N, 0.02))})),
    ("GEN003", "an evaluation every 200 steps", make_run({"loss": decay(2000), "val/loss": sparse(decay(2000), 200)})),
    ("GEN003", "a short run evaluated twice", make_run({"loss": decay(400), "val/loss": sparse(decay(400), 200)})),
    ("GEN005", "gains that are large beside the noise", make_run({"val_acc": sparse(0.3 + 0.5 * np.minimum(X / 300, 1) + noise(N, 0.01))})),
    ("GEN007", "a loss that rises as the accuracy falls", make_run({"val_loss": sparse(0.4 + 0.6 * np.exp(-X / 80) + X / 2500), "val_acc": sparse(0.8 - 0.3 * X / N + noise(N, 0.003))})),
    ("OPT001", "very large finite values", make_run({"train/loss": decay(N) * 1e30})),
    ("OPT002", "a loss that rises and comes back", make_run({"loss": decay(N) + np.where((X > 400) & (X < 500), 1.5, 0)})),
    ("OPT002", "a loss that is noisy throughout", make_run({"loss": decay(N, 3, 1, sigma=0.6)})),
    ("OPT003", "a reward that grows to its end", make_run({"reward": X / N + noise(N, 0.02)})),
    ("OPT005", "a warm-up to the configured peak", make_run({"loss": decay(N), "lr": 0.1 * np.minimum(1, X / 100)}, config={"lr": 0.1})),
    ("OPT005", "a peak that rounding moves by one percent", make_run({"loss": decay(N), "lr": 0.101 * np.minimum(1, X / 100)}, config={"lr": 0.1})),
    ("OPT006", "a loss that falls late", make_run({"loss": np.where(X < 700, 2.3, 2.3 - (X - 700) / 300) + noise(N, 0.02)})),
    ("OPT006", "the loss of a policy gradient", make_run({"loss": noise(N, 0.01), "reward": GROWS, "entropy": 1 - X / 2000})),
    ("OPT007", "noise", make_run({"reward": noise(N)})),
    ("OPT007", "a loss that rose after its best", make_run({"loss": np.where(X < 300, decay(N), 3.5) + noise(N, 0.02)})),
    ("OPT013", "a resumed run that goes on where it stopped", make_run({"loss": decay(N)}, completeness=SEAM)),
    ("OPT013", "a jump far from the seam", make_run({"loss": np.where(X < 700, decay(N), decay(N) + 1.5)}, completeness=SEAM)),
    ("PERF001", "a throughput that is noisy", make_run({"loss": decay(N), "tokens_per_sec": 1000 * np.exp(noise(N, 0.2))})),
    ("PERF001", "one slow row in a hundred", make_run({"loss": decay(N), "tokens_per_sec": np.where(X % 97 == 5, 990, 1000) * (1 + noise(N, 0.03))})),
    ("PERF002", "an MFU in percent", make_run({"loss": decay(N), "mfu": 42 + noise(N, 1)})),
    ("PERF004", "a wait that is short beside the step", make_run({"time/step": 10 + noise(N, 0.1), "time/wait_for_batch": 1 + noise(N, 0.1, 1), "mismatch_kl/mean": noise(N) * 1e-4, "is_masked/mean": 0 * ONES, "trainer_probs/mean": 0.5 + noise(N, 0.01)})),
    ("PERF005", "a checkpoint that costs little", make_run({"timing_s/step": 10 + noise(N, 0.1), "timing_s/save_checkpoint": np.where(X % 50 == 0, 4.0, 0), "actor/pg_loss": noise(N), "actor/ppo_kl": noise(N) * 1e-3, "critic/rewards/mean": GROWS})),
    ("PERF007", "step times that scatter", make_run({"loss": decay(N), "step_time": np.exp(noise(N, 0.2))})),
    ("PERF012", "a full CPU beside a busy GPU", make_run({"loss": decay(300)}, system=system(gpu0_gpu=95.0, cpu=97.0))),
    ("PERF012", "a full CPU without a GPU", make_run({"loss": decay(300)}, system=system(cpu=97.0))),
    ("RL001", "a mismatch that is small and steady", make_run({"reward": GROWS, "policy/mismatch_kl": 0.002 + np.abs(noise(N, 3e-4))})),
    ("RL002", "an entropy that falls by a third", make_run({"reward": GROWS, "entropy": 0.67 + 0.33 * np.exp(-X / 200) + noise(N, 0.01)})),
    ("RL003", "completions that become shorter by a third", make_run({"reward": GROWS, "completion_length": 300 + 150 * np.exp(-X / 100) + noise(N, 5)})),
    ("RL009", "some prompts that none solves", make_run({"reward": GROWS, "batch/solve_none": np.clip(0.3 + noise(N, 0.05), 0, 1)})),
    ("RL012", "few completions cut off", make_run({"reward": GROWS, "is_truncated": np.clip(0.05 + noise(N, 0.02), 0, 1)})),
    ("RL013", "ratios near one", make_run({"reward": GROWS, "importance_ratio_mean": 1 + noise(N, 0.02)})),
    ("RUN001", "a run that finished with a warning in its log", make_run({"loss": decay(50)}, console="UserWarning: ValueError: bad shape was ignored")),
    ("RUN002", "a run that is still going", make_run({"loss": decay(50)}, state=State.RUNNING, exit_code=None)),
    ("RUN003", "a config that plans nothing", make_run({"loss": decay(500)}, config={"lr": 0.1, "batch_size": 32})),
    ("RUN004", "one row", make_run({"loss": [0.5]})),
    ("RUN004", "a run that failed before its first row", make_run(state=State.FAILED, exit_code=1)),
]
# fmt: on
