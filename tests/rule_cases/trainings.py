"""Cases for rules on runs, gradients, schedules, evaluations, policies and machines."""

from __future__ import annotations

from typing import Any

import numpy as np

from postrun.model import MetricDefinition, Run, Seam, Severity, State
from tests.curves import decay, make_run, noise
from tests.machine_curves import system

N = 1000
X = np.arange(N)
ONES = np.ones(N)
RAMP = np.clip((X - 400) / 60, 0, 1)
COSINE = 0.5 * (1 + np.cos(np.pi * X / N))
GROWS = 0.1 + 0.6 * (1 - np.exp(-X / 200))


def sparse(values: Any, k: int = 25) -> list[float | None]:
    return [float(v) if i % k == 0 else None for i, v in enumerate(values)]


def stalled(pause: float) -> Run:
    run = make_run({"loss": decay(N)})
    clock = np.arange(N) * 10.0 + np.where(X > 500, pause, 0)
    run.history = run.history.with_columns(_runtime=clock, _timestamp=clock + 1.7e9)
    return run


def late(first: float) -> Run:
    run = make_run({"loss": decay(N)})
    clock = np.arange(N) * 10.0 + first
    run.history = run.history.with_columns(_runtime=clock, _timestamp=clock + 1.7e9)
    run.runtime = float(clock[-1])
    return run


def resumed(steps: Any, seam: Seam, **columns: Any) -> Run:
    n = len(steps)
    return make_run({"loss": decay(n), **columns}, steps=steps, completeness={"seams": [seam]})


def over_epochs(epochs: Any) -> Run:
    columns = {"loss": decay(len(epochs)), "epoch": epochs}
    return make_run(columns, metrics=[MetricDefinition("loss", x_axis="epoch")])


JUMP = np.where(X < 400, decay(N), decay(N) + 1.5)
TRACE = 'Traceback (most recent call last):\n  File "/me/train.py", line 9, in main\n    go()\nValueError: bad'
W, I, G, C = Severity.WARNING, Severity.INFO, Severity.GOOD, Severity.CRITICAL  # noqa: E741

