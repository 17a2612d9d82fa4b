"""Cases of rules on whether anything was learned, and what."""

from __future__ import annotations

from typing import Any

import numpy as np

from postrun.model import Run, Severity, State
from tests.curves import decay, make_run, noise

W, I, C = Severity.WARNING, Severity.INFO, Severity.CRITICAL  # noqa: E741
N = 300
X = np.arange(N)


def stairs(drop: float, within: float, n: int = 90) -> Run:
    """Three epochs of 30 values; what the loss loses at each boundary, and within each epoch."""
    epoch = np.arange(n) / 30
    level = 2.0 - drop * np.floor(epoch) - within * (epoch % 1)
    return make_run({"train/loss": level + noise(n, 0.01), "train/epoch": epoch + 1 / 30})


def evaluated(values: Any, **others: Any) -> Run:
    n = len(values) * 10
    held_out: list[float | None] = [None] * n
    held_out[9::10] = [float(v) for v in values]
    return make_run({"train/loss": decay(n), "eval/accuracy": held_out, **others})


def policy(reward: Any, kl: float = 0.01) -> Run:
    n = len(reward)
    return make_run({"reward": reward, "train/approx_kl": np.abs(noise(n, kl, 1)) + kl})


def slowly(n: int, rho: float = 0.9) -> Any:
    """Noise of one standard deviation whose neighbours are alike."""
    out, steps = np.zeros(n), noise(n, (1 - rho * rho) ** 0.5, 3)
    for i in range(1, n):
        out[i] = rho * out[i - 1] + steps[i]
    return out


def players(judge: Any, maker: Any) -> Run:
    return make_run({"D_loss": judge, "G_loss": maker})


def measured(accuracy: Any) -> Any:
    """An accuracy over 10,000 samples."""
    return np.round(accuracy, 4)


def curious(bonus: Any, task: Any = None) -> Run:
    own = -98 + noise(N, 4, 2) if task is None else -98 + task + noise(N, 1, 2)
    bonus = 30 * bonus
    return make_run({"Episode reward": own + bonus, "Task reward": own, "Intrinsic reward": bonus})


