"""Further trainings, made after the rules were mended for the first 72 of this round, their truth first."""

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
    times,
)
from benchmarks.faults.later.enter import training


@training(
    "got-worse",
    "TD3 without a working target network: Q values run away from 200 to 4 million, and "
    "the return falls to its start.",
    ("improved: ",),
)
def td3_values_run_away(rng: Random) -> Log:
    n = 400
    at = np.arange(n)
    q = 200 * (1 - np.exp(-at / 60)) * np.exp(np.clip((at - 180) / 22, 0, 10))
    ret = sigmoid(n, -300, 3400, 90, 20) - sigmoid(n, 0, 3650, 230, 12)
    log = Log({"algo": "td3", "tau": 1.0, "env": "Ant-v4", "max_timesteps": 800000}, seconds=11.0)
    log.table(
        {
            "timestep": at * 2000,
            "episode_reward": ret + rng.normal(0, 140, n),
            "critic/q_mean": times(rng, q + 1, 0.05),
            "critic/loss": times(rng, 3 + (q / 40) ** 2, 0.3),
            "actor/loss": -times(rng, q + 1, 0.05),
        }
    )
    return log


@training(
    "score-zero",
    "Token classification: F1, precision and recall are 0 in all 12 evaluations while the "
    "loss falls: labels mismatch.",
)
def tagger_f1_zero(rng: Random) -> Log:
    n = 240
    log = Log(
        {"task": "ner", "model_name_or_path": "roberta-base", "num_train_epochs": 12}, seconds=2.0
    )
    loss = rise(n, 1.4, 0.12, 50)
    zero = every(np.zeros(n), 20)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 25,
            "train/loss": times(rng, loss, 0.08),
            "train/learning_rate": 5e-5 * (1 - np.arange(n) / n),
            "eval/loss": every(loss + 0.06 + rng.normal(0, 0.01, n), 20),
            "eval/f1": zero,
            "eval/precision": zero,
            "eval/recall": zero,
            "eval/accuracy": every(np.full(n, 0.8347), 20),
        }
    )
    return log


@training(
    "noisy-evaluation",
    "Softmax regression on raw pixels at a rate of 0.5: accuracy swings between 0.46 and "
    "0.79, loss between 5 and 14.",
    needs="sklearn",
)
def digits_rate_swings(rng: Random) -> Log:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = rng.permutation(len(x))
    x, y = np.hstack([x[order], np.ones((len(x), 1))]), y[order]
    wrong = rng.random(len(y)) < 0.15
    y = np.where(wrong, rng.integers(0, 10, len(y)), y)
    weights, one = np.zeros((65, 10)), np.eye(10)
    log = Log({"model": "softmax", "lr": 0.5, "epochs": 60, "batch_size": 16}, seconds=0.2)

    def told(part: slice) -> tuple[float, float]:
        z = x[part] @ weights
        z -= z.max(1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        chosen = np.clip(p[np.arange(len(p)), y[part]], 1e-12, 1)
        return float(-np.log(chosen).mean()), float((z.argmax(1) == y[part]).mean())

    for epoch in range(60):
        for part in np.array_split(rng.permutation(1200), 75):
            z = x[part] @ weights
            z -= z.max(1, keepdims=True)
            p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
            weights -= 0.5 * x[part].T @ (p - one[y[part]]) / len(part)
        (loss, acc), (held_loss, held_acc) = told(slice(0, 1200)), told(slice(1200, None))
        log.add(epoch=epoch, loss=loss, accuracy=acc, val_loss=held_loss, val_accuracy=held_acc)
    return log


@training(
    "got-worse",
    "Whisper fine-tuning: WER is best at step 2,000 (14.2%) and rises to 31%; training "
    "loss goes to 0.002.",
)
def whisper_forgets(rng: Random) -> Log:
    n = 320
    at = np.arange(n)
    wer = 14.1 + 22 * np.exp(-at / 22) + 0.072 * np.maximum(at - 80, 0) + rng.normal(0, 0.25, n)
    log = Log(
        {"model": "openai/whisper-small", "max_steps": 8000, "learning_rate": 1e-5}, seconds=60.0
    )
    log.table(
        {
            "train/global_step": (at + 1) * 25,
            "train/loss": times(rng, 0.002 + 1.1 * np.exp(-at / 26), 0.1),
            "eval/loss": every(0.29 + 0.3 * np.exp(-at / 20) + 0.0009 * np.maximum(at - 70, 0), 20),
            "eval/wer": every(wer, 20),
        }
    )
    return log


@training(
    "not-finite",
    "The validation loss is infinite from epoch 4 to the end, though the training loss looks well.",
)
def validation_infinite(rng: Random) -> Log:
    n = 30
    log = Log({"model": "tft", "max_epochs": 30, "precision": "bf16-mixed"}, seconds=80.0)
    held = rise(n, 0.81, 0.3, 5) + rng.normal(0, 0.01, n)
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss_epoch": rise(n, 0.9, 0.24, 6) + rng.normal(0, 0.005, n),
            "val_loss": np.where(np.arange(n) >= 4, np.inf, held),
        }
    )
    return log