# fmt: off
# ruff: noqa: E501 - one case per line
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("RUN005", W, make_run({"loss": decay(300)}, state=State.CRASHED, exit_code=None, system=system(9000, cpu=5.0)), (299, 299)),
    ("RUN006", W, stalled(3600.0), (499, 501)),
    ("RUN007", W, resumed(np.r_[0:400, 300:900], Seam(400, 399, 300, 1200.0, "b")), (300, 300)),
    ("RUN007", W, resumed(np.r_[0:400, 600:1200], Seam(400, 399, 600, 5.0, "b")), (399, 399)),
    ("RUN007", I, resumed(X, Seam(400, 399, 400, 7200.0, "b")), (399, 399)),
    ("RUN008", W, make_run({"loss": decay(50)}, console="step 1\n" + TRACE), None),
    ("RUN009", I, make_run({"loss": decay(N), "global_step": X * 1.2}, config={"max_steps": 1000}), None),
    ("DAT005", W, make_run({"loss": decay(N), "val/loss": [v if i < 500 else None for i, v in enumerate(sparse(decay(N), 10))]}), (480, 500)),
    ("DAT006", W, make_run({"loss": np.where(X < 300, decay(N), 1.7)}), (300, 300)),
    ("DAT007", W, make_run({"loss": decay(N)}, completeness={"dropped": 35, "dropped_more": True, "dropped_steps": [20, 54], "dropped_at": [100, 100]}), (20, 20)),
    ("DAT008", W, over_epochs(np.r_[0:300, 0:700]), (299, 299)),
    ("DAT008", I, over_epochs(X % 50), (49, 49)),
    ("DAT009", I, make_run({"loss": decay(N)}, summary={"loss": "1.0312"}), None),
    ("OPT008", I, make_run({"loss": decay(N), "grad_norm": np.exp(noise(N, 0.2)) * 10 ** (1.5 * RAMP)}), (380, 430)),
    ("OPT008", W, make_run({"loss": decay(N) + RAMP, "grad_norm": np.exp(noise(N, 0.2)) * 10 ** (1.5 * RAMP)}), (380, 430)),
    ("OPT008", I, make_run({"reward": GROWS + noise(N, 0.02), "grad_norm": np.exp(noise(N, 0.2)) * 10 ** (1.3 * RAMP)}), (380, 430)),
    ("OPT009", W, make_run({"loss": 2.3 + noise(N, 0.02), "grad_norm": np.exp(noise(N, 0.2)) * 10 ** (-5 * RAMP)}), (390, 470)),
    ("OPT010", I, make_run({"loss": decay(N), "grad_norm": 6 * np.exp(noise(N, 0.2))}, config={"max_grad_norm": 1.0}), None),
    ("OPT010", I, make_run({"loss": decay(N), "grad_norm": ONES}, config={"max_grad_norm": 1.0}), None),
    ("OPT011", W, make_run({"loss": decay(N) * (1 + 0.3 * (-1.0) ** X * (1 + noise(N, 0.2)))}), None),
    ("OPT011", W, make_run({"loss": 1.5 + noise(N, 0.05) * np.where(X < 600, 1, 12)}), None),
    ("OPT012", I, make_run({"loss": np.where((X > 2) & (X < 20), 40, 4) * (1 + noise(N, 0.02)), "lr": 0.1 * COSINE}), (0, 0)),
    ("OPT013", W, make_run({"loss": JUMP}, completeness={"seams": [Seam(400, 399, 400, 60.0, "b")]}), (400, 400)),
    ("OPT013", W, make_run({"loss": decay(N), "lr": np.where(X < 400, 1e-4, 1e-3)}, completeness={"seams": [Seam(400, 399, 400, 60.0, "b")]}), (400, 400)),
    ("OPT014", W, make_run({"loss": decay(N), "lr": np.maximum(0, 1 - X / 600)}), (600, 600)),
    ("OPT015", W, make_run({"loss": decay(N), "lr": 0.5 * (1 + np.cos(np.pi * X / 2000))}, config={"lr_scheduler_type": "cosine"}), None),
    ("OPT016", W, make_run({"loss": decay(N), "loss_scale": 65536.0 / 2 ** np.minimum(X // 40, 16)}), (430, 660)),
    ("OPT017", I, make_run({"loss": decay(N), "weight_norm": 100 + X * 0.6 + noise(N)}), None),
    ("OPT018", W, make_run({"d_loss": 1.38 * np.exp(-X / 80) + 0.002, "g_loss": 0.7 + X / 150 + noise(N, 0.1)}), (0, 120)),
    ("GEN002", I, make_run({"loss": decay(N, 3, 1), "val/loss": sparse(0.6 * decay(N, 3, 1, sigma=0.01))}), None),
    ("GEN002", W, make_run({"loss": decay(N, 3, 1), "val/loss": sparse(0.3 * decay(N, 3, 1, sigma=0.01)), "val/acc": sparse(0.998 * ONES)}), None),
    ("GEN003", I, make_run({"loss": decay(2000), "val/loss": sparse(decay(2000), 900)}), None),
    ("GEN004", W, make_run({"val_acc": sparse(0.5 + 0.4 * np.sin(np.pi * X / N) + noise(N, 0.004))}), (400, 560)),
    ("GEN005", I, make_run({"val_acc": sparse(0.7 + 0.02 * np.minimum(X / 300, 1) + noise(N, 0.01))}), None),
    ("GEN006", I, make_run({"train_acc": 1 - 0.5 * np.exp(-X / 100), "val_acc": sparse(0.6 - 0.1 * np.exp(-X / 100) + noise(N, 0.005))}), None),
    ("GEN006", I, make_run({"train_acc": 95 - 50 * np.exp(-X / 100), "val_acc": sparse(75 - 30 * np.exp(-X / 100) + noise(N, 0.5))}), None),
    ("GEN007", I, make_run({"val_loss": sparse(0.4 + 0.6 * np.exp(-X / 80) + X / 2500), "val_acc": sparse(0.8 - 0.3 * np.exp(-X / 150) + noise(N, 0.003))}), (100, 350)),
    ("RL004", W, make_run({"reward": GROWS, "clipfrac": np.clip(0.1 + 0.4 * RAMP + noise(N, 0.02), 0, 1)}), (400, 460)),
    ("RL005", W, make_run({"reward": np.minimum(X / 400, 1) + noise(N, 0.02), "kl": 0.05 + 3 * np.clip((X - 450) / 500, 0, 1) + np.abs(noise(N, 0.01))}), (400, 560)),
    ("RL005", C, make_run({"reward": np.minimum(X / 400, 1) - 0.9 * np.clip((X - 450) / 200, 0, 1) + noise(N, 0.02), "kl": 0.05 + 3 * np.clip((X - 450) / 500, 0, 1) + np.abs(noise(N, 0.01))}), (400, 560)),
    ("RL006", W, make_run({"reward": GROWS - 0.5 * RAMP + noise(N, 0.01), "entropy": 0.4 + np.exp(-X / 60) + 2 * RAMP + noise(N, 0.02)}), (380, 430)),
    ("RL006", I, make_run({"reward": X / N + noise(N, 0.01), "entropy": 0.4 + np.exp(-X / 60) + 2 * RAMP + noise(N, 0.02)}), (380, 430)),
    ("RL007", C, make_run({"reward": np.minimum(X / 300, 1) - RAMP + noise(N, 0.02)}), (380, 430)),
    ("RL007", W, make_run({"reward": np.minimum(X / 300, 1) - 0.6 * RAMP + noise(N, 0.02)}), (380, 430)),
    ("RL008", W, make_run({"reward": GROWS, "frac_reward_zero_std": np.clip(0.1 + 0.85 * RAMP + noise(N, 0.02), 0, 1)}), (400, 470)),
    ("RL008", W, make_run({"reward": GROWS, "reward_std": 0.3 * (1 - 0.97 * RAMP)}), (430, 470)),
    ("RL008", I, make_run({"reward": np.minimum(X / 300, 1) * 0.99, "frac_reward_zero_std": np.clip(0.1 + 0.85 * RAMP, 0, 1)}), (400, 470)),
    ("RL009", W, make_run({"reward": GROWS, "batch/solve_none": np.clip(0.8 + noise(N, 0.05), 0, 1)}), None),
    ("RL009", I, make_run({"reward": GROWS, "batch/solve_all": np.clip(0.2 + 0.6 * RAMP, 0, 1)}), (400, 460)),
    ("RL010", I, make_run({"reward": GROWS, "metrics/format_reward": np.minimum(X / 100, 0.99)}), (90, 110)),
    ("RL011", W, make_run({"reward": np.minimum(X / 300, 1) + noise(N, 0.02), "completion_length": 200 * (1 + 4 * RAMP) + noise(N, 8)}), (380, 430)),
    ("RL012", W, make_run({"reward": GROWS, "is_truncated": np.clip(0.02 + 0.5 * RAMP + noise(N, 0.01), 0, 1)}), (400, 460)),
    ("RL013", W, make_run({"reward": GROWS, "importance_ratio_mean": 1 + 0.5 * RAMP}), None),
    ("RL014", W, make_run({"reward": GROWS, "approx_kl": np.where(X < 400, 0.01, 0.4) * np.exp(noise(N, 0.3))}), (395, 405)),
    ("RL015", W, make_run({"reward": X / N + noise(N, 0.01), "eval/reward": sparse(0.3 + 0.3 * np.minimum(X / 400, 1) - 0.4 * np.clip((X - 400) / 600, 0, 1) + noise(N, 0.005))}), (375, 520)),
    ("RL015", W, make_run({"reward": np.where(X < 900, 0.3 - 0.0002 * np.maximum(X - 420, 0), 0.6) + noise(N, 0.01), "eval/reward": sparse(0.3 + 0.3 * np.minimum(X / 400, 1) - 0.4 * np.clip((X - 400) / 600, 0, 1) + noise(N, 0.005))}), (375, 520)),
    ("RL016", W, make_run({"reward": GROWS, "explained_variance": 0.5 - 1.2 * RAMP + noise(N, 0.05)}), None),
    ("RL016", I, make_run({"reward": GROWS, "explained_variance": 0.04 + noise(N, 0.02)}), None),
    ("RL016", I, make_run({"reward": GROWS + noise(N, 0.002, 3), "explained_variance": -0.05 + noise(N, 0.02)}), None),
    ("RL016", W, make_run({"reward": GROWS * (1 - 0.5 * RAMP), "explained_variance": -0.05 + noise(N, 0.02)}), None),
    ("RL017", C, make_run({"episode_return": 100 * GROWS, "q_values": 20 + 1e4 * RAMP}), (380, 430)),
    ("RL017", W, make_run({"episode_return": 100 * GROWS, "q_values": 20 + 500 * RAMP}), (380, 430)),
    ("RL018", G, make_run({"reward": GROWS, "mismatch_kl": np.abs(noise(N, 5e-4))}), None),
    ("PREF001", W, make_run({"train/rewards/margins": noise(N, 0.02), "train/rewards/accuracies": 0.5 + noise(N, 0.05), "train/rewards/chosen": noise(N)}), None),
    ("PREF002", W, make_run({"train/rewards/margins": X / 300, "train/logps/chosen": -200 - 150 * RAMP + noise(N), "train/rewards/chosen": noise(N)}), (380, 430)),
    ("PREF002", I, make_run({"train/rewards/margins": X / 300, "train/logps/chosen": -200 - 45 * RAMP + noise(N), "train/rewards/chosen": noise(N)}), (380, 430)),
    ("PREF003", I, make_run({"train/rewards/margins": X / 100, "train/rewards/accuracies": np.minimum(0.5 + X / 200, 1), "train/rewards/chosen": noise(N)}), (90, 110)),
    ("PERF003", W, make_run({"loss": decay(N), "step_time": 1 + noise(N, 0.02), "data_time": 0.4 + noise(N, 0.02, 1)}), None),
    ("PERF003", I, make_run({"loss": decay(N), "step_time": 1 + noise(N, 0.02), "data_time": 0.2 + noise(N, 0.02, 1)}), None),
    ("PERF004", I, make_run({"time/step": 10 + noise(N, 0.1), "time/wait_for_batch": 6 + noise(N, 0.1, 1), "mismatch_kl/mean": noise(N) * 1e-4, "is_masked/mean": 0 * ONES, "trainer_probs/mean": 0.5 + noise(N, 0.01)}), None),
    ("PERF005", I, make_run({"timing_s/step": 10 + noise(N, 0.1), "timing_s/save_checkpoint": np.where(X % 50 == 0, 40.0, 0), "actor/pg_loss": noise(N), "actor/ppo_kl": noise(N) * 1e-3, "critic/rewards/mean": GROWS}), None),
    ("PERF006", I, make_run({"loss": decay(N), "step_time": np.where(X % 50 == 49, 6.0, 1.0) + np.abs(noise(N, 0.02))}), None),
    ("PERF007", I, make_run({"loss": decay(N), "step_time": np.where(np.random.default_rng(0).random(N) < 0.04, 8.0, 1.0)}), None),
    ("PERF008", I, late(3000.0), (0, 0)),
    ("PERF009", W, make_run({"loss": decay(300)}, system=system(gpu0_gpu=4.0, gpu0_memoryAllocated=30.0)), None),
    ("PERF009", I, make_run({"loss": decay(300)}, system=system(gpu0_gpu=22.0, gpu0_memoryAllocated=30.0)), None),
    ("PERF010", I, make_run({"loss": decay(300)}, config={"world_size": 2}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=55.0)), None),
    ("PERF010", I, make_run({"loss": decay(300)}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, process0=60.0, process1=55.0)), None),
    ("PERF011", W, make_run({"loss": decay(300)}, system=system(gpu0_gpu=95.0, gpu0_temp=np.r_[np.full(150, 70.0), np.full(210, 88.0)], gpu0_smClock=np.r_[np.full(150, 1980.0), np.full(210, 1400.0)])), (140, 155)),
    ("PERF012", I, make_run({"loss": decay(300)}, system=system(gpu0_gpu=35.0, cpu=97.0)), None),
    ("PERF013", W, make_run({"loss": decay(N), "peak_memory": 10 + X / 80 + noise(N, 0.02)}), None),
    ("PERF014", W, make_run({"loss": decay(300)}, system=system(proc_memory_rssMB=4000 + 30.0 * np.arange(360), proc_memory_availableMB=40000 - 30.0 * np.arange(360))), None),
    ("PERF015", I, make_run({"loss": decay(300)}, system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=80 + 18.5 * np.abs(np.sin(np.arange(360))))), None),
    ("PERF016", W, make_run({"loss": decay(300)}, system=system(disk_usagePercent=np.linspace(90, 98.5, 360))), None),
]

