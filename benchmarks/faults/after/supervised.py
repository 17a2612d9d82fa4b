"""Classifiers, detectors, segmenters and graph networks of plain loops, Keras and Lightning: simulated logs."""

# ruff: noqa: E501 - what a reader would say, in one line
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
    times,
    training,
)


@training("", "Warm restarts: the rate goes back to its peak by plan, each cycle ends lower.",
          ("diverg", "spike", "resum"))  # fmt: skip
def vision_warm_restarts(rng: Random) -> Log:
    log = Log(
        {
            "arch": "wrn16",
            "sched": "CosineAnnealingWarmRestarts",
            "T_0": 10,
            "T_mult": 2,
            "epochs": 70,
        },
        seconds=31.0,
    )
    lr: list[float] = []
    for length in (10, 20, 40):
        lr += list(0.05 * (1 + np.cos(np.pi * np.arange(length) / length)))
    n = len(lr)
    base = rise(n, 1.9, 0.16, 16)
    t = base + 2.2 * np.array(lr) * (0.4 + base) + rng.normal(0, 0.012, n)
    v = 0.30 + 0.75 * base + 2.4 * np.array(lr) * (0.4 + base) + rng.normal(0, 0.03, n)
    acc = 96.2 - 31 * base - 70 * np.array(lr) + rng.normal(0, 0.5, n)
    log.table(
        {
            "epoch": np.arange(1, n + 1),
            "tr_loss": t,
            "te_loss": v,
            "te_acc": acc,
            "lr": np.array(lr),
        }
    )
    return log


@training("overfitting", "The dev loss is lowest at the first of 8 evaluations and rises to twice it: overfits from the start.",
          ("improved: dev loss",))  # fmt: skip
def bert_best_at_first(rng: Random) -> Log:
    log = Log({"model": "bert-base", "epochs": 8, "lr": 5e-5, "bs": 16}, seconds=88.0)
    tr = np.array([0.52, 0.29, 0.15, 0.074, 0.04, 0.022, 0.015, 0.011]) * np.exp(
        rng.normal(0, 0.05, 8)
    )
    dev = np.array([0.401, 0.428, 0.512, 0.601, 0.705, 0.77, 0.83, 0.86]) + rng.normal(0, 0.01, 8)
    acc = np.array([0.823, 0.829, 0.826, 0.824, 0.829, 0.827, 0.825, 0.826]) + rng.normal(
        0, 0.002, 8
    )
    log.table({"Epoch": np.arange(1, 9), "Train Loss": tr, "Dev Loss": dev, "Dev Acc": acc})
    return log


@training(
    "test-below-validation",
    "Val Dice 0.87, test Dice 0.61: the model does not carry over to the test set.",
)
def unet_test_far_below(rng: Random) -> Log:
    log = Log({"net": "unet", "epochs": 60, "optimizer": "adamw", "lr": 3e-4}, seconds=45.0)
    n = 60
    d = rise(n, 0.32, 0.871, 11) + rng.normal(0, 0.009, n)
    log.table({
        "epoch": np.arange(n), "train/bce": rise(n, 0.61, 0.052, 12) * np.exp(rng.normal(0, 0.04, n)),
        "train/dice_loss": rise(n, 0.7, 0.09, 12) + rng.normal(0, 0.008, n), "val/dice": d,
        "val/iou": d / (2 - d), "val/loss": rise(n, 0.66, 0.17, 11) + rng.normal(0, 0.009, n),
    })  # fmt: skip
    log.rows.append({"test/dice": 0.608, "test/iou": 0.437, "test/loss": 0.61})
    return log


@training("", "A segmentation that converges.")
def unet_healthy(rng: Random) -> Log:
    log = Log({"net": "unet++", "max_epochs": 80}, seconds=30.0)
    n = 80
    d = rise(n, 0.21, 0.81, 17) + rng.normal(0, 0.012, n)
    log.table({
        "epoch": np.arange(n), "loss/total": rise(n, 1.35, 0.26, 16) + rng.normal(0, 0.02, n),
        "loss/focal": rise(n, 0.5, 0.06, 16) + rng.normal(0, 0.008, n), "loss/dice": rise(n, 0.85, 0.2, 16) + rng.normal(0, 0.014, n),
        "val_mDice": d, "val_mIoU": d / (2 - d), "val_hd95": times(rng, rise(n, 34, 6.1, 20), 0.08),
        "lr": cosine(n, 1e-3, 5),
    })  # fmt: skip
    log.rows.append({"test_mDice": 0.795, "test_mIoU": 0.66})
    return log