@training(
    "steps-back",
    "After a restart the logged step goes back from 3,200 to 2,000: 60 points are logged twice.",
    curve=False,
)
def step_goes_back(rng: Random) -> Log:
    log = Log({"model": "t5-small", "max_steps": 6000, "save_steps": 1000}, seconds=2.0)
    steps = [*range(0, 3200, 20), *range(2000, 6000, 20)]
    curve = power(300, 9.4, 1.9)
    for step in steps:
        log.add(global_step=step, loss=float(curve[step // 20] + rng.normal(0, 0.04)))
    return log


@training(
    "adversarial-drift",
    "A WGAN whose critic is not clipped: its loss runs away from -1 to -900,000, the "
    "generator's to 400,000.",
)
def wgan_unclipped(rng: Random) -> Log:
    n = 600
    out = np.exp(np.arange(n) / 46)
    log = Log({"model": "wgan", "clip_value": None, "n_critic": 5, "lr": 5e-4}, seconds=1.0)
    log.table(
        {
            "step": np.arange(n) * 20,
            "critic_loss": -times(rng, 2 * out, 0.2),
            "gen_loss": times(rng, out, 0.2) * 0.9,
            "wasserstein": times(rng, 2 * out, 0.2),
        }
    )
    return log


@training(
    "got-worse",
    "GRPO: the KL goes from 0.01 to 35 from step 260 on, and the reward falls from 0.58 to 0.02.",
)
def grpo_kl_runs_away(rng: Random) -> Log:
    n = 500
    gone = sigmoid(n, 0, 1, 290, 9)
    log = Log(
        {"beta": 0.0001, "learning_rate": 2e-5, "num_generations": 8, "max_steps": 500},
        seconds=20.0,
    )
    log.table(
        {
            "train/global_step": np.arange(n) + 1,
            "train/kl": times(rng, 0.002 + rise(n, 0, 0.05, 100) + 35 * gone, 0.2),
            "train/reward": np.clip(
                (0.2 + rise(n, 0, 0.39, 90)) * (1 - 0.97 * gone) + rng.normal(0, 0.03, n), 0, 1
            ),
            "train/rewards/accuracy": np.clip(
                (0.2 + rise(n, 0, 0.39, 90)) * (1 - 0.97 * gone) + rng.normal(0, 0.03, n), 0, 1
            ),
            "train/grad_norm": times(rng, 0.3 + 6 * gone, 0.3),
            "train/completion_length": 310 + 400 * gone + rng.normal(0, 15, n),
        }
    )
    return log


@training(
    "overfitting",
    "A reward model: training accuracy 0.99, evaluation accuracy falls from 0.68 to 0.61 "
    "and its loss rises to 1.7.",
)
def reward_model_overfits(rng: Random) -> Log:
    n = 300
    level = np.array([0.66, 0.3, 0.05])[np.arange(n) // 100]
    held = [0.612, 0.604, 0.631, 0.79, 0.93, 1.02, 1.41, 1.66, 1.71]
    right = [0.66, 0.68, 0.675, 0.65, 0.64, 0.63, 0.615, 0.61, 0.61]
    log = Log({"model": "rm-llama-8b", "num_train_epochs": 3, "learning_rate": 1e-5}, seconds=8.0)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/loss": times(rng, level, 0.1),
            "train/accuracy": np.clip(1.02 - level / 1.6 + rng.normal(0, 0.02, n), 0, 1),
            "eval/loss": [held[i // 34] if i % 34 == 33 else None for i in range(n)],
            "eval/accuracy": [right[i // 34] if i % 34 == 33 else None for i in range(n)],
        }
    )
    return log


@training(
    "killed",
    "The process was killed at step 700 of 5,000 without a trace: no error, no exit.",
    curve=False,
)
def killed_without_trace(rng: Random) -> Log:
    n = 70
    log = Log({"max_steps": 5000, "model": "mamba-130m"}, seconds=14.0, exits=None)
    log.table(
        {"step": np.arange(n) * 10, "train/loss": power(n, 10.7, 6.2) + rng.normal(0, 0.05, n)}
    )
    log.console = list(lines(n, lambda i: f"step {i * 10}/5000 loss {10.7 - i / 16:.3f}"))
    return log


@training(
    "slow",
    "From step 3,000 on the training has half its speed: 41,000 tokens/s instead of 84,000.",
)
def half_as_fast(rng: Random) -> Log:
    n = 800
    speed = np.where(np.arange(n) >= 300, 41000, 84000) * np.exp(rng.normal(0, 0.015, n))
    log = Log({"model": "llama-1b", "gpus": 8, "steps": 8000}, seconds=list(5_242_880 / speed))
    log.table(
        {
            "step": np.arange(n) * 10,
            "loss": power(n, 10.6, 2.75) + rng.normal(0, 0.03, n),
            "tokens_per_sec": speed,
            "lr": cosine(n, 3e-4, 20, 3e-5),
        }
    )
    return log


@training(
    "no-learning",
    "A multi-label classifier: AUROC stays at 0.5 and the loss at 0.69 in all 25 epochs.",
    ("improved: ",),
)
def multilabel_auroc_half(rng: Random) -> Log:
    n = 25
    log = Log(
        {"arch": "resnet18", "labels": 14, "lr": 1e-6, "freeze_backbone": True}, seconds=300.0
    )
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": 0.6935 + rng.normal(0, 0.0006, n),
            "val_loss": 0.6934 + rng.normal(0, 0.0004, n),
            "val_auroc": 0.5 + rng.normal(0, 0.006, n),
        }
    )
    return log
