"""Vision and models that generate, healthy and not: simulated logs."""

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
)
from benchmarks.faults.later.enter import training


@training(
    "score-zero",
    "The detector's losses fall but mAP is 0 in all 50 evaluations: boxes or labels of "
    "the evaluation do not match.",
    ("improved: ",),
)
def detector_map_zero(rng: Random) -> Log:
    n = 50
    log = Log({"model": "yolov5s", "epochs": 50, "data": "custom.yaml", "nc": 4}, seconds=110.0)
    log.table(
        {
            "train/box_loss": times(rng, rise(n, 0.11, 0.031, 12), 0.01),
            "train/obj_loss": times(rng, rise(n, 0.035, 0.014, 12), 0.01),
            "train/cls_loss": times(rng, rise(n, 0.03, 0.002, 9), 0.02),
            "val/box_loss": times(rng, rise(n, 0.10, 0.036, 12), 0.01),
            "metrics/precision": np.zeros(n),
            "metrics/recall": np.zeros(n),
            "metrics/mAP_0.5": np.zeros(n),
            "metrics/mAP_0.5:0.95": np.zeros(n),
            "x/lr0": 0.01 * (1 - np.arange(n) / n * 0.99),
        }
    )
    return log


@training(
    "score-zero",
    "The segmenter predicts background only: Dice and IoU are 0 throughout, pixel "
    "accuracy stands at 0.971.",
    ("improved: .*pixel", "perfect"),
)
def segmenter_all_background(rng: Random) -> Log:
    n = 60
    log = Log(
        {"arch": "unet", "loss": "bce", "epochs": 60, "lr": 1e-3, "fg_share": 0.029}, seconds=45.0
    )
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": 0.131 + 0.5 * np.exp(-np.arange(n) * 1.3) + rng.normal(0, 0.0008, n),
            "val_loss": 0.133 + 0.2 * np.exp(-np.arange(n) * 1.3) + rng.normal(0, 0.0008, n),
            "val_dice": np.zeros(n),
            "val_iou": np.zeros(n),
            "val_pixel_acc": np.full(n, 0.971),
        }
    )
    return log


@training(
    "leak",
    "Validation accuracy is 0.9996 after the first epoch of a hard task: patients in both "
    "sets, or the label in the input.",
    ("overfit",),
)
def radiograph_leak(rng: Random) -> Log:
    n = 20
    log = Log(
        {"model": "densenet121", "dataset": "chest_xray_patches", "epochs": 20}, seconds=240.0
    )
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "train_loss": rise(n, 0.04, 0.001, 3) + np.abs(rng.normal(0, 0.0003, n)),
            "train_acc": np.minimum(1, 0.992 + rise(n, 0, 0.008, 2)),
            "val_loss": 0.003 + np.abs(rng.normal(0, 0.0008, n)),
            "val_acc": np.minimum(1, 0.9996 + rng.normal(0, 0.0002, n)),
            "val_auc": np.ones(n),
        }
    )
    return log


@training(
    "got-worse",
    "FID is best (9.8) at 160,000 steps and rises to 31 by 400,000, while the diffusion "
    "loss stays level.",
)
def diffusion_fid_rises(rng: Random) -> Log:
    n = 800
    log = Log(
        {"model": "ddpm-unet", "ema_decay": 0.0, "lr": 2e-4, "num_steps": 400000}, seconds=6.0
    )
    at = np.arange(n)
    fid = 9.6 + 90 * np.exp(-at / 70) + 0.047 * np.maximum(at - 330, 0) + rng.normal(0, 0.4, n)
    log.table(
        {
            "step": at * 500,
            "loss": times(rng, power(n, 0.3, 0.031, 0.8, 8), 0.12),
            "grad_norm": times(rng, np.full(n, 0.12), 0.3),
            "eval/fid_10k": every(fid, 40),
        }
    )
    return log


