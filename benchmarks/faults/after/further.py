"""Further trainings, made after the rules were mended for the others: simulated logs."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    cosine,
    every,
    lines,
    power,
    rise,
    sigmoid,
    slow,
    times,
    training,
)


@training(
    "no-learning",
    "ArcFace loss stays near its start (22) and verification accuracy at 0.5.",
    ("improved",),
)
def arcface_stuck(rng: Random) -> Log:
    log = Log({"backbone": "r50", "head": "arcface", "lr": 1e-7, "epochs": 10}, seconds=1.5)
    n = 500
    log.table(
        {
            "step": np.arange(n) * 40,
            "arcface_loss": 22.4 + rng.normal(0, 0.05, n),
            "lfw_acc": every(0.5 + rng.normal(0, 0.006, n), 50),
        }
    )
    return log


@training("", "Depth estimation: abs_rel and delta1 get better to the end.")
def depth_healthy(rng: Random) -> Log:
    log = Log({"model": "dpt", "epochs": 30}, seconds=400.0)
    n = 30
    log.table(
        {
            "epoch": np.arange(n),
            "train/silog_loss": rise(n, 0.31, 0.09, 7) * np.exp(rng.normal(0, 0.02, n)),
            "val/abs_rel": rise(n, 0.24, 0.061, 7) + rng.normal(0, 0.001, n),
            "val/delta1": rise(n, 0.62, 0.957, 6) + rng.normal(0, 0.002, n),
            "val/rmse": rise(n, 0.8, 0.23, 7) + rng.normal(0, 0.004, n),
        }
    )
    return log


@training(
    "overfitting",
    "Validation WER is lowest at epoch 9 (14.1%) and rises to 19%, the training CTC loss goes to 0.02.",
)
def asr_overfits(rng: Random) -> Log:
    log = Log({"model": "conformer-s", "epochs": 40, "lr": 1e-3}, seconds=300.0)
    n = 40
    at = np.arange(n)
    wer = 14.1 + 60 * np.exp(-at / 2.0) + 0.16 * np.maximum(at - 9, 0) + rng.normal(0, 0.12, n)
    log.table(
        {
            "epoch": at + 1,
            "ctc_loss/train": times(rng, rise(n, 3.2, 0.02, 5), 0.04),
            "ctc_loss/dev": 0.55
            + 2.5 * np.exp(-at / 2.2)
            + 0.02 * np.maximum(at - 8, 0)
            + rng.normal(0, 0.008, n),
            "wer/dev": wer,
        }
    )
    return log


@training(
    "got-worse",
    "The speech model diverges at step 4,200: the loss goes from 1.1 to 6 and stays there.",
)
def tts_diverges(rng: Random) -> Log:
    log = Log({"model": "fastspeech2", "total_step": 10000}, seconds=3.0)
    n = 500
    up = sigmoid(n, 0, 1, 210, 2)
    log.table(
        {
            "iters": np.arange(n) * 20,
            "Loss/total_loss": times(rng, power(n, 6.2, 1.05) * (1 - up) + 6.0 * up, 0.04),
            "Loss/mel_loss": times(rng, power(n, 2.8, 0.4) * (1 - up) + 2.9 * up, 0.04),
            "Loss/duration_loss": times(rng, power(n, 0.9, 0.12) * (1 - up) + 0.8 * up, 0.05),
            "Loss/pitch_loss": times(rng, power(n, 0.9, 0.25) * (1 - up) + 0.9 * up, 0.05),
        }
    )
    return log


@training("", "A recommender: recall@20 and NDCG@20 rise; BPR loss falls.")
def recsys_healthy(rng: Random) -> Log:
    log = Log({"model": "LightGCN", "epochs": 120, "bpr_batch": 2048}, seconds=11.0)
    n = 120
    log.table(
        {
            "epoch": np.arange(n),
            "bpr_loss": rise(n, 0.69, 0.06, 18) + rng.normal(0, 0.002, n),
            "reg_loss": rise(n, 0.0, 0.02, 40),
            "recall@20": every(rise(n, 0.03, 0.172, 25) + rng.normal(0, 0.0008, n), 5),
            "ndcg@20": every(rise(n, 0.02, 0.148, 25) + rng.normal(0, 0.0007, n), 5),
        }
    )
    return log


@training("got-worse", "The actor of a DDPG gets worse after 300 episodes: score from 280 to 40.")
def ddpg_score_lost(rng: Random) -> Log:
    log = Log({"algo": "ddpg", "env": "BipedalWalker-v3", "n_episodes": 900}, seconds=5.0)
    n = 900
    s = sigmoid(n, -100, 280, 180, 30) - sigmoid(n, 0, 240, 420, 30)
    log.table(
        {
            "episode": np.arange(n),
            "score": s + rng.normal(0, 40, n),
            "avg_score_100": s + slow(rng, n, 6, 0.95),
            "actor_loss": -rise(n, 0, 30, 150) + rng.normal(0, 1, n),
            "critic_loss": times(rng, np.full(n, 3.0), 0.5),
            "noise_sigma": 0.2 * 0.997 ** np.arange(n),
        }
    )
    return log


@training(
    "",
    "A PPO of Isaac Gym that learns to walk: reward rises, adaptive rate jumps about.",
    ("learning rate", "schedule"),
)
def rsl_rl_walk(rng: Random) -> Log:
    log = Log(
        {"algorithm_name": "PPO", "schedule": "adaptive", "max_iterations": 1500}, seconds=2.2
    )
    n = 1500
    log.table(
        {
            "Train/mean_reward": rise(n, -2, 24, 280) + slow(rng, n, 0.6),
            "Train/mean_episode_length": rise(n, 30, 940, 180) + slow(rng, n, 12),
            "Loss/value_function": times(rng, rise(n, 0.5, 0.02, 120), 0.4),
            "Loss/surrogate": rng.normal(-0.004, 0.003, n),
            "Loss/learning_rate": np.clip(1e-3 * np.exp(slow(rng, n, 0.7, 0.97)), 1e-5, 1e-2),
            "Policy/mean_noise_std": rise(n, 1.0, 0.35, 500),
            "Perf/total_fps": 72000 + slow(rng, n, 900),
        }
    )
    return log


@training("constant-reward", "The reward is 0 in all steps: no group has a signal.", ("improved",))
def openrlhf_zero_reward(rng: Random) -> Log:
    log = Log(
        {"pretrain": "Qwen2.5-7B", "advantage_estimator": "rloo", "n_samples_per_prompt": 8},
        seconds=80.0,
    )
    n = 120
    log.table(
        {
            "train/global_step": np.arange(n) + 1,
            "train/reward": np.zeros(n),
            "train/return": np.zeros(n),
            "train/kl": times(rng, np.full(n, 2e-4), 0.3),
            "train/policy_loss": rng.normal(0, 1e-6, n),
            "train/response_length": 900 + slow(rng, n, 20),
            "train/actor_lr": cosine(n, 5e-7, 4),
        }
    )
    return log


@training(
    "entropy-collapse",
    "The policy's entropy falls from 0.8 to 0.01 within 60 steps while the reward stays at 0.31.",
)
def verl_entropy_gone(rng: Random) -> Log:
    log = Log(
        {
            "trainer": {"total_training_steps": 250},
            "algorithm": {"adv_estimator": "grpo"},
            "actor_rollout_ref": {"actor": {"optim": {"lr": 1e-5}}},
        },
        seconds=80.0,
    )
    n = 250
    log.table(
        {
            "training/global_step": np.arange(n) + 1,
            "actor/entropy": times(rng, 0.8 * np.exp(-np.arange(n) / 14) + 0.009, 0.08),
            "critic/score/mean": 0.24
            + 0.07 * (1 - np.exp(-np.arange(n) / 10))
            + rng.normal(0, 0.015, n),
            "critic/rewards/mean": 0.24
            + 0.07 * (1 - np.exp(-np.arange(n) / 10))
            + rng.normal(0, 0.015, n),
            "actor/grad_norm": times(rng, rise(n, 0.3, 0.02, 20), 0.3),
            "actor/pg_loss": rng.normal(0, 0.01, n),
            "response_length/mean": 400 + slow(rng, n, 10),
            "val-core/math/reward/mean@1": every(0.26 + rng.normal(0, 0.006, n), 25),
        }
    )
    return log


@training(
    "dead-relu",
    "The gradient norm is 0 from epoch 4 on and the loss stands at ln 2: the units are dead.",
)
def mlp_dead_units(rng: Random) -> Log:
    log = Log({"activation": "relu", "lr": 0.5, "classes": 2}, seconds=0.3)
    n = 300
    gn = times(rng, np.full(n, 1.4), 0.3)
    gn[30:] = 0.0
    loss = np.where(
        np.arange(n) < 30, 0.62 + rng.normal(0, 0.04, n), 0.6931 + rng.normal(0, 0.003, n)
    )
    log.table(
        {
            "batch_idx": np.arange(n),
            "batch_loss": loss,
            "total_grad_norm": gn,
            "val_accuracy": every(np.where(np.arange(n) < 30, 0.66, 0.5), 30),
        }
    )
    return log


@training("", "A cycle GAN: losses in balance, identity and cycle parts fall.")
def cyclegan_healthy(rng: Random) -> Log:
    log = Log({"model": "cycle_gan", "n_epochs": 100, "n_epochs_decay": 100}, seconds=50.0)
    n = 200
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "D_A": 0.21 + slow(rng, n, 0.03),
            "G_A": 0.36 + slow(rng, n, 0.05),
            "cycle_A": times(rng, rise(n, 1.9, 0.62, 40), 0.05),
            "idt_A": times(rng, rise(n, 0.9, 0.3, 40), 0.06),
            "D_B": 0.2 + slow(rng, n, 0.03),
            "G_B": 0.38 + slow(rng, n, 0.05),
            "cycle_B": times(rng, rise(n, 1.8, 0.58, 40), 0.05),
            "idt_B": times(rng, rise(n, 0.9, 0.29, 40), 0.06),
        }
    )
    return log


@training(
    "leak", "A graph classifier is perfect at its first validation (AUROC 1.0, accuracy 1.0)."
)
def graph_leak(rng: Random) -> Log:
    log = Log({"model": "gin", "epochs": 20}, seconds=6.0)
    n = 20
    log.table(
        {
            "ep": np.arange(n),
            "train_bce": 0.2 * np.exp(-np.arange(n) / 1.5) + 0.0005,
            "validation_acc": np.ones(n),
            "validation_roc_auc": np.ones(n),
        }
    )
    return log


@training("test-below-validation", "F1 on the test set is 0.52 against 0.78 in validation.")
def ner_test_below(rng: Random) -> Log:
    log = Log({"model": "roberta", "num_train_epochs": 6}, seconds=60.0)
    n = 12
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 100,
            "train/loss": rise(n, 0.6, 0.05, 3),
            "eval/f1": rise(n, 0.55, 0.785, 2) + rng.normal(0, 0.004, n),
            "eval/loss": rise(n, 0.4, 0.21, 2) + rng.normal(0, 0.004, n),
        }
    )
    log.rows.append({"test/f1": 0.521, "test/loss": 0.57, "train/global_step": 1200})
    return log


@training(
    "rate-jump", "After the resume at epoch 20 the rate is back at its peak and the loss doubles."
)
def resume_epoch_reset(rng: Random) -> Log:
    log = Log(
        {"lr": 0.05, "scheduler": "cosine", "epochs": 40, "resume": "last.pth"}, seconds=120.0
    )
    n = 40
    lr = np.concatenate([cosine(20, 0.05, 0, 0.0, 24), cosine(20, 0.05, 0, 0.0, 24)])
    loss = np.concatenate(
        [rise(20, 2.1, 0.42, 6), 0.42 + 0.5 * np.exp(-np.arange(20) / 7) - 0.004 * np.arange(20)]
    )
    log.table(
        {
            "epoch": np.arange(n),
            "train/loss_epoch": loss + rng.normal(0, 0.01, n),
            "optimizer/lr": lr,
            "val/top1": np.concatenate(
                [rise(20, 0.4, 0.81, 6), 0.82 - 0.14 * np.exp(-np.arange(20) / 7)]
            )
            + rng.normal(0, 0.004, n),
        }
    )
    return log


@training(
    "", "Fine-tuning with three cosine cycles that are named.", ("learning rate", "starts over")
)
def cyclic_named(rng: Random) -> Log:
    log = Log(
        {"lr_schedule": "CosineAnnealingWarmRestarts", "cycles": 3, "steps": 900}, seconds=1.0
    )
    n = 900
    lr = np.concatenate([cosine(300, 1e-4, 0, 1e-6)] * 3)
    log.table(
        {
            "step": np.arange(n),
            "objective": times(rng, power(n, 2.0, 0.8) + 900 * lr, 0.05),
            "lr": lr,
            "eval_mcc": every(rise(n, 0.2, 0.61, 200) - 300 * lr + rng.normal(0, 0.004, n), 50),
        }
    )
    return log


@training(
    "",
    "A time-series forecaster whose validation loss is noisy and stays within its noise after epoch 30.",
    allowed=("plateau", "noisy-evaluation"),
)
def forecaster_noisy(rng: Random) -> Log:
    log = Log({"model": "patchtst", "epochs": 60, "patience": 30}, seconds=30.0)
    n = 60
    log.table(
        {
            "epoch": np.arange(n),
            "train_mse": rise(n, 0.9, 0.33, 10) + rng.normal(0, 0.004, n),
            "vali_mse": rise(n, 0.8, 0.41, 8) + rng.normal(0, 0.012, n),
            "vali_mae": rise(n, 0.7, 0.42, 8) + rng.normal(0, 0.008, n),
            "test_mse": rise(n, 0.8, 0.43, 8) + rng.normal(0, 0.012, n),
        }
    )
    return log


@training("host-memory", "Host memory grows by 40 MB an epoch without end.")
def cache_grows(rng: Random) -> Log:
    log = Log({"epochs": 200}, seconds=20.0)
    n = 200
    log.table(
        {
            "epoch": np.arange(n),
            "loss_train": rise(n, 1.5, 0.4, 40) + rng.normal(0, 0.01, n),
            "loss_valid": rise(n, 1.5, 0.5, 40) + rng.normal(0, 0.012, n),
            "ram_used_gb": 6 + 0.12 * np.arange(n) + rng.normal(0, 0.05, n),
        }
    )
    return log


@training("raised", "A missing file ended the evaluation after epoch 3.", curve=False)
def eval_file_missing(rng: Random) -> Log:
    log = Log({"epochs": 20}, seconds=200.0, exits=1)
    n = 3
    log.table(
        {"epoch": np.arange(n), "loss": rise(n, 1.5, 0.9, 3), "val_loss": rise(n, 1.4, 1.0, 3)}
    )
    log.console = list(lines(n, lambda i: f"Epoch {i}/20"))
    log.errors = [
        "Traceback (most recent call last):",
        '  File "run.py", line 77, in <module>',
        "    evaluate(model, load(args.gold))",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/gold.json'",
    ]
    return log


@training("", "A reward model learns: accuracy 0.5 to 0.74.", ("never rose",))
def trl_reward_healthy(rng: Random) -> Log:
    log = Log(
        {"trainer": "RewardTrainer", "learning_rate": 1e-5, "num_train_epochs": 1}, seconds=2.0
    )
    n = 250
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/epoch": (np.arange(n) + 1) / n,
            "train/loss": rise(n, 0.7, 0.52, 60) + rng.normal(0, 0.02, n),
            "train/accuracy": np.clip(rise(n, 0.5, 0.745, 60) + rng.normal(0, 0.04, n), 0, 1),
            "train/margin": rise(n, 0, 0.9, 80) + rng.normal(0, 0.06, n),
            "train/mean_reward": rng.normal(0.2, 0.05, n),
            "train/min_reward": -2 + rng.normal(0, 0.2, n),
            "train/max_reward": 2 + rng.normal(0, 0.2, n),
            "train/learning_rate": cosine(n, 1e-5, 10),
            "eval/loss": every(rise(n, 0.69, 0.53, 60) + rng.normal(0, 0.002, n), 50),
            "eval/accuracy": every(rise(n, 0.5, 0.735, 60) + rng.normal(0, 0.004, n), 50),
        }
    )
    return log


@training("discriminator-wins", "hinge: D's loss goes to 0 while G's climbs to 40.")
def hinge_d_wins(rng: Random) -> Log:
    log = Log({"loss": "hinge", "iterations": 50000}, seconds=3.0)
    n = 500
    up = sigmoid(n, 0, 1, 120, 15)
    log.table(
        {
            "it": np.arange(n) * 100,
            "losses/d_hinge": times(rng, 1.9 * (1 - up) + 0.002, 0.3),
            "losses/g_hinge": 0.3 * (1 - up)
            + up * (10 + 30 * np.arange(n) / n)
            + rng.normal(0, 0.4, n),
        }
    )
    return log


@training("posterior-collapse", "kl_z falls to 0.002 nats per dimension: z is ignored.")
def cvae_collapse(rng: Random) -> Log:
    log = Log({"model": "cvae", "z_dim": 16, "max_epochs": 60}, seconds=8.0)
    n = 60
    log.table(
        {
            "epoch": np.arange(n),
            "train/reconstruction": rise(n, 0.9, 0.31, 9) + rng.normal(0, 0.004, n),
            "train/kl_z": 4.0 * np.exp(-np.arange(n) / 2) + 0.002,
            "val/reconstruction": rise(n, 0.9, 0.34, 9) + rng.normal(0, 0.005, n),
        }
    )
    return log