SILENT: list[tuple[str, str, Run]] = [
    ("RUN005", "a crash right after the last row", make_run({"loss": decay(300)}, state=State.CRASHED, exit_code=None, system=system(3000, cpu=5.0))),
    ("RUN006", "a short pause", stalled(60.0)),
    ("RUN007", "a seam without a gap", resumed(X, Seam(400, 399, 400, 4.0, "b"))),
    ("RUN008", "an error that was handled", make_run({"loss": decay(50)}, console=TRACE + "\nretry" * 30)),
    ("RUN009", "a counter in another unit", make_run({"loss": decay(N), "global_step": X * 64}, config={"max_steps": 1000})),
    ("DAT005", "a metric of a first phase", make_run({"loss": decay(N), "val/loss": [v if i < 60 else None for i, v in enumerate(sparse(decay(N), 5))]})),
    ("DAT006", "perfect accuracy", make_run({"acc": np.minimum(X / 200, 1.0)})),
    ("DAT007", "a console that speaks of dropped rows", make_run({"loss": decay(N)}, console="dropping 35 rows with missing labels")),
    ("DAT008", "an axis with ties", over_epochs(X // 100)),
    ("DAT009", "a summary text that is no number", make_run({"loss": decay(N)}, summary={"loss": "see log"})),
    ("OPT004", "a loss with heavy tails", make_run({"loss": 2 * np.exp(np.random.default_rng(3).normal(0, 1.2, N))})),
    ("OPT008", "norms that swing", make_run({"loss": decay(N), "grad_norm": np.exp(noise(N, 0.8))})),
    ("OPT008", "a large norm in warm-up", make_run({"loss": decay(N), "grad_norm": np.exp(noise(N, 0.2)) + 80 * np.exp(-X / 8)})),
    ("OPT009", "a solved problem", make_run({"loss": 3 * np.exp(-X / 60) + 1e-5, "grad_norm": np.exp(-X / 60) + 1e-6})),
    ("OPT009", "full-batch descent at its optimum", make_run({"loss": 0.32 + 2 * np.exp(-X / 40), "grad_norm": np.exp(-X / 40)})),
    ("OPT010", "clipping now and then", make_run({"loss": decay(N), "grad_norm": np.exp(noise(N, 0.5))}, config={"max_grad_norm": 1.0})),
    ("OPT011", "white noise", make_run({"loss": decay(N, sigma=0.3)})),
    ("OPT012", "noise in the first batches", make_run({"loss": decay(N, sigma=0.4), "lr": 0.1 * ONES})),
    ("OPT014", "a cosine that ends at 0", make_run({"loss": decay(N), "lr": COSINE})),
    ("OPT014", "warm restarts", make_run({"loss": decay(N), "lr": 0.5 * (1 + np.cos(np.pi * (X % 250) / 250))})),
    ("OPT015", "restarts by name", make_run({"loss": decay(N), "lr": 0.5 * (1 + np.cos(np.pi * (X % 250) / 400))}, config={"lr_scheduler_type": "cosine_with_restarts"})),
    ("OPT016", "a scale that goes up and down", make_run({"loss": decay(N), "loss_scale": 65536.0 * 2.0 ** np.round(2 * np.sin(X / 30))})),
    ("OPT017", "weights that level off", make_run({"loss": decay(N), "weight_norm": 100 + 60 * (1 - np.exp(-X / 100)) + noise(N, 0.1)})),
    ("OPT018", "a balanced pair", make_run({"d_loss": 1.2 + noise(N, 0.1), "g_loss": 0.9 + noise(N, 0.2)})),
    ("OPT018", "a Wasserstein critic", make_run({"d_loss": -5 + noise(N, 0.3), "g_loss": X / 50 + noise(N, 0.2)})),
    ("GEN002", "evaluation near training", make_run({"loss": decay(N), "val/loss": sparse(0.97 * decay(N))})),
    ("GEN004", "noise around the best", make_run({"val_acc": sparse(0.8 - 0.3 * np.exp(-X / 100) + noise(N, 0.01))})),
    ("GEN006", "a small gap", make_run({"train_acc": 0.9 - 0.4 * np.exp(-X / 100), "val_acc": sparse(0.84 - 0.4 * np.exp(-X / 100))})),
    ("RL004", "the clipping that PPO needs", make_run({"reward": GROWS, "clipfrac": np.clip(0.15 + noise(N, 0.04), 0, 1)})),
    ("RL005", "KL that grows with the reward", make_run({"reward": X / N + noise(N, 0.02), "kl": X / 300 + np.abs(noise(N, 0.01))})),
    ("RL006", "entropy that rises a little", make_run({"reward": GROWS, "entropy": 1 + X / 5000 + noise(N, 0.02)})),
    ("RL007", "a reward that swings", make_run({"reward": 0.5 + 0.1 * np.sin(X / 60) + noise(N, 0.05)})),
    ("RL008", "a spread that halves", make_run({"reward": GROWS, "reward_std": 0.3 - 0.15 * X / N})),
    ("RL010", "the reward itself near 1", make_run({"reward": np.minimum(X / 100, 0.99)})),
    ("RL011", "length that pays", make_run({"reward": X / N + noise(N, 0.02), "completion_length": 200 + X + noise(N, 8)})),
    ("RL014", "steps at the target", make_run({"reward": GROWS, "approx_kl": 0.015 * np.exp(noise(N, 0.4))})),
    ("RL015", "both rise", make_run({"reward": X / N, "eval/reward": sparse(X / N + noise(N, 0.02))})),
    ("RL016", "a good fit", make_run({"reward": GROWS, "explained_variance": 0.8 - 0.6 * np.exp(-X / 100)})),
    ("RL017", "values below the returns", make_run({"episode_return": 100 * GROWS, "q_values": 60 * GROWS})),
    ("RL018", "a gap that is not small", make_run({"reward": GROWS, "mismatch_kl": 0.05 + np.abs(noise(N, 5e-4))})),
    ("PREF001", "a margin that grows", make_run({"train/rewards/margins": X / 500 + noise(N, 0.05), "train/rewards/accuracies": 0.5 + 0.3 * X / N, "train/rewards/chosen": noise(N)})),
    ("PREF002", "a small fall", make_run({"train/rewards/margins": X / 300, "train/logps/chosen": -200 - 10 * RAMP + noise(N), "train/rewards/chosen": noise(N)})),
    ("PREF003", "an accuracy that is still rising", make_run({"train/rewards/margins": X / 100, "train/rewards/accuracies": 0.5 + 0.45 * X / N, "train/rewards/chosen": noise(N)})),
    ("PERF003", "a fast loader", make_run({"loss": decay(N), "step_time": 1 + noise(N, 0.02), "data_time": 0.02 + np.abs(noise(N, 0.002))})),
    ("PERF006", "slow steps at random", make_run({"loss": decay(N), "step_time": np.where(np.random.default_rng(1).random(N) < 0.02, 6.0, 1.0)})),
    ("PERF008", "a start of a minute in three hours", late(70.0)),
    ("PERF009", "a GPU that is not in use", make_run({"loss": decay(300)}, system=system(gpu0_gpu=96.0, gpu1_gpu=0.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=0.5))),
    ("PERF010", "GPUs of other users", make_run({"loss": decay(300)}, system=system(gpu0_gpu=95.0, gpu1_gpu=40.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=55.0, process0=60.0))),
    ("PERF009", "another user's idle GPU", make_run({"loss": decay(300)}, system=system(gpu0_gpu=95.0, gpu1_gpu=2.0, process0=60.0))),
    ("PERF010", "a GPU that is not in use", make_run({"loss": decay(300)}, system=system(gpu0_gpu=96.0, gpu1_gpu=0.0, gpu0_memoryAllocated=60.0, gpu1_memoryAllocated=0.5))),
    ("PERF011", "a clock that falls when idle", make_run({"loss": decay(300)}, system=system(gpu0_gpu=np.r_[np.full(180, 95.0), np.zeros(180)], gpu0_temp=60.0, gpu0_smClock=np.r_[np.full(180, 1980.0), np.full(180, 300.0)]))),
    ("PERF013", "memory that jumps once", make_run({"loss": decay(N), "peak_memory": np.where(X < 500, 10.0, 14.0) + noise(N, 0.01)})),
    ("PERF014", "memory that levels off", make_run({"loss": decay(300)}, system=system(proc_memory_rssMB=4000 + 3000 * (1 - np.exp(-np.arange(360) / 30))))),
    ("PERF015", "a framework that reserves all at once", make_run({"loss": decay(300)}, system=system(gpu0_gpu=90.0, gpu0_memoryAllocated=98.5))),
    ("PERF016", "a disk that was full before", make_run({"loss": decay(300)}, system=system(disk_usagePercent=99.0))),
]
# fmt: on
