"""The last healthy trainings of this round: made after the rules were mended for its first 92, truth first."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    cosine,
    every,
    power,
    rise,
    slow,
    times,
)
from benchmarks.faults.later.enter import training
from benchmarks.faults.later.trained_policies import ppo


@training(
    "",
    "Boosting of ten classes: the multi-class log loss falls and levels off.",
    ("diverg", "never"),
    ("overfitting",),
    needs="xgboost sklearn",
)
def boosting_ten_classes(rng: Random) -> Log:
    import xgboost
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    train, held = xgboost.DMatrix(x[:1200], y[:1200]), xgboost.DMatrix(x[1200:], y[1200:])
    settings = {"objective": "multi:softprob", "num_class": 10, "eta": 0.1, "max_depth": 4}
    told: dict[str, dict[str, list[float]]] = {}
    xgboost.train(
        settings | {"eval_metric": ["mlogloss", "merror"]}, train, 120,
        evals=[(train, "train"), (held, "eval")], evals_result=told, verbose_eval=False,
    )  # fmt: skip
    log = Log(settings | {"num_round": 120}, seconds=0.2)
    log.table(
        {f"{part}-{name}": np.array(v) for part, kept in told.items() for name, v in kept.items()}
    )
    return log


@training(
    "",
    "Personalised federated learning in 15 rounds: accuracy in percent, rising to 88.",
    ("overfit",),
)
def federated_fifteen_rounds(rng: Random) -> Log:
    n = 15
    log = Log({"strategy": "FedPer", "rounds": 15, "clients": 40}, seconds=240.0)
    log.table(
        {
            "round": np.arange(n) + 1,
            "avg_client_accuracy": rise(n, 41, 89, 4) + rng.normal(0, 0.8, n),
            "avg_client_loss": rise(n, 1.7, 0.36, 4) + rng.normal(0, 0.03, n),
        }
    )
    return log


@training(
    "",
    "Byte-level pre-training in bits per byte, 4,000 rows, with bursts of the gradient "
    "norm that do no harm.",
    ("diverg", "damag"),
)
def bytes_with_bursts(rng: Random) -> Log:
    n = 4000
    norm = times(rng, np.full(n, 0.4), 0.15)
    norm[rng.integers(200, n, 25)] *= rng.uniform(4, 25, 25)
    log = Log({"model": "bytelm-350m", "grad_clip": 1.0, "steps": 40000}, seconds=3.0)
    log.table(
        {
            "step": np.arange(n) * 10,
            "train/bpb": power(n, 8.0, 0.93, 0.4, 30) + rng.normal(0, 0.012, n),
            "val/bpb": every(power(n, 8.0, 0.95, 0.4, 30) + rng.normal(0, 0.002, n), 200),
            "grad/norm": norm,
            "optim/lr": cosine(n, 6e-4, 100, 6e-5),
        }
    )
    return log


@training(
    "",
    "Weight averaging from epoch 75 on: the validation loss drops at once, since the "
    "averaged model is evaluated.",
    ("leak", "spike"),
)
def averaged_from_seventy_five(rng: Random) -> Log:
    n = 100
    late = np.arange(n) >= 75
    log = Log({"swa_start": 75, "epochs": 100, "swa_lr": 0.02}, seconds=50.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train/loss": rise(n, 2.1, 0.35, 16) + rng.normal(0, 0.012, n),
            "val/loss": rise(n, 1.9, 0.62, 12) - 0.14 * late + rng.normal(0, 0.03, n) * ~late
            + rng.normal(0, 0.002, n),
            "val/acc": rise(n, 0.3, 0.81, 12) + 0.035 * late + rng.normal(0, 0.009, n) * ~late
            + rng.normal(0, 0.0007, n),
            "lr": np.where(late, 0.02, 0.1),
        }
    )  # fmt: skip
    return log


@training(
    "",
    "Dynamic sampling keeps the training reward near 0.5 by design; the evaluation rises "
    "from 0.28 to 0.47.",
    ("never (rose|learn|improv)", "no (spread|signal)"),
)
def dapo_filters_groups(rng: Random) -> Log:
    n = 400
    log = Log(
        {"algorithm.filter_groups.enable": True, "n_resp_per_prompt": 16, "steps": 400},
        seconds=120.0,
    )
    log.table(
        {
            "training/global_step": np.arange(n) + 1,
            "critic/rewards/mean": 0.5 + slow(rng, n, 0.02, 0.3),
            "actor/entropy": 0.6 + slow(rng, n, 0.02, 0.95),
            "actor/grad_norm": times(rng, np.full(n, 0.15), 0.2),
            "response_length/mean": 900 + rise(n, 0, 1500, 160) + rng.normal(0, 50, n),
            "val-core/aime24/acc/mean@32": every(
                rise(n, 0.28, 0.475, 150) + rng.normal(0, 0.008, n), 10
            ),
        }
    )
    return log


@training("", "PPO with a small rate learns CartPole slowly: the return rises to the end.", ("never", "still$"),
          needs="stable_baselines3")  # fmt: skip
def cartpole_slow(rng: Random) -> Log:
    return ppo(30_000, int(rng.integers(100)), learning_rate=1e-3, n_epochs=4)


@training(
    "",
    "A detector: mAP is 0 at the first three evaluations and rises to 0.41.",
    ("as bad", "never", "overfit"),
)
def detector_starts_at_zero(rng: Random) -> Log:
    n = 36
    score = np.clip(rise(n, -0.04, 0.415, 9) + rng.normal(0, 0.003, n), 0, 1)
    score[:3] = 0.0
    log = Log({"model": "detr-r50", "epochs": 36, "lr_drop": 30}, seconds=2400.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": times(rng, rise(n, 14.2, 5.1, 10) - 0.3 * (np.arange(n) >= 30), 0.006),
            "train_class_error": times(rng, rise(n, 88, 17, 9), 0.02),
            "test_loss": times(rng, rise(n, 12.9, 6.0, 9) - 0.25 * (np.arange(n) >= 30), 0.008),
            "test_coco_eval_bbox_AP": score + 0.02 * (np.arange(n) >= 30),
        }
    )
    return log


@training(
    "",
    "CLIP: the loss goes from ln 32768 = 10.4 to 2.6, the logit scale to its cap of 100.",
    ("chance", "clipp?ed", "constant"),
)
def clip_to_its_cap(rng: Random) -> Log:
    n = 900
    log = Log({"model": "ViT-B-32", "batch_size": 32768, "epochs": 32}, seconds=25.0)
    log.table(
        {
            "step": np.arange(n) * 100,
            "train/contrastive_loss": power(n, 10.4, 2.6, 0.5, 30) + rng.normal(0, 0.04, n),
            "train/scale": np.minimum(100, 14.3 * np.exp(np.arange(n) / 240)),
            "train/lr": cosine(n, 5e-4, 40),
            "val/imagenet-zeroshot-val-top1": every(rise(n, 0.01, 0.604, 260), 90),
            "train/samples_per_second": 33000 + slow(rng, n, 200),
        }
    )
    return log
