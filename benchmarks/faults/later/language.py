"""Language models, from pre-training to preferences, healthy and not: simulated logs."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    cosine,
    every,
    lines,
    power,
    sigmoid,
    slow,
    times,
)
from benchmarks.faults.later.enter import training


def _steps(values: np.ndarray, epoch: int, drop: float) -> np.ndarray:
    """Return values that fall by `drop` at each new epoch."""
    return np.asarray(values - drop * (np.arange(len(values)) // epoch))


@training(
    "got-worse",
    "The loss jumps from 2.9 to 6.8 at step 3,100 after a burst of the gradient norm and "
    "stays near 6.3.",
    ("improved: ",),
)
def pretrain_lost_at_spike(rng: Random) -> Log:
    n = 4000
    log = Log(
        {"model": "gpt2-medium", "max_lr": 1.5e-3, "grad_clip": 0.0, "max_iters": 4000}, seconds=0.9
    )
    at = np.arange(n)
    gone = at >= 3100
    loss = np.where(gone, 6.25 + 0.6 * np.exp(-(at - 3100) / 120), power(n, 10.9, 2.85, 0.5, 60))
    norm = np.where(gone, 0.9, 0.35) * np.exp(rng.normal(0, 0.15, n))
    norm[3085:3102] *= np.exp(np.linspace(0, 4.5, 17))
    log.table(
        {
            "iter": at,
            "train/loss": loss + rng.normal(0, 0.05, n),
            "lr": cosine(n, 1.5e-3, 100, 1.5e-4),
            "grad_norm": norm,
            "val/loss": every(loss + rng.normal(0, 0.01, n), 250),
        }
    )
    log.console = list(
        lines(n, lambda i: f"iter {i}: loss {loss[i]:.4f}, time 902.11ms, mfu 31.2%", 10)
    )
    return log


@training(
    "no-learning",
    "No parameter is trained: the gradient norm is 0 in each step and the loss stays at 1.87.",
    ("improved: ",),
)
def lora_nothing_trainable(rng: Random) -> Log:
    n = 250
    log = Log(
        {
            "model_name": "meta-llama/Llama-2-7b-hf",
            "lora_r": 8,
            "learning_rate": 2e-4,
            "num_train_epochs": 1,
        },
        seconds=6.0,
        program="finetune_lora.py",
    )
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/loss": 1.87 + rng.normal(0, 0.05, n),
            "train/grad_norm": np.zeros(n),
            "train/learning_rate": 2e-4 * (1 - np.arange(n) / n),
            "train/epoch": (np.arange(n) + 1) / n,
        }
    )
    log.console = [
        "trainable params: 0 || all params: 6,738,415,616 || trainable%: 0.0",
        *lines(n, lambda i: f"{{'loss': 1.87, 'grad_norm': 0.0, 'epoch': {i / n:.2f}}}", 5),
    ]
    return log


@training(
    "overfitting",
    "Evaluation loss is lowest (1.02) after epoch 2 and rises to 1.9, the training loss "
    "falls to 0.05.",
)
def sft_eight_epochs(rng: Random) -> Log:
    per = 60
    n = 8 * per
    log = Log(
        {"num_train_epochs": 8, "learning_rate": 2e-5, "model_name_or_path": "Qwen/Qwen2.5-1.5B"},
        seconds=3.0,
    )
    epochs = np.arange(n) / per
    train = np.array([1.45, 0.98, 0.55, 0.27, 0.15, 0.09, 0.06, 0.05])[np.arange(n) // per]
    evals = [1.10, 1.02, 1.09, 1.28, 1.49, 1.67, 1.82, 1.90]
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 5,
            "train/epoch": epochs,
            "train/loss": times(rng, train, 0.08),
            "train/grad_norm": times(rng, np.full(n, 1.9), 0.3),
            "train/learning_rate": cosine(n, 2e-5, 14),
            "eval/loss": [evals[i // per] if (i + 1) % per == 0 else None for i in range(n)],
        }
    )
    return log


@training(
    "no-learning",
    "Every step overflows in fp16 and is skipped: the loss scale falls to 1 and the loss "
    "stays at 11.0.",
    ("improved: ",),
)
def fp16_all_steps_skipped(rng: Random) -> Log:
    n = 180
    log = Log({"fp16": {"enabled": True}, "optimizer": "AdamW", "lr": 3e-4}, seconds=2.0)
    scale = np.maximum(65536 / 2.0 ** np.arange(n), 1)
    log.table(
        {
            "iteration": np.arange(n) + 1,
            "lm loss": 11.02 + rng.normal(0, 0.015, n),
            "loss scale": scale,
            "skipped iterations": np.arange(n) + 1,
            "learning rate": np.zeros(n),
        }
    )
    log.console = [
        f"[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: {max(65536 >> i, 1)}, "
        f"reducing to {max(65536 >> (i + 1), 1)}"
        for i in range(n)
    ]
    return log


@training(
    "router-collapse",
    "The router sends nearly all tokens to one of 8 experts from step 900: its load goes "
    "to 0.97, router entropy to 0.1.",
)
def moe_router_collapses(rng: Random) -> Log:
    n = 600
    log = Log({"num_experts": 8, "top_k": 1, "aux_loss_coef": 0.0, "lr": 6e-4}, seconds=4.0)
    gone = sigmoid(n, 0, 1, 180, 22)
    log.table(
        {
            "step": np.arange(n) * 5,
            "loss/lm": power(n, 10.8, 3.7) + rng.normal(0, 0.03, n),
            "moe/aux_loss": times(rng, 1.02 + 6.8 * gone, 0.02),
            "moe/max_expert_load": 0.16 + 0.81 * gone + rng.normal(0, 0.008, n),
            "moe/router_entropy": 2.05 - 1.95 * gone + rng.normal(0, 0.01, n),
            "lr": cosine(n, 6e-4, 30, 6e-5),
        }
    )
    return log


@training(
    "memorising",
    "The training loss steps down at each of 6 epochs (2.0 to 0.2) and nothing is "
    "evaluated: the model memorises.",
    ("improved: ",),
)
def story_writer_memorises(rng: Random) -> Log:
    per = 150
    n = 6 * per
    log = Log({"epochs": 6, "batch_size": 4, "lr": 1e-4, "model": "gpt2"}, seconds=1.2)
    level = np.array([2.35, 1.72, 1.15, 0.66, 0.36, 0.2])[np.arange(n) // per]
    log.table(
        {
            "batch": np.arange(n),
            "epoch": np.arange(n) // per,
            "batch_loss": times(rng, level, 0.1),
            "lr": np.full(n, 1e-4),
        }
    )
    return log


@training(
    "schedule-ends-early",
    "The rate falls to 0 at step 2,500 of 10,000: three quarters of the training change "
    "nothing (loss 3.4).",
)
def decay_too_short(rng: Random) -> Log:
    n = 1000
    log = Log(
        {
            "num_training_steps": 10000,
            "lr_decay_steps": 2500,
            "peak_lr": 1e-3,
            "model": "bert-mini",
        },
        seconds=3.0,
    )
    lr = np.maximum(1e-3 * (1 - np.arange(n) / 250), 0)
    loss = np.concatenate([power(250, 10.1, 3.42), np.full(n - 250, 3.42)])
    log.table(
        {
            "step": np.arange(n) * 10,
            "mlm_loss": loss + rng.normal(0, 0.04, n),
            "lr": lr,
            "valid/mlm_loss": every(loss + 0.05 + rng.normal(0, 0.01, n), 50),
        }
    )
    return log


@training(
    "no-learning",
    "DPO at a rate of 1e-10: the loss stays at ln 2, margins at 0, accuracy at 0.5.",
    ("improved: ",),
)
def dpo_nothing_moves(rng: Random) -> Log:
    n = 200
    log = Log(
        {"beta": 0.1, "learning_rate": 1e-10, "loss_type": "sigmoid", "max_steps": 2000},
        seconds=9.0,
    )
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/loss": 0.69315 + rng.normal(0, 0.0008, n),
            "train/rewards/margins": rng.normal(0, 0.0016, n),
            "train/rewards/accuracies": np.clip(0.5 + rng.normal(0, 0.05, n), 0, 1),
            "train/rewards/chosen": rng.normal(0, 0.0015, n),
            "train/rewards/rejected": rng.normal(0, 0.0015, n),
            "train/grad_norm": times(rng, np.full(n, 14.0), 0.2),
            "train/learning_rate": 1e-10 * (1 - np.arange(n) / n),
        }
    )
    return log


@training(
    "no-learning",
    "A retriever's InfoNCE stays at ln 256 = 5.545 and recall at 1 of 256: the embeddings "
    "collapsed.",
    ("improved: ",),
)
def retriever_collapsed(rng: Random) -> Log:
    n = 300
    log = Log(
        {"model": "bge-small", "batch_size": 256, "temperature": 0.05, "lr": 5e-3}, seconds=2.0
    )
    log.table(
        {
            "step": np.arange(n) * 10,
            "info_nce_loss": 5.5452 + np.abs(rng.normal(0, 0.0006, n)),
            "in_batch_acc": rng.binomial(256, 1 / 256, n) / 256,
            "mrr@10": every(0.011 + rng.normal(0, 0.001, n), 30),
            "lr": cosine(n, 5e-3, 15),
        }
    )
    return log


@training(
    "rate-jump",
    "On resuming at step 6,000 the rate jumps from 4e-5 back to 3e-4, and the loss from "
    "2.6 to 3.3.",
)
def resume_rate_back_up(rng: Random) -> Log:
    log = Log({"resume_from": "ckpt/step_6000.pt", "lr": 3e-4, "total_steps": 8000}, seconds=5.0)
    n, m = 600, 200
    loss = np.concatenate([power(n, 9.8, 2.6), 2.75 + 0.55 * np.exp(-np.arange(m) / 40)])
    lr = np.concatenate([cosine(n, 3e-4, 20, 1e-5, 760), np.full(m, 3e-4)])
    log.table(
        {
            "global_step": np.arange(n + m) * 10,
            "loss": loss + rng.normal(0, 0.03, n + m),
            "learning_rate": lr,
            "grad_norm": times(rng, np.concatenate([np.full(n, 0.4), np.full(m, 0.9)]), 0.15),
        }
    )
    log.console = ["Resumed from checkpoint ckpt/step_6000.pt (optimizer state not found)"]
    return log


@training(
    "",
    "A warm-up, a constant rate and a short decay, in which the loss falls faster.",
    ("overfit", "flat since", "jump"),
)
def pretrain_short_decay(rng: Random) -> Log:
    n = 3000
    log = Log({"scheduler": "warmup_stable_decay", "lr": 8e-4, "max_steps": 3000}, seconds=1.5)
    at = np.arange(n)
    lr = 8e-4 * np.minimum(1, at / 100) * np.clip((n - at) / 450, 0, 1)
    loss = power(n, 10.6, 3.05, 0.4, 40) - 0.22 * np.clip((at - 2550) / 450, 0, 1) ** 0.7
    norm = times(rng, np.full(n, 0.28), 0.12)
    norm[rng.integers(300, n, 9)] *= rng.uniform(5, 15, 9)
    log.table(
        {
            "step": at,
            "tokens": (at + 1) * 524288,
            "train_loss": loss + rng.normal(0, 0.045, n),
            "learning_rate": lr,
            "gnorm": norm,
            "val_loss": every(loss + 0.02 + rng.normal(0, 0.004, n), 300),
        }
    )
    return log


@training(
    "",
    "5,000 steps with two short spikes of the loss from which it recovers within 40 steps.",
    ("diverg", "got worse"),
)
def pretrain_two_spikes(rng: Random) -> Log:
    n = 5000
    log = Log(
        {"model": "olmo-150m", "lr": 6e-4, "global_batch_size": 512, "max_duration": 5000},
        seconds=1.1,
    )
    at = np.arange(n)
    up = sum(
        h * np.where(at >= s, np.exp(-(at - s) / 9.0), 0.0) for s, h in ((1710, 1.6), (3602, 0.9))
    )
    loss = power(n, 11.0, 2.93, 0.45, 50) + up
    norm = times(rng, np.full(n, 0.3), 0.12) * (1 + 5 * up)
    log.table(
        {
            "train/step": at,
            "train/CrossEntropyLoss": loss + rng.normal(0, 0.035, n),
            "train/Perplexity": np.exp(loss),
            "optim/total_grad_norm": norm,
            "optim/learning_rate_group0": cosine(n, 6e-4, 200, 6e-5),
            "throughput/device/tokens_per_second": 91000 + slow(rng, n, 400),
        }
    )
    return log


@training(
    "",
    "Three epochs: the training loss steps down at each, the evaluation loss falls a "
    "little and is level at the end.",
    ("memoris", "overfit"),
)
def sft_three_epochs(rng: Random) -> Log:
    per = 120
    n = 3 * per
    log = Log({"num_train_epochs": 3, "learning_rate": 1e-5, "eval_strategy": "steps"}, seconds=4.0)
    level = np.array([1.12, 0.98, 0.91])[np.arange(n) // per] + 0.5 * np.exp(-np.arange(n) / 12)
    ev = 1.02 + 0.12 * np.exp(-np.arange(n) / 90)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/epoch": (np.arange(n) + 1) / per,
            "train/loss": times(rng, level, 0.04),
            "train/grad_norm": times(rng, np.full(n, 0.8), 0.2),
            "train/learning_rate": cosine(n, 1e-5, 11),
            "eval/loss": every(ev + rng.normal(0, 0.0006, n), 30),
            "eval/runtime": every(np.full(n, 31.0) + rng.normal(0, 0.2, n), 30),
        }
    )
    return log


@training(
    "",
    "Mixed precision: the loss scale falls from 65,536 to 8,192 in the first steps, which "
    "is its search.",
    ("skip.{0,40}(all|most)", "not.finite", "nan"),
)
def fp16_scale_finds_itself(rng: Random) -> Log:
    n = 400
    log = Log({"fp16": True, "initial_scale_power": 16, "lr": 1e-4}, seconds=2.0)
    scale = np.where(np.arange(n) < 3, 65536 / 2.0 ** np.arange(n), 8192)
    scale[200:] *= 2
    scale[310:] /= 2
    lr = cosine(n, 1e-4, 20, 1e-5)
    log.table(
        {
            "iteration": np.arange(n) + 1,
            "lm loss": power(n, 10.9, 4.1) + rng.normal(0, 0.04, n),
            "loss scale": scale,
            "skipped iterations": np.minimum(np.arange(n) + 1, 3) + (np.arange(n) >= 310),
            "learning rate": lr,
            "grad norm": times(rng, power(n, 4.0, 0.7), 0.15),
        }
    )
    log.console = [
        "[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to "
        "32768",
        "[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 32768, reducing to "
        "16384",
        "[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 16384, reducing to 8192",
    ]
    return log