@training("dead-term", "loss_mask is 0 in every row: the mask head gets no targets.")
def detector_dead_mask(rng: Random) -> Log:
    log = Log({"model": "maskrcnn_resnet50_fpn", "lr": 0.005, "epochs": 12}, seconds=2.2)
    n = 900
    parts = {
        "loss_classifier": (1.6, 0.11),
        "loss_box_reg": (0.5, 0.15),
        "loss_objectness": (0.6, 0.02),
        "loss_rpn_box_reg": (0.2, 0.05),
    }
    table = {k: times(rng, power(n, a, b), 0.25) for k, (a, b) in parts.items()}
    total = np.sum(list(table.values()), axis=0)
    log.table({"iter": np.arange(n) * 20, "loss": total, **table, "loss_mask": np.zeros(n), "lr": np.where(np.arange(n) < 600, 5e-3, 5e-4),
               "bbox_mAP": every(rise(n, 0.02, 0.36, 250) + rng.normal(0, 0.006, n), 75)})  # fmt: skip
    return log


@training("", "A detector with noisy parts that converges.")
def detector_healthy(rng: Random) -> Log:
    log = Log({"cfg": "yolox_s", "max_epoch": 100}, seconds=64.0)
    n = 100
    log.table({
        "epoch": np.arange(n), "train/iou_loss": times(rng, power(n, 4.3, 2.1), 0.02), "train/conf_loss": times(rng, power(n, 9.1, 2.5), 0.05),
        "train/cls_loss": times(rng, power(n, 2.3, 0.8), 0.04), "train/l1_loss": np.where(np.arange(n) >= 85, times(rng, np.full(n, 0.5), 0.03), 0.0),
        "val/COCOAP50": rise(n, 0.08, 0.58, 24) + rng.normal(0, 0.006, n), "val/COCOAP50_95": rise(n, 0.03, 0.39, 27) + rng.normal(0, 0.004, n),
        "train/lr": cosine(n, 0.01, 5, 5e-4),
    })  # fmt: skip
    return log


@training(
    "no-learning",
    "NT-Xent stays at ln(1023) = 6.93 and kNN accuracy at 10%: the representation collapsed or nothing is learned.",
)
def simclr_collapsed(rng: Random) -> Log:
    log = Log({"method": "simclr", "batch_size": 512, "temperature": 0.5, "lr": 0.6}, seconds=0.8)
    n = 1500
    log.table({"step": np.arange(n) * 10, "nt_xent": np.log(1023) + np.abs(rng.normal(0, 0.004, n)) + 0.3 * np.exp(-np.arange(n) / 8),
               "embedding_std": 0.0003 + 0.03 * np.exp(-np.arange(n) / 8), "knn_top1": every(0.1 + rng.normal(0, 0.002, n), 100)})  # fmt: skip
    return log


@training(
    "",
    "A contrastive loss falls to its natural level near 4.9 while kNN accuracy goes on rising.",
    ("never learn", "chance"),
)
def simclr_healthy(rng: Random) -> Log:
    log = Log(
        {"method": "simclr", "batch_size": 512, "temperature": 0.5, "epochs": 200}, seconds=22.0
    )
    n = 200
    log.table({"epoch": np.arange(n), "contrastive_loss": power(n, 6.6, 4.87, 0.8, 8) + rng.normal(0, 0.01, n),
               "knn_top1": every(power(n, 0.28, 0.79, 0.5, 12) + rng.normal(0, 0.004, n), 10), "lr": cosine(n, 0.5, 10)})  # fmt: skip
    return log


@training("no-learning", "Train, val and test accuracy stay at 1/7 with loss ln 7: the graph network learns nothing (over-smoothed).",
          ("improved",))  # fmt: skip
def gnn_oversmoothed(rng: Random) -> Log:
    log = Log(
        {"layers": 32, "hidden": 64, "num_classes": 7, "lr": 0.01, "dataset": "Cora"}, seconds=0.3
    )
    n = 200
    log.table({"epoch": np.arange(n), "loss": np.log(7) + rng.normal(0, 0.0015, n) + 0.02 * np.exp(-np.arange(n) / 4),
               "train_acc": 1 / 7 + rng.normal(0, 0.006, n), "val_acc": np.full(n, 0.156) + rng.choice([0, -0.034], n), "test_acc": np.full(n, 0.149) + rng.choice([0, -0.005], n)})  # fmt: skip
    return log