EPOCHS = {"epoch": np.arange(N) / 60}
# fmt: off
# ruff: noqa: E501 - one case per line
FIRES: list[tuple[str, Severity, Run, tuple[float, float] | None]] = [
    ("GEN008", I, make_run({"train/loss": decay(N), "epoch": np.arange(N) / 60}), None),
    ("GEN008", I, make_run({"loss": decay(N)}, config={"num_train_epochs": 3, "eval_strategy": "no"}), None),
    ("GEN009", W, evaluated(np.ones(10)), (9, 9)),
    ("OPT019", W, stairs(0.5, 0.02), (1, 1.1)),
    ("OPT020", W, make_run({"loss": decay(N)}, config={"lr": 0.3, "optimizer": "AdamW"}), None),
    ("OPT020", W, make_run({"reward": X / N + noise(N, 0.1), "Policy Loss": noise(N)}, config={"lr_ac": 0.375}), None),
    ("OPT021", W, make_run({"loss": 0.7 - 3.0 * X, "accuracy": np.full(N, 0.5) + noise(N, 0.01)}), (0, 0)),
    ("OPT021", W, make_run({"train/cross_entropy": 0.7 - 0.01 * X}), (0, 0)),
    ("OPT022", W, players(np.log(2) + noise(N, 0.001), np.log(2) + noise(N, 0.001, 1)), (0, 0)),
    ("OPT023", W, players(-np.exp(np.clip(X - 200, 0, None) / 35) + noise(N, 0.05), 1 + noise(N, 0.05)), (200, 220)),
    ("OPT024", W, make_run({"loss": decay(N), "train/kl": 5 * np.exp(-X / 15), "train/recon_loss": decay(N)}), (50, 100)),
    ("RL019", W, policy(-99 + noise(N, 5)), (0, 0)),
    ("RL019", W, policy(np.where(np.isin(X, (285, 292, 297)), 40.0, -99 + noise(N, 3))), (0, 0)),
    ("RL020", W, policy(-99 + noise(N, 5), 1e-7), (0, 0)),
    ("OPT006", W, make_run({"epoch": np.arange(50), "loss": np.linspace(0.4998, 0.4968, 50)}), None),
    ("OPT006", W, make_run({"loss": decay(40), "accuracy": [0.0987] * 39 + [0.099]}), None),
    ("OPT006", W, make_run({"loss": 2.6 + 0.2 * np.exp(-X / 4) + noise(N, 0.002), "test_acc": 0.12 + noise(N, 0.01, 1)}), None),
    ("RL021", I, make_run({"losses/value_loss": decay(N), "losses/policy_loss": noise(N), "losses/explained_variance": noise(N)}), (0, 0)),
    ("OPT002", Severity.CRITICAL, make_run({"loss": [7.3, 38.0, 258.0, 240.0, 260.0, 251.0]}), (1, 1)),
    ("OPT005", W, make_run({"loss": decay(N), "lr": np.full(N, 0.01)}, config={"learning_rate_decay": 0.9999}), (0, 0)),
    ("DAT011", I, make_run({"loss": decay(N), "gate_loss": np.zeros(N)}), (0, 0)),
    ("DAT011", I, make_run({"loss": decay(N), "gate_loss": np.where(X == 200, 0.1, 0.0)}), (0, 0)),
    ("DAT010", I, make_run({"loss": decay(3), "episode/reward": [1.0, 2.0, 3.0]}), (0, 0)),
    ("GEN008", I, players(0.7 + noise(N, 0.1), 1 + noise(N, 0.1, 1)), (0, 0)),
    ("GEN010", I, make_run({"loss": 0.69 * np.exp(-np.arange(30) / 5), "epoch": np.arange(1, 31) / 70}), (0, 0.02)),
    ("GEN011", I, make_run({"acc": measured(0.7 + noise(N, 0.06)), "loss": decay(N)}), (0, 0)),
    ("OPT025", I, make_run({"val/mAP": [0.41, 0.47, 0.48, 0.61, 0.64, 0.78]}), (4, 4)),
    ("OPT025", I, make_run({"train/loss": 3 - X / N * 2 + noise(N, 0.05)}), (230, 250)),
    ("OPT026", W, make_run({"acc": [0.33, 0.37, 0.43, 0.5, 0.6, 0.67, 0.28], "loss": [2.2, 2.3, 2.0, 1.6, 1.1, 0.9, 3.4]}), (6, 6)),
    ("OPT027", I, make_run({"loss": decay(N), "lr": 1e-3 * (1 - (X % 100) / 200)}), (100, 100)),
    ("OPT027", W, make_run({"loss": decay(N), "lr": 1e-3 * (1 + np.cos(np.pi * (X % 250) / 320))}, config={"resume_from_checkpoint": "ckpt-250"}), (250, 250)),
    ("OPT027", I, make_run({"loss": decay(N), "lr": 1e-3 * (1 + np.cos(np.pi * (X % 250) / 320))}), (250, 250)),
    ("GEN012", W, evaluated(0.9 - 0.4 * np.exp(-np.arange(20) / 4), **{"test/accuracy": [*[None] * 199, 0.62]}), None),
    ("GEN012", I, evaluated(0.9 - 0.4 * np.exp(-np.arange(20) / 4), **{"test/accuracy": [*[None] * 199, 0.84]}), None),
    ("GEN013", I, make_run({"train/loss": 40 * decay(N), "val/loss": decay(N)}), None),
    ("GEN013", I, make_run({"train/loss": decay(N), "val/loss": 25 * decay(N)}), None),
    ("OPT006", W, make_run({"loss": 5.54 + 0.2 * np.exp(-X / 4) + noise(N, 0.002), "val_acc": 0.05 + noise(N, 0.004)}), None),
    ("OPT024", W, make_run({"neg_elbo": 90 + decay(N), "kl_div": 7 * np.exp(-X / 5)}, config={"latent_dim": 16}), None),
    ("RL007", C, policy(np.exp(-(((X - N / 2) / (N / 6)) ** 2)) * 150 + 12 + 3 * slowly(N)), None),
    ("OPT028", W, make_run({"loss": decay(9)}, summary={"loss": 0.6932, "val_acc": 0.5}, completeness={"truncated": True}), (0, 8)),
    ("RL022", W, curious(np.exp(X / 40)), (0, 0)),
    ("GEN004", W, evaluated([0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.83, 0.84, 0.5, 0.5, 0.49, 0.5]), None),
    ("OPT006", W, make_run({"loss": 0.7 + 6 * np.exp(-(((X - 30) / 12) ** 2)) + noise(N, 0.01)}), None),
    ("DAT004", W, make_run({"train/loss": decay(N), "eval/f1": [0.0 if i % 30 == 29 else None for i in range(N)]}), (29, 29)),
    ("DAT004", I, make_run({"train/loss": decay(N), "train/grad_norm": np.zeros(N)}), (0, 0)),
    ("OPT009", C, make_run({"train/loss": 1.9 + noise(N, 0.05), "train/grad_norm": np.zeros(N)}), (0, 0)),
    ("RL002", W, make_run({"reward": 30 - X / 15 + noise(N, 1.0), "train/entropy_loss": -np.abs(noise(N, 0.002, 1))}), None),
    ("RL002", I, make_run({"reward": X / 10 + noise(N, 1.0), "train/entropy_loss": -0.7 * np.exp(-X / 60)}), None),
    ("OPT001", C, make_run({"train/loss": decay(N), "val/loss": np.where(X < 40, 1.0 - X / 100, np.inf)}), (40, 40)),
    ("DAT008", I, make_run({"loss": decay(N), "global_step": np.where(X < 160, X, X - 60) * 20}), None),
    ("OPT015", W, make_run({"loss": decay(N), "lr": 1e-8 * (X + 1), "train/global_step": X * 10}, config={"warmup_steps": 100_000}, exit_code=0), None),
    ("GEN009", W, make_run({"train/loss": decay(N), "val/r2": [0.9996 if i % 20 == 19 else None for i in range(N)]}), None),
    ("OPT018", W, make_run({"D_real": 0.6 / (1 + np.exp((X - 60) / 5)) + 0.0005, "D_fake": 0.6 / (1 + np.exp((X - 60) / 5)) + 0.0004, "G_GAN": 0.9 + 8 / (1 + np.exp((60 - X) / 5))}), None),
    ("OPT009", W, make_run({"train/loss": 1.0 + noise(N, 0.01), "train/grad_norm": 3e-8 + noise(N, 1e-9, 1)}), None),
    ("OPT029", W, make_run({"recon_loss": decay(N), "vq_loss": decay(N), "perplexity": 300 * np.exp(-X / 40) + 2}), (50, 150)),
    ("OPT029", W, make_run({"loss": decay(N), "moe/max_expert_load": 0.15 + 0.8 / (1 + np.exp((150 - X) / 9))}), (100, 220)),
    ("OPT006", W, make_run({"loss": 12 * np.exp(-X / 4) + 2.5 + noise(N, 0.01), "val_acc": 0.1 + noise(N, 0.008)}), None),
    ("GEN001", C, make_run({"train/loss": decay(N), "val/loss": 2.3 + X / 100, "val/acc": 0.1 + noise(N, 0.01)}), None),
    ("GEN012", W, make_run({"train/loss": decay(N), "val/mae": 0.3 + 0.3 * decay(N), "test/mae": [*[None] * (N - 1), 1.6]}), None),
    ("OPT006", W, make_run({"loss": 1.1 + noise(40, 0.02), "val_acc": [0.3275] * 39 + [0.33]}), None),
]

