"""Speech, time series, federated and multi-task trainings, healthy and not: simulated logs."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    lines,
    power,
    rise,
    sigmoid,
    times,
)
from benchmarks.faults.later.enter import training


@training(
    "no-learning",
    "The recogniser says blanks only: CTC loss stays at 2.9 and the word error rate at "
    "1.0 in all 25 epochs.",
    ("improved: ",),
)
def ctc_only_blanks(rng: Random) -> Log:
    n = 25
    log = Log({"model": "DeepSpeech2", "epochs": 25, "lr": 1e-2, "vocab": 29}, seconds=600.0)
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "avg_train_loss": 2.89 + 1.4 * np.exp(-np.arange(n) * 1.6) + rng.normal(0, 0.008, n),
            "avg_valid_loss": 2.87 + 0.3 * np.exp(-np.arange(n) * 1.4) + rng.normal(0, 0.006, n),
            "wer": np.ones(n),
            "cer": 0.999 + np.zeros(n),
        }
    )
    log.console = list(lines(n, lambda i: f"Epoch {i + 1}: valid loss 2.87 WER 100.00%"))
    return log


@training(
    "not-finite",
    "Source separation (SI-SNR as a negative loss): NaN from epoch 13 on, after -11 dB.",
)
def separation_nan(rng: Random) -> Log:
    n = 40
    log = Log({"model": "ConvTasNet", "loss": "neg_sisnr", "epochs": 40, "lr": 1e-3}, seconds=900.0)
    gone = np.arange(n) >= 12
    train = -rise(n, 2.0, 13.0, 6) + rng.normal(0, 0.08, n)
    log.table(
        {
            "epoch": np.arange(n),
            "train_neg_sisnr": np.where(gone, np.nan, train),
            "val_neg_sisnr": np.where(gone, np.nan, train + 0.9 + rng.normal(0, 0.1, n)),
            "lr": np.full(n, 1e-3),
        }
    )
    return log


@training(
    "test-below-validation",
    "The forecast's test error (MAE 0.92) is three times the validation's (0.29): the "
    "series changed.",
)
def forecast_test_apart(rng: Random) -> Log:
    n = 40
    log = Log(
        {"model": "PatchTST", "data": "ETTh1", "train_epochs": 40, "pred_len": 96}, seconds=40.0
    )
    log.table(
        {
            "epoch": np.arange(n) + 1,
            "train/mse": rise(n, 0.62, 0.17, 5) + rng.normal(0, 0.003, n),
            "val/mse": rise(n, 0.52, 0.18, 5) + rng.normal(0, 0.004, n),
            "val/mae": rise(n, 0.50, 0.29, 5) + rng.normal(0, 0.003, n),
        }
    )
    log.add(test__mse=1.61, test__mae=0.92)
    return log


@training(
    "got-worse",
    "Federated averaging on uneven clients: global accuracy reaches 0.62 at round 70 and "
    "falls to 0.12 by round 140.",
)
def fed_drifts_apart(rng: Random) -> Log:
    n = 150
    log = Log(
        {"strategy": "FedAvg", "local_epochs": 20, "dirichlet_alpha": 0.05, "rounds": 150},
        seconds=60.0,
    )
    acc = rise(n, 0.1, 0.64, 22) - sigmoid(n, 0, 0.51, 105, 9)
    log.table(
        {
            "round": np.arange(n) + 1,
            "server/accuracy": np.clip(acc + rng.normal(0, 0.03, n), 0.02, 1),
            "server/loss": 2.3 - acc * 2 + sigmoid(n, 0, 5, 110, 8) + rng.normal(0, 0.08, n),
            "clients/train_loss_mean": times(rng, rise(n, 1.4, 0.06, 14), 0.1),
            "clients/drift_norm": times(rng, 1 + sigmoid(n, 0, 30, 105, 9), 0.1),
        }
    )
    return log


@training(
    "no-learning",
    "Of two tasks one never learns: its loss stays at ln 7 = 1.946 and its accuracy at "
    "0.14, the other improves.",
)
def second_task_stuck(rng: Random) -> Log:
    n = 60
    log = Log(
        {"tasks": ["age", "emotion"], "num_emotions": 7, "epochs": 60, "w": [1.0, 0.0]},
        seconds=70.0,
    )
    log.table(
        {
            "epoch": np.arange(n),
            "age/train_mae": rise(n, 14.0, 3.4, 9) + rng.normal(0, 0.06, n),
            "age/val_mae": rise(n, 13.2, 4.9, 8) + rng.normal(0, 0.09, n),
            "emotion/train_loss": 1.9459 + rng.normal(0, 0.002, n),
            "emotion/val_loss": 1.9461 + rng.normal(0, 0.002, n),
            "emotion/val_acc": 0.143 + rng.normal(0, 0.007, n),
        }
    )
    return log


@training(
    "host-memory",
    "The loader keeps every batch: resident memory grows evenly from 4 to 58 GB in 300 epochs.",
)
def loader_keeps_batches(rng: Random) -> Log:
    n = 300
    log = Log({"model": "tcn", "epochs": 300, "cache": "list"}, seconds=25.0)
    log.table(
        {
            "epoch": np.arange(n),
            "loss/train": rise(n, 0.9, 0.2, 50) + rng.normal(0, 0.006, n),
            "loss/valid": rise(n, 0.88, 0.24, 45) + rng.normal(0, 0.008, n),
            "sys/ram_used_gb": 4 + np.arange(n) * 0.18 + rng.normal(0, 0.08, n),
        }
    )
    return log


@training(
    "",
    "Separation with SI-SNR: the negative loss falls to -16 dB, validation follows.",
    ("negative", "bound", "impossible", "diverg"),
)
def separation_healthy(rng: Random) -> Log:
    n = 90
    log = Log({"model": "SepFormer", "loss": "si_snr", "epochs": 90}, seconds=1500.0)
    log.table(
        {
            "epoch": np.arange(n),
            "train/loss": -rise(n, 2.0, 16.9, 14) + rng.normal(0, 0.1, n),
            "val/loss": -rise(n, 3.2, 15.6, 13) + rng.normal(0, 0.12, n),
            "val/si_snr_i": rise(n, 3.0, 15.5, 13) + rng.normal(0, 0.12, n),
            "lr": 1.5e-4 * 0.5 ** (np.maximum(np.arange(n) - 60, 0) // 6),
        }
    )
    return log


@training(
    "",
    "A forecaster with five evaluations that jump about; the last is the best.",
    ("overfit", "got worse"),
)
def forecaster_five_evaluations(rng: Random) -> Log:
    n = 500
    log = Log({"model": "DeepAR", "max_steps": 5000, "context": 168}, seconds=1.0)
    crps = [0.412, 0.377, 0.389, 0.365, 0.361]
    log.table(
        {
            "step": np.arange(n) * 10,
            "train_nll": -1.2 + 3.1 * np.exp(-np.arange(n) / 70) + rng.normal(0, 0.12, n),
            "val_CRPS": [crps[i // 100] if i % 100 == 99 else None for i in range(n)],
        }
    )
    return log


@training(
    "",
    "Federated learning with ten of 100 clients a round: accuracy is jagged and rises to 0.71.",
    ("oscillat", "got worse", "diverg"),
)
def fed_jagged(rng: Random) -> Log:
    n = 300
    log = Log(
        {"algorithm": "fedprox", "fraction_fit": 0.1, "num_rounds": 300, "mu": 0.01}, seconds=30.0
    )
    acc = rise(n, 0.1, 0.72, 70)
    log.table(
        {
            "round": np.arange(n) + 1,
            "global_acc": np.clip(acc + rng.normal(0, 0.045, n), 0, 1),
            "global_loss": 2.31 - 1.95 * acc + rng.normal(0, 0.12, n),
            "sampled_clients": np.full(n, 10),
            "client_acc_std": 0.12 + rng.normal(0, 0.02, n),
        }
    )
    return log


@training(
    "",
    "Two tasks weighted by learned uncertainty: the total loss goes below 0, both tasks improve.",
    ("negative loss", "below its bound", "impossible"),
)
def uncertainty_weighting(rng: Random) -> Log:
    n = 80
    log = Log({"weighting": "kendall", "tasks": "seg,depth", "epochs": 80}, seconds=200.0)
    seg = rise(n, 2.2, 0.31, 12)
    depth = rise(n, 0.9, 0.09, 12)
    log.table(
        {
            "epoch": np.arange(n),
            "train/total_loss": seg * 0.6
            + depth * 3
            - rise(n, 0, 2.3, 30)
            + rng.normal(0, 0.02, n),
            "train/seg_loss": times(rng, seg, 0.02),
            "train/depth_loss": times(rng, depth, 0.02),
            "train/log_var_seg": -rise(n, 0, 1.1, 30),
            "train/log_var_depth": -rise(n, 0, 2.4, 30),
            "val/mIoU": rise(n, 0.12, 0.573, 14) + rng.normal(0, 0.004, n),
            "val/depth_rmse": rise(n, 1.1, 0.52, 13) + rng.normal(0, 0.006, n),
        }
    )
    return log


@training(
    "",
    "Speech-to-text stopped early: patience 5 after the best epoch 18 of at most 100; "
    "weights of epoch 18 are kept.",
    ("overfit", "% of the plan", "did not finish"),
)
def wav2vec_stops_early(rng: Random) -> Log:
    n = 23
    log = Log(
        {"max_epochs": 100, "early_stopping_patience": 5, "monitor": "val_wer", "save_top_k": 1},
        seconds=700.0,
    )
    wer = 0.118 + 0.7 * np.exp(-np.arange(n) / 3.2) + rng.normal(0, 0.0008, n)
    wer[18:] = wer[17] + np.abs(rng.normal(0.0012, 0.0006, 5))
    log.table(
        {
            "epoch": np.arange(n),
            "train_loss": times(rng, rise(n, 3.6, 0.21, 4), 0.02),
            "val_loss": rise(n, 2.5, 0.30, 3.4) + rng.normal(0, 0.003, n),
            "val_wer": wer,
        }
    )
    log.console = [
        *lines(n, lambda i: f"Epoch {i}: val_wer={wer[i]:.4f}"),
        "Monitored metric val_wer did not improve in the last 5 records. Best score: 0.120. "
        "Signaling Trainer to stop.",
        "Restored best checkpoint: epoch=17.ckpt",
    ]
    return log


@training(
    "",
    "A speaker encoder is trained for a fixed time and tested once at the end.",
    ("overfit", "memoris"),
)
def evaluated_at_the_end(rng: Random) -> Log:
    n = 900
    log = Log({"model": "ecapa", "steps": 90000, "loss": "aam-softmax"}, seconds=3.0)
    log.table(
        {
            "step": np.arange(n) * 100,
            "aam_loss": power(n, 14.1, 2.2) + rng.normal(0, 0.12, n),
            "train_acc": rise(n, 0.0, 0.86, 170) + rng.normal(0, 0.012, n),
            "lr": 1e-3 * 0.97 ** (np.arange(n) // 18),
        }
    )
    log.add(test__eer=0.0121, test__minDCF=0.131)
    return log