@training(
    "",
    "A citation graph: 140 training nodes are fitted, validation at 0.79 as usual.",
    allowed=("overfitting", "leak"),
)
def gnn_cora(rng: Random) -> Log:
    log = Log(
        {"layers": 2, "hidden": 16, "num_classes": 7, "lr": 0.01, "dropout": 0.5}, seconds=0.2
    )
    n = 200
    log.table({"epoch": np.arange(n), "loss": rise(n, 1.95, 0.42, 38) + rng.normal(0, 0.03, n), "train_acc": rise(n, 0.2, 0.96, 18) + rng.normal(0, 0.012, n),
               "val_acc": np.round(rise(n, 0.2, 0.791, 16) * 500) / 500 + rng.choice([0, 0.002, -0.002], n), "test_acc": rise(n, 0.2, 0.812, 17) + rng.choice([0, 0.001], n)})  # fmt: skip
    return log


@training("not-finite", "The loss is NaN from epoch 4 to the end: the run is lost.", ("improved",))
def lightning_nan(rng: Random) -> Log:
    log = Log({"precision": "16-mixed", "lr": 3e-3, "max_epochs": 20}, seconds=1.1)
    n = 700
    train = times(rng, power(n, 2.9, 0.9), 0.07)
    train[140:] = np.nan
    val = rise(n, 2.4, 1.1, 200)
    val[140:] = np.nan
    log.table(
        {
            "trainer/global_step": np.arange(n) * 10 + 9,
            "epoch": np.arange(n) // 35,
            "train_loss_step": train,
            "val_loss": every(val, 35),
        }
    )
    return log


@training(
    "",
    "One batch overflowed; the scaler skipped it and the training went on to a good end.",
    ("critical", "diverg"),
    allowed=("spike", "not-finite"),
)
def amp_recovered(rng: Random) -> Log:
    log = Log({"amp": True, "lr": 1e-3, "epochs": 10}, seconds=0.7)
    n = 1200
    loss = times(rng, power(n, 3.2, 0.8), 0.06)
    gn = times(rng, rise(n, 4, 1.3, 200), 0.2)
    for at in (3, 205, 640):
        gn[at] = np.inf
    loss[640] = np.nan
    log.table({"it": np.arange(n) * 5, "train/loss": loss, "train/grad_norm": gn, "train/scale": 65536 / 2.0 ** np.searchsorted([3, 205, 640], np.arange(n)),
               "val/top1": every(rise(n, 0.2, 0.74, 300) + rng.normal(0, 0.005, n), 120), "val/top5": every(rise(n, 0.5, 0.92, 250) + rng.normal(0, 0.003, n), 120)})  # fmt: skip
    return log


@training(
    "leak", "Validation accuracy is 0.998 after the first epoch and AUC 1.0: the label leaks."
)
def tabular_leak(rng: Random) -> Log:
    log = Log({"model": "ft-transformer", "epochs": 15, "lr": 1e-4}, seconds=12.0)
    n = 15
    log.table({"epoch": np.arange(1, n + 1), "train_loss": 0.05 * np.exp(-np.arange(n) / 2) + 0.0008 * np.exp(rng.normal(0, 0.2, n)),
               "valid_loss": 0.011 * np.exp(-np.arange(n) / 3) + 0.0009 * np.exp(rng.normal(0, 0.2, n)), "valid_accuracy": np.minimum(1, 0.998 + rng.choice([0, 0.001, 0.002], n)), "valid_auroc": np.ones(n)})  # fmt: skip
    return log


@training("sum-not-mean", "train_loss is 64 times val_loss from the first epoch on: one is a sum over the batch, the other a mean.",
          ("overfit", "leak"))  # fmt: skip
def cnn_scale_mismatch(rng: Random) -> Log:
    log = Log({"batch_size": 64, "epochs": 25, "optimizer": "Adam", "lr": 1e-3}, seconds=14.0)
    n = 25
    v = rise(n, 1.7, 0.42, 6) + rng.normal(0, 0.008, n)
    log.table({"epoch": np.arange(n), "train_loss": 64 * (v + 0.06 - 0.13 * (1 - np.exp(-np.arange(n) / 8))) + rng.normal(0, 0.3, n), "val_loss": v, "val_acc": rise(n, 0.4, 0.86, 6) + rng.normal(0, 0.004, n)})  # fmt: skip
    return log