SILENT: list[tuple[str, str, Run]] = [
    ("OPT027", "a warm-up and one decay", make_run({"loss": decay(N), "lr": 1e-3 * np.minimum(X / 40, 1) * (1 - X / N)})),
    ("GEN012", "a test as good as the evaluation", evaluated(0.9 - 0.4 * np.exp(-np.arange(20) / 4), **{"test/accuracy": [*[None] * 199, 0.87]})),
    ("GEN012", "a test of something else", evaluated(0.9 - 0.4 * np.exp(-np.arange(20) / 4), **{"test/f1": [*[None] * 199, 0.62]})),
    ("OPT009", "a norm of 0 beside a loss that falls", make_run({"train/loss": decay(N), "train/grad_norm": np.zeros(N)})),
    ("DAT004", "four evaluations of a detector that finds nothing yet", make_run({"train/loss": decay(N), "eval/mAP": [0.0 if i % 75 == 74 else None for i in range(N)]})),
    ("OPT015", "a warm-up that ends within the run", make_run({"loss": decay(N), "lr": 1e-5 * np.minimum(X + 1, 100), "train/global_step": X * 10}, config={"warmup_steps": 1000}, exit_code=0)),
    ("GEN009", "a fit that is good, as that of a slow series is", make_run({"train/loss": decay(N), "val/r2": [0.997 if i % 20 == 19 else None for i in range(N)]})),
    ("OPT018", "halves that stay in balance", make_run({"D_real": 0.6 + noise(N, 0.02), "D_fake": 0.6 + noise(N, 0.02, 1), "G_GAN": 0.9 + noise(N, 0.02, 2)})),
    ("RL019", "a sampled reward that stands beside an evaluation that rises", make_run({"reward": 0.5 + noise(N, 0.02), "val/acc": [0.3 + 0.2 * i / N if i % 20 == 19 else None for i in range(N)]})),
    ("RL011", "answers that grow beside an evaluation that rises", make_run({"reward": 0.5 + noise(N, 0.02), "completions/mean_length": 300 + 3 * X, "val/acc": [0.3 + 0.2 * i / N if i % 20 == 19 else None for i in range(N)]})),
    ("OPT029", "a codebook that comes into use", make_run({"recon_loss": decay(N), "vq_loss": decay(N), "perplexity": 300 - 290 * np.exp(-X / 40)})),
    ("OPT029", "a language model's perplexity", make_run({"loss": decay(N), "ce_loss": decay(N), "perplexity": 300 * np.exp(-X / 40) + 2})),
    ("OPT029", "a router that becomes sure, with even loads", make_run({"loss": decay(N), "router_entropy": 2 * np.exp(-X / 40), "moe/load_balancing_loss": 1 + noise(N, 0.01)})),
    ("GEN004", "a loss that rises by nothing that counts", make_run({"train/loss": decay(30), "val/loss": 2.3047 + 1e-5 * np.arange(30)})),
    ("GEN007", "one of two accuracies that falls", make_run({"val/loss": 1.4 + np.abs(X - 100) / 200, "val/clean_acc": 0.5 + X / 1000, "val/robust_acc": 0.5 - np.abs(X - 100) / 1000})),
    ("GEN007", "a loss that rises at chance", make_run({"val/loss": 2.31 + X / 200, "val/acc": 0.1 + noise(N, 0.01)})),
    ("OPT007", "losses that fall while every score stands", make_run({"train/loss": decay(N), "val/loss": decay(N), "val/mAP": np.zeros(N)})),
    ("GEN012", "a test error within the usual", make_run({"val/mae": 0.3 + 0.3 * decay(N), "test/mae": [*[None] * (N - 1), 0.35]})),
    ("GEN013", "a gap that memorising opened", make_run({"train/loss": decay(N) ** 3, "val/loss": 1 + 0 * X})),
    ("GEN013", "losses on one scale", make_run({"train/loss": decay(N), "val/loss": 1.3 * decay(N)})),
    ("OPT015", "an inverse square root", make_run({"loss": decay(N), "lr": 1e-3 / np.sqrt(1 + X / 40)}, config={"lr_scheduler": "inverse_sqrt"}, exit_code=0)),
    ("OPT006", "an accuracy that was learned before the first evaluation", make_run({"train/loss": 0.4 + 0.7 * np.exp(-X / 15) + noise(N, 0.01), "eval/accuracy": [0.86 if i % 50 == 49 else None for i in range(N)]})),
    ("OPT006", "a loss that falls at once beside a score that rises", make_run({"loss": 5.54 + 0.2 * np.exp(-X / 4) + noise(N, 0.002), "val_acc": 0.1 + 0.5 * X / N})),
    ("RL019", "a reward that rose and was lost", policy(np.exp(-(((X - N / 2) / (N / 6)) ** 2)) * 150 + 12 + 3 * slowly(N))),
    ("RL007", "slow noise", policy(40 + 5 * slowly(N))),
    ("OPT024", "a KL of a policy's trainer", make_run({"loss": decay(N), "kl": 0.001 + 0 * X, "reward": X / N})),
    ("DAT010", "a run with one long goal", make_run({"train/loss": decay(N), "val/acc": [*[None] * (N - 1), 0.5]})),
    ("DAT011", "a policy's loss without a total", make_run({"policy_loss": np.zeros(N), "reward": X / N})),
    ("GEN008", "a game whose samples are scored", make_run({"D_loss": noise(N, 0.1), "G_loss": noise(N, 0.1), "val/fid": decay(N)})),
    ("GEN010", "a loss that falls over many epochs", make_run({"loss": 0.69 * np.exp(-np.arange(30) / 5), "epoch": np.arange(1, 31) / 10})),
    ("GEN010", "a loss that is not of two answers", make_run({"loss": 2.3 * np.exp(-np.arange(30) / 5), "epoch": np.arange(1, 31) / 70})),
    ("GEN011", "an accuracy of batches of 32", make_run({"acc": np.round((0.7 + noise(N, 0.08)) * 32) / 32, "loss": decay(N)})),
    ("GEN011", "a steady accuracy", make_run({"acc": measured(0.7 + noise(N, 0.01)), "loss": decay(N)})),
    ("OPT025", "gains that slowed down", make_run({"train/loss": decay(N)})),
    ("OPT025", "a run that failed", make_run({"val/mAP": [0.41, 0.47, 0.48, 0.61, 0.64, 0.78]}, state=State.FAILED, exit_code=1)),
    ("OPT026", "a last value within the scatter", make_run({"acc": [0.3, 0.5, 0.35, 0.55, 0.3, 0.5, 0.28], "loss": [2.2, 1.3, 2.0, 1.2, 2.1, 1.3, 2.3]})),
    ("OPT026", "a loss that rises beside an accuracy that holds", make_run({"acc": [0.3, 0.4, 0.5, 0.6, 0.7, 0.71], "loss": [2.2, 2.0, 1.6, 1.1, 0.9, 3.4]})),
    ("OPT027", "restarts that are configured", make_run({"loss": decay(N), "lr": 1e-3 * (1 - (X % 100) / 200)}, config={"lr_scheduler": "cosine_with_restarts"})),
    ("OPT027", "warm restarts that run their cycles to the end", make_run({"loss": decay(N), "lr": 5e-4 * (1 + np.cos((X % 75) / 75 * np.pi))})),
    ("OPT027", "a schedule that decays once", make_run({"loss": decay(N), "lr": 1e-3 * (1 - X / N)})),
    ("OPT028", "a loss at ln 2 beside an accuracy above chance", make_run({"loss": decay(9)}, summary={"loss": 0.6932, "val_acc": 0.6}, completeness={"truncated": True})),
    ("OPT028", "a history that is whole", make_run({"loss": decay(9)}, summary={"loss": 0.6932, "val_acc": 0.5})),
    ("RL022", "a bonus that fades", curious(np.exp(-X / 40))),
    ("RL022", "a bonus that grows beside a task that is learned", curious(np.exp(X / 40), X / 10)),
    ("GEN008", "one epoch", make_run({"train/loss": decay(N), "epoch": np.arange(N) / N})),
    ("GEN008", "a test loss", make_run({"train/loss": decay(N), "test_loss": decay(N), **EPOCHS})),
    ("GEN009", "a good accuracy that was learned", evaluated([0.6, 0.9, 0.97, 0.99, 0.996, 0.998, 1, 1, 1, 1])),
    ("OPT019", "a loss that falls steadily", stairs(0.0, 0.5)),
    ("OPT019", "a loss that falls within epochs as well", stairs(0.1, 0.4)),
    ("OPT020", "a large rate of SGD", make_run({"loss": decay(N)}, config={"lr": 0.5, "optimizer": "SGD"})),
    ("OPT020", "a usual rate", make_run({"loss": decay(N)}, config={"lr": 3e-4, "optimizer": "AdamW"})),
    ("OPT021", "a policy's loss", make_run({"loss": -X / N, "reward": X / N + noise(N, 0.1), "accuracy": X / N})),
    ("OPT021", "a likelihood of densities", make_run({"train/nll": 2 - X / 50})),
    ("OPT022", "a game in balance that moved before", players(np.log(2) + 0.5 * np.exp(-X / 60), 1 + noise(N, 0.1))),
    ("OPT023", "losses that swing", players(1 + noise(N, 0.5), 2 + noise(N, 0.5, 1))),
    ("OPT024", "a KL that stays", make_run({"loss": decay(N), "train/kl": 5 + 3 * np.exp(-X / 15), "train/recon_loss": decay(N)})),
    ("RL019", "a reward that rises slowly", policy(X / N + noise(N, 0.2))),
    ("RL019", "a reward near its top from the start", policy(np.clip(0.97 + noise(N, 0.01), 0, 1))),
    ("RL020", "a small KL while the reward rises", policy(X / N + noise(N, 0.05), 1e-7)),
    ("OPT006", "a spike after much was learned", make_run({"loss": decay(N) + 8 * np.exp(-(((X - 200) / 4) ** 2))})),
    ("OPT006", "a flat loss beside an accuracy that rises", make_run({"loss": 0.69 + noise(N, 0.01), "val_acc": 0.5 + 0.4 * (1 - np.exp(-X / 50)) + noise(N, 0.01)})),
    ("OPT006", "a flat accuracy beside a loss that was learned", make_run({"loss": decay(N), "test_acc": 0.3 + noise(N, 0.01, 1)})),
    ("OPT007", "a gain of the first rows alone", make_run({"val_loss": 2.6 + 0.2 * np.exp(-X / 4) + noise(N, 0.002)})),
    ("OPT006", "the accuracy of a regression", make_run({"loss": decay(40), "accuracy": [0.0025] * 39 + [0.0]})),
    ("RL021", "a policy whose episodes are logged", make_run({"losses/value_loss": decay(N), "losses/policy_loss": noise(N), "charts/episodic_return": X / N})),
    ("OPT002", "a loss that rises from its start and falls again", make_run({"loss": [1.0, 5.0, 2.0, 1.0, 0.5, 0.4]})),
    ("OPT005", "a rate that decays", make_run({"loss": decay(N), "lr": 0.01 * 0.99**X}, config={"learning_rate_decay": 0.99})),
    ("DAT011", "a part of the loss that is a constant", make_run({"loss": decay(N), "gate_loss": np.full(N, 0.3)})),
    ("OPT003", "a power law", make_run({"loss": 3 * (X + 10) ** -0.2 + noise(N, 0.002)})),
    ("OPT003", "a flat loss beside an evaluation that improves", make_run({"train/loss": np.maximum(decay(N), 0.9) + noise(N, 0.001), "eval/accuracy": X / N * 0.8})),
]
# fmt: on