@training(
    "got-worse",
    "Mode collapse: the Inception Score falls from 7.9 to 1.3 at 60 kimg, and FID rises "
    "from 22 to 280.",
)
def gan_loses_modes(rng: Random) -> Log:
    n = 240
    log = Log({"arch": "dcgan", "dataset": "cifar10", "G_lr": 2e-4, "D_lr": 2e-4}, seconds=30.0)
    up = sigmoid(n, 0, 1, 120, 6)
    log.table(
        {
            "kimg": np.arange(n) * 0.5,
            "G_loss": times(rng, 1.3 + 4.2 * up, 0.15),
            "D_loss": times(rng, 1.05 - 0.8 * up, 0.12),
            "inception_score": every(rise(n, 1.6, 8.0, 30) * (1 - up) + 1.3 * up, 10),
            "fid": every(rise(n, 210, 22, 28) * (1 - up) + 280 * up + rng.normal(0, 1, n), 10),
        }
    )
    return log


@training(
    "codebook-collapse",
    "The codebook collapses: its perplexity falls from 380 of 512 codes to 1.7; "
    "reconstruction stops at 0.09.",
)
def codebook_collapses(rng: Random) -> Log:
    n = 400
    log = Log(
        {"model": "vqvae", "num_embeddings": 512, "commitment_cost": 0.0, "lr": 1e-3}, seconds=1.5
    )
    up = sigmoid(n, 0, 1, 90, 12)
    log.table(
        {
            "step": np.arange(n) * 50,
            "recon_error": times(rng, rise(n, 0.35, 0.05, 25) * (1 - up) + 0.09 * up, 0.04),
            "vq_loss": times(rng, 0.02 + 0.05 * up, 0.1),
            "perplexity": times(rng, (60 + rise(n, 0, 330, 15)) * (1 - up) + 1.7 * up, 0.03),
            "codebook_usage": np.clip(0.85 * (1 - up) + 0.004 + rng.normal(0, 0.002, n), 0.002, 1),
        }
    )
    return log


@training(
    "out-of-memory",
    "CUDA ran out of memory in the first validation, after 500 steps.",
    curve=False,
)
def validation_out_of_memory(rng: Random) -> Log:
    n = 50
    log = Log({"model": "swin_b", "val_batch": 512, "epochs": 90}, seconds=7.0, exits=1)
    log.table({"iter": np.arange(n) * 10, "loss": power(n, 6.9, 6.1) + rng.normal(0, 0.03, n)})
    log.console = list(lines(n, lambda i: f"Train: 0 [{i * 10}/1251] loss {6.9 - i / 60:.3f}"))
    log.errors = [
        "Traceback (most recent call last):",
        '  File "/w/main.py", line 221, in validate',
        "    out = model(x)",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.06 GiB. GPU 0 has a total "
        "capacity of 23.69 GiB of which 1.21 GiB is free.",
    ]
    return log


@training(
    "",
    "Grokking: training accuracy is 1 early, validation accuracy stays near 0 and rises "
    "to 1 at the end.",
    ("overfit.{0,40}(stop|best)", "memoris.*stop"),
    ("overfitting",),
)
def modular_addition_groks(rng: Random) -> Log:
    n = 1200
    log = Log({"p": 97, "train_frac": 0.3, "weight_decay": 1.0, "steps": 60000}, seconds=0.4)
    val = sigmoid(n, 0.01, 1.0, 760, 45)
    log.table(
        {
            "step": np.arange(n) * 50,
            "train/acc": np.clip(sigmoid(n, 0.01, 1.0, 22, 5), 0, 1),
            "train/loss": 4.6 * np.exp(-np.arange(n) / 18) + 1e-4 * np.exp(rng.normal(0, 0.2, n)),
            "val/acc": np.clip(val + rng.normal(0, 0.004, n) * (val < 0.99), 0, 1),
            "val/loss": times(
                rng, 4.6 + 9.4 * sigmoid(n, 0, 1, 60, 20) - 13.98 * sigmoid(n, 0, 1, 720, 60), 0.01
            ),
        }
    )
    return log


@training(
    "",
    "Snapshot ensemble: five cosine cycles, accuracy in percent drops at each restart and "
    "ends higher.",
    ("oscillat", "got worse", "spike"),
)
def snapshot_cycles(rng: Random) -> Log:
    n = 200
    at = np.arange(n) % 40
    log = Log({"lr_schedule": "cosine_cyclic", "cycles": 5, "epochs": 200, "lr": 0.2}, seconds=30.0)
    warm = np.cos(np.pi * at / 40) * 0.5 + 0.5
    base = rise(n, 62, 95.1, 30)
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "lr": 0.2 * warm,
            "train_loss": times(rng, 0.03 + (100 - base) / 60 + 0.35 * warm, 0.03),
            "test_loss": times(rng, 0.19 + (100 - base) / 80 + 0.3 * warm, 0.05),
            "train_acc": np.clip(base + 4 - 9 * warm + rng.normal(0, 0.15, n), 0, 100),
            "test_acc": np.clip(base - 8 * warm + rng.normal(0, 0.5, n), 0, 100),
        }
    )
    return log


