"""Further healthy trainings, made after the rules were mended for the first 72 of this round: truth first."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    cosine,
    every,
    power,
    rise,
    sigmoid,
    slow,
    times,
)
from benchmarks.faults.later.enter import training


@training(
    "",
    "A forecaster with a rate that is halved at plateaus: the losses fall to the end.",
    ("flat since", "overfit"),
    needs="torch",
)
def sine_forecaster(rng: Random) -> Log:
    import torch
    from torch import nn

    torch.manual_seed(5)
    t = np.arange(1200)
    wave = np.sin(t / 7) + 0.4 * np.sin(t / 23) + rng.normal(0, 0.05, 1200)
    windows = torch.as_tensor(
        np.lib.stride_tricks.sliding_window_view(wave, 25).copy(), dtype=torch.float32
    )
    x, y, held_x, held_y = (
        windows[:900, :24],
        windows[:900, 24],
        windows[925:, :24],
        windows[925:, 24],
    )
    net = nn.Sequential(nn.Linear(24, 32), nn.Tanh(), nn.Linear(32, 1))
    by = torch.optim.Adam(net.parameters(), lr=3e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(by, factor=0.5, patience=4)
    log = Log({"model": "mlp", "horizon": 1, "epochs": 80, "scheduler": "plateau"}, seconds=0.2)
    for epoch in range(80):
        seen = []
        for part in torch.as_tensor(rng.permutation(900)).split(32):
            loss = ((net(x[part])[:, 0] - y[part]) ** 2).mean()
            by.zero_grad()
            loss.backward()
            by.step()
            seen.append(float(loss.detach()))
        with torch.no_grad():
            held = float(((net(held_x)[:, 0] - held_y) ** 2).mean())
        plateau.step(held)
        log.add(
            epoch=epoch, train_mse=float(np.mean(seen)), val_mse=held, lr=by.param_groups[0]["lr"]
        )
    return log


@training(
    "",
    "Offline RL (CQL): the normalised score goes from 5 to 78 with noise; the "
    "conservative term is negative.",
    ("diverg", "negative loss", "got worse"),
)
def cql_offline(rng: Random) -> Log:
    n = 200
    log = Log({"algo": "CQL", "dataset": "walker2d-medium-v2", "n_steps": 1000000}, seconds=30.0)
    log.table(
        {
            "step": (np.arange(n) + 1) * 5000,
            "eval/d4rl_normalized_score": np.clip(
                rise(n, 5, 78, 30) + slow(rng, n, 4, 0.3), 0, 110
            ),
            "loss/cql": -rise(n, 0.5, 12.0, 40) + rng.normal(0, 0.3, n),
            "loss/critic": times(rng, np.full(n, 14.0), 0.15),
            "loss/actor": -rise(n, 0, 240, 50) + rng.normal(0, 2, n),
            "q/mean": rise(n, 0, 242, 50) + rng.normal(0, 2, n),
        }
    )
    return log


@training(
    "",
    "Quantisation-aware training begins at epoch 80: the loss jumps a little and comes "
    "back, accuracy ends as before.",
    ("diverg", "got worse", "overfit"),
)
def quantised_from_eighty(rng: Random) -> Log:
    n = 120
    at = np.arange(n)
    bump = np.where(at >= 80, 0.22 * np.exp(-(at - 80) / 6.0), 0.0)
    log = Log({"model": "mobilenet_v2", "qat_start_epoch": 80, "epochs": 120}, seconds=100.0)
    log.table(
        {
            "epoch": at,
            "train/loss": rise(n, 3.2, 0.92, 18) + bump + rng.normal(0, 0.008, n),
            "val/loss": rise(n, 2.9, 1.08, 16) + 1.2 * bump + rng.normal(0, 0.012, n),
            "val/top1": rise(n, 22, 71.6, 17) - 28 * bump + rng.normal(0, 0.15, n),
            "lr": np.where(at >= 80, 1e-4, cosine(n, 0.05, 3, 1e-4, 80)),
        }
    )
    return log


@training(
    "",
    "A normalising flow: the log-likelihood rises from -3.1 to 2.4 and becomes positive, "
    "as densities may.",
    ("impossible", "bound", "diverg"),
)
def flow_log_likelihood(rng: Random) -> Log:
    n = 150
    log = Log({"model": "neural_spline_flow", "dataset": "POWER", "epochs": 150}, seconds=20.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train/log_likelihood": rise(n, -3.1, 2.52, 25) + rng.normal(0, 0.02, n),
            "val/log_likelihood": rise(n, -2.9, 2.38, 24) + rng.normal(0, 0.03, n),
            "train/nll": -rise(n, -3.1, 2.52, 25) + rng.normal(0, 0.02, n),
        }
    )
    return log


@training(
    "",
    "LightGBM with early stopping: validation l2 is level for the last 50 rounds and does "
    "not rise.",
    ("diverg",),
    ("overfitting",),
)
def lightgbm_levels_off(rng: Random) -> Log:
    n = 420
    log = Log(
        {"objective": "regression", "early_stopping_rounds": 50, "num_iterations": 5000},
        seconds=0.1,
    )
    log.table(
        {
            "iteration": np.arange(n),
            "training/l2": 0.18 + 1.1 * np.exp(-np.arange(n) / 90),
            "valid_0/l2": 0.301 + 0.95 * np.exp(-np.arange(n) / 70) + rng.normal(0, 0.0004, n),
        }
    )
    log.console = ["Early stopping, best iteration is:", "[369]	valid_0's l2: 0.305112"]
    return log


@training(
    "",
    "Pre-training whose batch grows at step 4,000: the loss becomes less noisy, each step "
    "takes twice as long.",
    ("slow", "throughput fell"),
)
def batch_grows(rng: Random) -> Log:
    n = 1000
    late = np.arange(n) >= 400
    sd = np.where(late, 0.02, 0.05)
    log = Log(
        {"batch_size_rampup": [256, 512], "rampup_step": 4000, "train_steps": 10000},
        seconds=list(np.where(late, 4.1, 2.05)),
    )
    log.table(
        {
            "step": np.arange(n) * 10,
            "batch_size": np.where(late, 512, 256),
            "loss": power(n, 10.7, 2.6) + rng.normal(0, 1, n) * sd,
            "grad_norm": times(rng, np.where(late, 0.25, 0.36), 0.1),
            "tokens_per_second": np.where(late, 255750, 255500) + rng.normal(0, 1800, n),
        }
    )
    return log


@training(
    "",
    "BYOL: the loss is small and level from early on by its nature; the linear probe rises to 68%.",
    ("never fell", "flat since", "not learn"),
)
def byol_level_loss(rng: Random) -> Log:
    n = 300
    log = Log({"method": "byol", "ema": 0.996, "epochs": 300}, seconds=120.0)
    log.table(
        {
            "epoch": np.arange(n),
            "loss/byol": 0.21 + 0.5 * np.exp(-np.arange(n) / 5) + slow(rng, n, 0.008, 0.8),
            "probe/top1": every(rise(n, 19, 68.8, 70) + rng.normal(0, 0.3, n), 10),
            "feature_std": 0.041 + rng.normal(0, 0.0006, n),
            "lr": cosine(n, 0.45, 10),
        }
    )
    return log


@training(
    "",
    "PPO learns Pong: the return goes from -20 to 20 and stays, entropy and clip fraction "
    "get smaller.",
    ("collaps", "entropy.*(bug|explor)", "flat since"),
)
def ppo_pong(rng: Random) -> Log:
    n = 610
    log = Log({"env_id": "ALE/Pong-v5", "num_envs": 8, "total_timesteps": 10_000_000}, seconds=16.0)
    log.table(
        {
            "global_step": (np.arange(n) + 1) * 16384,
            "charts/episodic_return": np.clip(
                sigmoid(n, -20.5, 20.3, 170, 28) + rng.normal(0, 1.1, n), -21, 21
            ),
            "losses/entropy": 1.79 - rise(n, 0, 1.35, 190) + rng.normal(0, 0.02, n),
            "losses/value_loss": times(rng, 0.02 + sigmoid(n, 0.03, 0, 200, 40), 0.3),
            "losses/policy_loss": rng.normal(-0.008, 0.003, n),
            "losses/clipfrac": np.clip(0.11 - rise(n, 0, 0.05, 200) + rng.normal(0, 0.01, n), 0, 1),
            "losses/approx_kl": times(rng, np.full(n, 0.006), 0.3),
            "charts/learning_rate": 2.5e-4 * (1 - np.arange(n) / n),
        }
    )
    return log