@training(
    "",
    "Early stopping with patience 10 ended the fit at epoch 47 of 200 and restored the best weights.",
    allowed=("best-not-last", "overfitting"),
)
def keras_plateau_stop(rng: Random) -> Log:
    log = Log(
        {
            "epochs": 200,
            "callbacks": ["ReduceLROnPlateau", "EarlyStopping"],
            "patience": 10,
            "restore_best_weights": True,
            "optimizer": {"name": "adam", "learning_rate": 1e-3},
        },
        seconds=9.0,
    )
    n = 47
    lr = np.where(np.arange(n) < 32, 1e-3, np.where(np.arange(n) < 42, 2e-4, 4e-5))
    log.table({"epoch/epoch": np.arange(n), "epoch/loss": rise(n, 1.4, 0.31, 10) + rng.normal(0, 0.006, n), "epoch/accuracy": rise(n, 0.5, 0.9, 10) + rng.normal(0, 0.003, n),
               "epoch/val_loss": 0.462 + 0.8 * np.exp(-np.arange(n) / 8) + 0.0006 * np.maximum(np.arange(n) - 36, 0) + rng.normal(0, 0.006, n),
               "epoch/val_accuracy": rise(n, 0.55, 0.855, 8) + rng.normal(0, 0.004, n), "epoch/learning_rate": lr})  # fmt: skip
    log.console = [
        *lines(n, lambda i: f"Epoch {i + 1}/200"),
        "Epoch 47: early stopping",
        "Restoring model weights from the end of the best epoch: 37.",
    ]
    return log


@training("out-of-memory", "The GPU ran out of memory in epoch 1, after 40 batches.", curve=False)
def keras_oom(rng: Random) -> Log:
    log = Log({"epochs": 50, "batch_size": 512}, seconds=0.9, exits=1)
    n = 40
    log.table(
        {
            "batch/batch_step": np.arange(n),
            "batch/loss": power(n, 4.6, 4.1) + rng.normal(0, 0.05, n),
            "batch/accuracy": rise(n, 0.01, 0.05, 30),
        }
    )
    log.console = [
        "Epoch 1/50",
        " 40/391 [==>...........................] - ETA: 5:12 - loss: 4.1 - accuracy: 0.05",
    ]
    log.errors = ["Traceback (most recent call last):", '  File "train.py", line 88, in <module>', "    model.fit(ds, epochs=50)",
                  "tensorflow.python.framework.errors_impl.ResourceExhaustedError: Graph execution error:",
                  "OOM when allocating tensor with shape[512,256,56,56] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:__inference_train_function_8123]"]  # fmt: skip
    return log


@training(
    "",
    "Lightning stopped at max_steps = 2000 as planned although max_epochs says 100.",
    ("cut short", "stopped at \\d", "did not (finish|complete)"),
)
def lightning_max_steps(rng: Random) -> Log:
    log = Log({"max_steps": 2000, "max_epochs": 100, "lr": 2e-4}, seconds=6.0)
    n = 200
    log.table(
        {
            "trainer/global_step": np.arange(n) * 10 + 9,
            "epoch": np.arange(n) // 25,
            "train/loss": times(rng, power(n, 3.9, 1.35), 0.05),
            "val/loss": every(power(n, 3.8, 1.44) + rng.normal(0, 0.008, n), 25),
            "lr-AdamW": cosine(n, 2e-4, 10),
        }
    )
    log.console = [
        "GPU available: True (cuda), used: True",
        "`Trainer.fit` stopped: `max_steps=2000` reached.",
    ]
    return log


@training(
    "stopped-by-user",
    "The user pressed Ctrl-C at epoch 31 of 90; accuracy was still rising.",
    curve=False,
)
def imagenet_ctrl_c(rng: Random) -> Log:
    log = Log({"epochs": 90, "arch": "resnet50", "lr": 0.1}, seconds=1100.0, exits=255)
    n = 31
    log.table(
        {
            "epoch": np.arange(n),
            "train/loss": power(n, 6.1, 2.2, 0.7, 3) + rng.normal(0, 0.02, n),
            "val/acc1": power(n, 18, 64.5, 0.7, 3) + rng.normal(0, 1.1, n),
            "val/acc5": power(n, 40, 86, 0.7, 3) + rng.normal(0, 0.7, n),
            "lr": np.where(np.arange(n) < 30, 0.1, 0.01),
        }
    )
    log.errors = [
        "^CTraceback (most recent call last):",
        '  File "main.py", line 512, in <module>',
        "    main()",
        "KeyboardInterrupt",
    ]
    return log