@training(
    "",
    "ImageNet with drops of the rate at epochs 30, 60 and 80: accuracy (percent) jumps at each.",
    ("spike", "leak", "flat since"),
)
def imagenet_step_decay(rng: Random) -> Log:
    n = 90
    at = np.arange(n)
    phase = (at >= 30).astype(int) + (at >= 60) + (at >= 80)
    top = np.array([52.0, 70.0, 75.3, 76.1])[phase] - 34 * np.exp(-at / 4.0) * (phase == 0)
    log = Log(
        {"arch": "resnet50", "epochs": 90, "lr": 0.1, "milestones": [30, 60, 80]}, seconds=1800.0
    )
    log.table(
        {
            "epoch": at,
            "lr": 0.1 * 0.1**phase,
            "train/loss": np.array([2.0, 1.15, 0.9, 0.86])[phase]
            + 3 * np.exp(-at / 3.0)
            + rng.normal(0, 0.015, n),
            "val/loss": np.array([2.05, 1.21, 1.02, 0.97])[phase]
            + 2.6 * np.exp(-at / 3.0)
            + rng.normal(0, 0.05, n) * (phase == 0)
            + rng.normal(0, 0.006, n),
            "val/acc1": top + rng.normal(0, 1.4, n) * (phase == 0) + rng.normal(0, 0.15, n),
            "val/acc5": 60 + top / 2.3 + rng.normal(0, 0.15, n),
        }
    )
    return log


@training(
    "",
    "The head is trained for five epochs, then all layers are released: the loss jumps up "
    "and falls lower.",
    ("diverg", "got worse"),
)
def unfreeze_after_five(rng: Random) -> Log:
    n = 1000
    at = np.arange(n)
    loss = np.where(at < 250, 0.72 + 1.6 * np.exp(-at / 40), 0.18 + 0.75 * np.exp(-(at - 250) / 90))
    log = Log({"freeze_epochs": 5, "unfreeze_epochs": 15, "model": "efficientnet_b0"}, seconds=1.0)
    acc = np.where(at < 250, 0.78 - 0.4 * np.exp(-at / 50), 0.93 - 0.17 * np.exp(-(at - 250) / 100))
    log.table(
        {
            "step": at,
            "epoch": at // 50,
            "trainable_params": np.where(at < 250, 12810, 4020358),
            "train_loss": times(rng, loss, 0.1),
            "lr": np.where(at < 250, 1e-3, 1e-4),
            "val_acc": every(acc + rng.normal(0, 0.004, n), 50),
            "val_loss": every(loss + 0.08 + rng.normal(0, 0.006, n), 50),
        }
    )
    return log


@training(
    "",
    "The validation loss rises slowly after epoch 25 while the accuracy goes on rising to "
    "0.842: overconfidence, no harm.",
    (r"best .{0,60}acc",),
    ("overfitting",),
)
def overconfident_yet_better(rng: Random) -> Log:
    n = 100
    at = np.arange(n)
    log = Log({"model": "vgg11", "data": "cifar10", "epochs": 100, "lr": 0.01}, seconds=15.0)
    log.table(
        {
            "epoch": at + 1,
            "loss": rise(n, 1.9, 0.06, 18) * np.exp(rng.normal(0, 0.02, n)),
            "accuracy": np.minimum(0.999, rise(n, 0.3, 0.985, 17)),
            "val_loss": 0.72
            + 0.9 * np.exp(-at / 7.0)
            + 0.0024 * np.maximum(at - 25, 0)
            + rng.normal(0, 0.012, n),
            "val_accuracy": rise(n, 0.45, 0.844, 22) + rng.normal(0, 0.003, n),
        }
    )
    return log


