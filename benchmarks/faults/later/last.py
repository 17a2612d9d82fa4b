"""The last trainings of this round: made after the rules were mended for its first 92, their truth first."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    every,
    lines,
    power,
    rise,
    sigmoid,
    times,
)
from benchmarks.faults.later.enter import training
from benchmarks.faults.later.trained_policies import ppo


@training(
    "warm-up-too-long",
    "The warm-up takes 100,000 steps, the run 10,000: the rate ends at a tenth of its "
    "peak and still rises.",
)
def warm_up_never_ends(rng: Random) -> Log:
    n = 500
    log = Log({"warmup_steps": 100000, "num_train_steps": 10000, "peak_lr": 1e-3}, seconds=2.0)
    log.table(
        {
            "step": (np.arange(n) + 1) * 20,
            "train_loss": power(n, 10.8, 5.9, 0.25, 200) + rng.normal(0, 0.03, n),
            "learning_rate": 1e-3 * (np.arange(n) + 1) * 20 / 100000,
        }
    )
    return log


@training(
    "slow",
    "Of each iteration of 1.0 s, 0.8 s is waiting for data: the GPU is idle most of the time.",
)
def waits_for_data(rng: Random) -> Log:
    n = 400
    log = Log({"model": "convnext", "num_workers": 0, "batch_size": 128}, seconds=10.0)
    log.table(
        {
            "iter": np.arange(n) * 10,
            "loss": power(n, 6.9, 2.9) + rng.normal(0, 0.05, n),
            "data_time": times(rng, np.full(n, 0.8), 0.1),
            "iter_time": times(rng, np.full(n, 1.0), 0.08),
            "top1": rise(n, 0.1, 38, 150) + rng.normal(0, 1.5, n),
        }
    )
    return log


@training(
    "not-finite",
    "Keras: the loss is NaN from epoch 8 to the end, and the accuracy falls to 0.098.",
    ("improved: ",),
)
def keras_nan_from_eight(rng: Random) -> Log:
    n = 25
    gone = np.arange(n) >= 7
    log = Log({"optimizer": "rmsprop", "lr": 0.05, "epochs": 25}, seconds=20.0)
    log.table(
        {
            "epoch/epoch": np.arange(n),
            "epoch/loss": np.where(gone, np.nan, rise(n, 1.6, 0.7, 3)),
            "epoch/accuracy": np.where(gone, 0.098, rise(n, 0.4, 0.75, 3)),
            "epoch/val_loss": np.where(gone, np.nan, rise(n, 1.5, 0.8, 3)),
            "epoch/val_accuracy": np.where(gone, 0.1, rise(n, 0.42, 0.72, 3)),
        }
    )
    return log


@training(
    "constant-reward",
    "No agent ever reaches the goal: the reward is 0 in all 500 rows, so there is nothing "
    "to learn from.",
    ("improved: ", "perfect"),
)
def sparse_goal_never_reached(rng: Random) -> Log:
    n = 500
    log = Log(
        {"env": "MiniGrid-KeyCorridorS6R3-v0", "algo": "ppo", "frames": 8_000_000}, seconds=12.0
    )
    log.table(
        {
            "frames": (np.arange(n) + 1) * 16000,
            "return_mean": np.zeros(n),
            "return_max": np.zeros(n),
            "num_frames_mean": np.full(n, 1080.0),
            "entropy": 1.94 - 0.0002 * np.arange(n) + rng.normal(0, 0.002, n),
            "value_loss": times(rng, np.full(n, 1e-7), 0.5),
            "policy_loss": rng.normal(0, 1e-4, n),
        }
    )
    return log


@training(
    "no-learning",
    "The network predicts no noise at all: the loss stays at 1.0, the variance of the "
    "noise, in all 40,000 steps.",
    ("improved: ",),
)
def denoiser_predicts_nothing(rng: Random) -> Log:
    n = 800
    log = Log({"model": "unet2d", "lr": 1e-4, "zero_init": True, "detach": True}, seconds=4.0)
    log.table(
        {
            "global_step": np.arange(n) * 50,
            "train/mse": 1.0 + rng.normal(0, 0.006, n),
            "train/grad_norm": times(rng, np.full(n, 3e-8), 0.3),
            "val/mse": every(1.0 + rng.normal(0, 0.002, n), 80),
        }
    )
    return log


@training(
    "overfitting",
    "Robust overfitting: robust accuracy is best at epoch 101 (52%) and falls to 44%, "
    "clean training accuracy rises.",
)
def robust_overfitting(rng: Random) -> Log:
    n = 200
    at = np.arange(n)
    late = np.maximum(at - 101, 0)
    robust = rise(n, 26, 48, 25) + np.where(at >= 100, 4, 0) - 0.085 * late
    log = Log({"attack": "pgd10", "eps": 8, "epochs": 200, "lr_drops": [100, 150]}, seconds=400.0)
    log.table(
        {
            "epoch": at,
            "train/robust_loss": 2.0
            - rise(n, 0, 0.62, 40)
            - 0.008 * late
            + rng.normal(0, 0.006, n),
            "train/robust_acc": 28 + rise(n, 0, 25, 40) + 0.31 * late + rng.normal(0, 0.2, n),
            "test/robust_loss": 1.9 - rise(n, 0, 0.52, 25) + 0.007 * late + rng.normal(0, 0.008, n),
            "test/robust_acc": robust + rng.normal(0, 0.3, n),
            "test/clean_acc": rise(n, 45, 81, 25) + 0.03 * late + rng.normal(0, 0.3, n),
        }
    )
    return log


@training(
    "got-worse",
    "Weight decay of 1 with a rate of 0.1 drives the weights to 0: the loss falls to 4.1 "
    "and returns to ln 1000 = 6.91.",
    ("improved: ",),
)
def weights_decay_to_nothing(rng: Random) -> Log:
    n = 500
    gone = sigmoid(n, 0, 1, 300, 18)
    loss = (6.91 - rise(n, 0, 2.8, 60)) * (1 - gone) + 6.908 * gone
    log = Log(
        {"weight_decay": 1.0, "lr": 0.1, "optimizer": "sgd", "dataset": "imagenet"}, seconds=8.0
    )
    log.table(
        {
            "step": np.arange(n) * 100,
            "loss": loss + rng.normal(0, 0.02, n),
            "acc1": 100 * np.clip((0.001 + rise(n, 0, 0.19, 80)) * (1 - gone) + 0.001 * gone, 0, 1),
            "weight_norm": times(rng, 90 * np.exp(-np.arange(n) / 90), 0.005),
        }
    )
    return log


@training(
    "no-learning",
    "NLI at a rate of 1e-8: the loss stays at ln 3 = 1.0986 and the accuracy at 0.33.",
    ("improved: ",),
)
def nli_rate_tiny(rng: Random) -> Log:
    n = 300
    log = Log(
        {"learning_rate": 1e-8, "task_name": "mnli", "num_labels": 3, "max_steps": 3000},
        seconds=3.0,
    )
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/loss": 1.0995 + rng.normal(0, 0.006, n),
            "train/learning_rate": 1e-8 * (1 - np.arange(n) / n),
            "eval/loss": every(1.0991 + rng.normal(0, 0.0004, n), 30),
            "eval/accuracy": every(0.3305 + rng.normal(0, 0.004, n), 30),
        }
    )
    return log


@training(
    "stopped-by-user",
    "The user stopped it with Ctrl-C at epoch 31 of 80, while it still improved.",
    curve=False,
)
def stopped_with_ctrl_c(rng: Random) -> Log:
    n = 31
    log = Log({"epochs": 80, "model": "pointnet2"}, seconds=90.0, exits=255)
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": rise(n, 2.9, 0.6, 14) + rng.normal(0, 0.01, n),
            "val_miou": rise(n, 0.2, 0.55, 14) + rng.normal(0, 0.004, n),
        }
    )
    log.console = list(lines(n, lambda i: f"epoch {i}/80"))
    log.errors = [
        "Traceback (most recent call last):",
        '  File "train.py", line 77, in <module>',
        "KeyboardInterrupt",
    ]
    return log


@training(
    "leak",
    "R2 of a noisy forecast is 0.9999 from the first epoch on: the target is among the inputs.",
)
def forecast_leak(rng: Random) -> Log:
    n = 30
    log = Log({"model": "lstm", "target": "close_t+1", "features": 42, "epochs": 30}, seconds=6.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": 2e-5
            + 4e-4 * np.exp(-np.arange(n) / 2.0)
            + np.abs(rng.normal(0, 1e-6, n)),
            "val_loss": 3e-5 + 6e-5 * np.exp(-np.arange(n) / 2.0) + np.abs(rng.normal(0, 1e-6, n)),
            "val_r2": np.minimum(1, 0.99985 + rng.normal(0, 0.00003, n)),
        }
    )
    return log


@training(
    "policy-still",
    "PPO at a rate of 1e-9: the policy does not move (KL near 0) and the return stays at "
    "that of chance, 20 to 25.",
    ("improved: ",),
    needs="stable_baselines3",
)
def cartpole_rate_tiny(rng: Random) -> Log:
    return ppo(30_000, int(rng.integers(100)), learning_rate=1e-9)


@training(
    "discriminator-wins",
    "pix2pix: the discriminator's loss goes to 0.0005 from epoch 40 on, the generator's "
    "GAN loss to 9 and L1 rises.",
)
def pix2pix_discriminator_wins(rng: Random) -> Log:
    n = 200
    won = sigmoid(n, 0, 1, 42, 4)
    log = Log({"name": "facades_pix2pix", "lambda_L1": 100, "n_epochs": 200}, seconds=30.0)
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "G_GAN": times(rng, 0.9 + 8.2 * won, 0.08),
            "G_L1": times(rng, rise(n, 42, 18, 15) + 9 * won, 0.03),
            "D_real": times(rng, 0.6 * (1 - won) + 0.0005, 0.2),
            "D_fake": times(rng, 0.6 * (1 - won) + 0.0005, 0.2),
        }
    )
    return log