@training(
    "disk-full",
    "All 30 epochs were done; writing the last checkpoint failed because the disk was full.",
    curve=False,
)
def save_disk_full(rng: Random) -> Log:
    log = Log({"num_epochs": 30, "lr": 1e-3}, seconds=60.0, exits=1)
    n = 30
    log.table(
        {
            "epoch": np.arange(1, n + 1),
            "train_loss": rise(n, 1.2, 0.2, 8) + rng.normal(0, 0.01, n),
            "val_loss": rise(n, 1.1, 0.29, 7) + rng.normal(0, 0.01, n),
            "val_f1": rise(n, 0.4, 0.83, 7) + rng.normal(0, 0.005, n),
        }
    )
    log.console = list(lines(n, lambda i: f"Epoch {i + 1}/30 done"))
    log.errors = ["Traceback (most recent call last):", '  File "train.py", line 140, in <module>', "    torch.save(model.state_dict(), path)", "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 1216 vs 1110",
                  "OSError: [Errno 28] No space left on device"]  # fmt: skip
    return log


@training(
    "killed",
    "No exit was recorded after epoch 12 of 40: the process was killed or its machine was lost.",
    curve=False,
)
def killed_midway(rng: Random) -> Log:
    log = Log({"epochs": 40, "lr": 3e-4}, seconds=400.0, exits=None)
    n = 12
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": rise(n, 2.2, 0.9, 6) + rng.normal(0, 0.01, n),
            "val_loss": rise(n, 2.0, 1.05, 5) + rng.normal(0, 0.015, n),
            "val_acc": rise(n, 0.3, 0.67, 5) + rng.normal(0, 0.006, n),
        }
    )
    log.console = list(lines(n, lambda i: f"[epoch {i}/40] ok"))
    return log


@training("host-memory", "Resident memory grows by 8 MB a step to the end: a leak.")
def leak_rss(rng: Random) -> Log:
    log = Log({"lr": 1e-3, "epochs": 5}, seconds=0.5)
    n = 1500
    log.table(
        {
            "step": np.arange(n),
            "loss": times(rng, power(n, 2.3, 0.5), 0.1),
            "mem/rss_mb": 2100 + 8.0 * np.arange(n) + rng.normal(0, 25, n),
        }
    )
    return log


@training(
    "",
    "Memory grows while caches fill in the first tenth and then stays.",
    ("memory.{0,40}grow", "leak"),
)
def rss_settles(rng: Random) -> Log:
    log = Log({"lr": 1e-3, "epochs": 5}, seconds=0.5)
    n = 1500
    log.table(
        {
            "step": np.arange(n),
            "loss": times(rng, power(n, 2.3, 0.5), 0.1),
            "mem/rss_mb": rise(n, 1500, 5200, 60) + rng.normal(0, 20, n),
        }
    )
    return log


@training("slow", "Each step takes longer than the one before: 0.30 s at first, 1.3 s at the end.")
def steps_slow_down(rng: Random) -> Log:
    n = 1200
    each = times(rng, 0.3 + 1.0 * np.arange(n) / n, 0.06)
    log = Log({"lr": 1e-3, "model": "lstm"}, seconds=list(each))
    log.table(
        {
            "step": np.arange(n),
            "train_loss": times(rng, power(n, 5.1, 2.0), 0.05),
            "sec_per_it": each,
        }
    )
    return log


@training("", "Three evaluations only, each better than the one before.")
def finetune_three_evals(rng: Random) -> Log:
    log = Log({"num_epochs": 3, "lr": 2e-5, "warmup": 100}, seconds=1.4)
    n = 300
    log.table(
        {
            "global_step": np.arange(n) * 10 + 10,
            "loss": times(rng, power(n, 1.1, 0.34), 0.14),
            "learning_rate": cosine(n, 2e-5, 10),
            "eval_loss": every(np.interp(np.arange(n), [99, 199, 299], [0.502, 0.441, 0.418]), 100),
            "eval_f1": every(np.interp(np.arange(n), [99, 199, 299], [0.81, 0.846, 0.858]), 100),
        }
    )
    return log