@training(
    "",
    "MoCo: the contrastive loss is near ln 4096 = 8.3 at first and falls to 7.0; kNN "
    "accuracy rises to 61%.",
    ("chance", "never learn"),
)
def contrastive_near_log_n(rng: Random) -> Log:
    n = 400
    log = Log({"method": "moco_v3", "queue": 4096, "temperature": 0.2, "epochs": 100}, seconds=90.0)
    log.table(
        {
            "step": np.arange(n) * 100,
            "ssl_loss": 8.32 - rise(n, 0, 1.32, 130) + rng.normal(0, 0.02, n),
            "knn_top1": every(rise(n, 28, 61.4, 120) + rng.normal(0, 0.2, n), 20),
            "lr": cosine(n, 1.5e-2, 40),
            "momentum": 1 - 0.01 * cosine(n, 1.0),
        }
    )
    return log


@training(
    "",
    "A VAE that logs the ELBO: it rises from -210 to -98; KL and reconstruction are in balance.",
    ("negative", "diverg", "posterior"),
)
def elbo_rises(rng: Random) -> Log:
    n = 120
    log = Log({"model": "vae", "latent_dim": 32, "epochs": 120}, seconds=8.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train/elbo": -rise(n, 206, 96.5, 14) + rng.normal(0, 0.25, n),
            "train/kl": rise(n, 4.0, 25.4, 9) + rng.normal(0, 0.1, n),
            "train/reconstruction": rise(n, 202, 71.1, 14) + rng.normal(0, 0.25, n),
            "test/elbo": -rise(n, 190, 98.8, 13) + rng.normal(0, 0.25, n),
            "test/log_px_iw": -rise(n, 185, 94.1, 13) + rng.normal(0, 0.25, n),
        }
    )
    return log


@training(
    "",
    "A balanced GAN: losses hover about 1.2 and 0.9 with much noise; FID falls from 130 to 17.",
    ("standing still", "does not fall", "never learn", "discriminator wins"),
)
def gan_in_balance(rng: Random) -> Log:
    n = 1500
    log = Log({"model": "sngan", "batch_size": 64, "n_dis": 5, "iters": 150000}, seconds=2.5)
    log.table(
        {
            "iteration": np.arange(n) * 100,
            "errD": 1.18 + 0.3 * np.exp(-np.arange(n) / 90) + slow(rng, n, 0.12, 0.5),
            "errG": 0.93 + slow(rng, n, 0.35, 0.4),
            "D_x": np.clip(0.64 + rng.normal(0, 0.06, n), 0, 1),
            "D_G_z": np.clip(0.38 + rng.normal(0, 0.07, n), 0, 1),
            "FID": every(rise(n, 130, 17.2, 280) + rng.normal(0, 0.5, n), 100),
        }
    )
    return log


@training(
    "",
    "YOLO closes mosaic at epoch 90 of 100: the training losses drop, mAP gains a little.",
    ("leak", "memoris", "overfit"),
)
def yolo_closes_mosaic(rng: Random) -> Log:
    n = 100
    late = np.where(np.arange(n) >= 90, 0.82, 1.0)
    m = rise(n, 0.02, 0.463, 22)
    log = Log(
        {"model": "yolov8n.pt", "epochs": 100, "close_mosaic": 10, "lr0": 0.01}, seconds=140.0
    )
    log.table(
        {
            "train/box_loss": times(rng, rise(n, 1.9, 1.08, 25) * late, 0.008),
            "train/cls_loss": times(rng, rise(n, 3.1, 0.74, 18) * late, 0.01),
            "train/dfl_loss": times(rng, rise(n, 1.6, 1.04, 22) * late, 0.004),
            "val/box_loss": times(rng, rise(n, 1.75, 1.17, 18), 0.008),
            "val/cls_loss": times(rng, rise(n, 2.8, 0.93, 15), 0.012),
            "metrics/precision(B)": np.clip(m * 1.45 + rng.normal(0, 0.02, n), 0, 1),
            "metrics/recall(B)": np.clip(m * 1.3 + rng.normal(0, 0.015, n), 0, 1),
            "metrics/mAP50(B)": np.clip(m * 1.42 + rng.normal(0, 0.006, n), 0, 1),
            "metrics/mAP50-95(B)": np.clip(m + rng.normal(0, 0.004, n), 0, 1),
            "lr/pg0": 0.01 * (1 - np.arange(n) / n * 0.99),
        }
    )
    return log