@training("", "Federated averaging over clients with different data converges.", ("diverg",))
def fed_healthy(rng: Random) -> Log:
    log = Log({"rounds": 100, "clients": 10, "alpha": 0.3, "local_epochs": 2}, seconds=18.0)
    n = 100
    acc = rise(n, 0.16, 0.74, 26) + rng.normal(0, 0.012, n)
    table = {
        "round": np.arange(n),
        "server/accuracy": acc,
        "server/loss": rise(n, 2.25, 0.81, 24) + rng.normal(0, 0.03, n),
    }
    for c in range(4):
        table[f"client_{c}/train_loss"] = times(rng, rise(n, 2.0, 0.25 + 0.12 * c, 20), 0.12)
    log.table(table)
    return log


@training(
    "collapse-in-one-step",
    "The global accuracy collapses at round 62 from 0.71 to chance and stays there.",
)
def fed_collapse(rng: Random) -> Log:
    log = Log({"rounds": 100, "clients": 20, "num_classes": 10}, seconds=18.0)
    n = 100
    acc = rise(n, 0.14, 0.72, 20) + rng.normal(0, 0.01, n)
    loss = rise(n, 2.3, 0.85, 20) + rng.normal(0, 0.02, n)
    acc[62:] = 0.1
    loss[62:] = 2.303 + np.abs(rng.normal(0, 0.003, n - 62)) + 5 * np.exp(-np.arange(n - 62) / 1.2)
    log.table(
        {
            "round": np.arange(n),
            "global_test_acc": acc,
            "global_test_loss": loss,
            "participants": np.full(n, 5),
        }
    )
    return log


@training(
    "",
    "Multi-task with learned uncertainties: the total becomes negative, and that is right.",
    ("below (its|the)? ?bound", "cannot be (below|negative)"),
)
def multitask_negative(rng: Random) -> Log:
    log = Log(
        {"tasks": ["depth", "normals", "seg"], "weighting": "uncertainty", "epochs": 50},
        seconds=110.0,
    )
    n = 50
    log.table({"epoch": np.arange(n), "train/total_loss": rise(n, 2.1, -3.4, 14) + rng.normal(0, 0.05, n), "train/depth_loss": rise(n, 0.9, 0.12, 10) * np.exp(rng.normal(0, 0.03, n)), "train/seg_loss": rise(n, 1.8, 0.35, 12) * np.exp(rng.normal(0, 0.03, n)),
               "train/log_var_depth": rise(n, 0, -2.9, 16), "train/log_var_seg": rise(n, 0, -1.6, 16), "val/mIoU": rise(n, 0.15, 0.52, 13) + rng.normal(0, 0.005, n), "val/abs_rel": rise(n, 0.4, 0.13, 12) + rng.normal(0, 0.003, n)})  # fmt: skip
    return log


@training(
    "rate-too-high",
    "With AdamW at 0.05 the loss jumps to 40 and comes back to ln 100 only: the rate is far too high.",
)
def vit_rate_high(rng: Random) -> Log:
    log = Log(
        {"model": "vit_small", "optimizer": "adamw", "lr": 0.05, "num_classes": 100, "epochs": 20},
        seconds=1.0,
    )
    n = 600
    loss = (
        np.log(100)
        + np.abs(rng.normal(0, 0.02, n))
        + 36 * np.exp(-np.arange(n) / 9) * np.minimum(1, np.arange(n) / 3)
    )
    log.table(
        {
            "step": np.arange(n) * 10,
            "train_ce": loss,
            "train_top1": np.clip(0.01 + rng.normal(0, 0.003, n), 0, 1),
            "lr": cosine(n, 0.05),
            "val_top1": every(np.full(n, 0.01), 60),
        }
    )
    return log


@training(
    "schedule-ends-early",
    "The scheduler steps per batch but was told epochs: the rate is 0 from step 300 of 3000 on and nothing is learned after.",
)
def schedule_per_batch(rng: Random) -> Log:
    log = Log(
        {"lr": 1e-3, "scheduler": "OneCycleLR", "epochs": 30, "total_steps": 3000}, seconds=0.6
    )
    n = 600
    lr = np.maximum(cosine(n, 1e-3, 10, 0, 60), 1e-9)
    loss = power(60, 3.0, 1.62)
    loss = np.concatenate([loss, np.full(n - 60, 1.62)])
    log.table(
        {
            "step": np.arange(n) * 5,
            "train/loss": times(rng, loss, 0.05),
            "train/lr": lr,
            "val/acc": every(
                np.minimum(rise(n, 0.2, 0.49, 15), 0.48) + rng.normal(0, 0.002, n), 20
            ),
        }
    )
    return log
