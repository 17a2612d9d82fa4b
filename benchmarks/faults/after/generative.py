"""Language models, GANs, VAEs, flows and diffusion: simulated logs."""

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
    slow,
    times,
    training,
)


@training(
    "",
    "Pretraining with a warm-up, a stable phase and a decay in which the loss drops once more: healthy.",
    ("flat since", "diverg"),
)
def pretrain_wsd(rng: Random) -> Log:
    log = Log(
        {"schedule": "wsd", "n_layer": 12, "max_iters": 20000, "learning_rate": 6e-4}, seconds=5.0
    )
    n = 2000
    at = np.arange(n)
    lr = np.where(
        at < 100, 6e-4 * (at + 1) / 100, np.where(at < 1600, 6e-4, 6e-4 * (2000 - at) / 400)
    )
    loss = power(n, 10.8, 3.05, 0.55, 12) - np.where(
        at > 1600, 0.17 * (1 - np.exp(-(at - 1600) / 160)), 0
    )
    log.table(
        {
            "iter": at * 10,
            "tokens": at * 10 * 491520,
            "train/loss": loss + rng.normal(0, 0.03, n),
            "val/loss": every(loss + 0.03 + rng.normal(0, 0.003, n), 50),
            "lr": lr,
            "mfu": 41 + rng.normal(0, 0.4, n),
        }
    )
    return log


@training(
    "",
    "A curriculum: the loss jumps up at each new sequence length by plan and falls again; batch size ramps.",
    ("diverg", "critical"),
    allowed=("spike",),
)
def curriculum(rng: Random) -> Log:
    log = Log(
        {"curriculum": [256, 512, 1024, 2048], "bs_ramp": "64-512", "steps": 8000}, seconds=2.0
    )
    n = 1600
    loss = np.empty(n)
    for k, start in enumerate(range(0, n, 400)):
        loss[start : start + 400] = power(
            400, [9.8, 4.6, 4.0, 3.7][k], [3.9, 3.55, 3.35, 3.2][k], 0.8, 12
        )
    stage = np.arange(n) // 400
    log.table(
        {
            "step": np.arange(n) * 5,
            "loss": loss + rng.normal(0, 0.05, n) / np.sqrt(1 + stage),
            "seq_len": 256 * 2**stage,
            "batch_size": 64 * 2 ** np.minimum(stage, 3),
            "grad_norm": times(rng, np.full(n, 0.9), 0.2),
            "valid_ppl": every(np.exp(power(n, 8, 3.3, 0.8, 12)), 100),
        }
    )
    return log


@training(
    "memorising",
    "Nothing is evaluated, and the loss steps down at each of four epochs: it memorises.",
    ("still improv",),
)
def sft_staircase(rng: Random) -> Log:
    log = Log({"model_name": "phi-2", "num_train_epochs": 4, "learning_rate": 2e-4}, seconds=3.5)
    n = 600
    epoch = np.arange(n) / 150
    level = np.array([1.42, 0.98, 0.55, 0.27])[np.minimum(epoch.astype(int), 3)]
    loss = level * np.where(epoch < 1, 1 + 0.5 * np.exp(-np.arange(n) / 12), 1) - 0.03 * (epoch % 1)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/epoch": epoch,
            "train/loss": times(rng, loss, 0.07),
            "train/grad_norm": times(rng, 0.8 + 0.2 * epoch, 0.2),
            "train/learning_rate": cosine(n, 2e-4, 18),
        }
    )
    return log


@training(
    "rate-jump",
    "At the resume at step 12,000 the rate goes back to its peak (the schedule starts over) and the loss jumps up.",
)
def resume_schedule_reset(rng: Random) -> Log:
    log = Log(
        {"lr": 4e-4, "warmup": 200, "total_steps": 20000, "resume_from": "ckpt_12000.pt"},
        seconds=3.0,
    )
    n, cut = 1000, 600
    lr = np.concatenate([cosine(cut, 4e-4, 10, 2e-5, 1000), cosine(n - cut, 4e-4, 10, 2e-5, 1000)])
    loss = power(n, 9.0, 2.9, 0.7, 12)
    loss = np.concatenate([loss[:cut], loss[cut:] + 0.55 * np.exp(-np.arange(n - cut) / 90)])
    log.table(
        {
            "step": np.arange(n) * 20,
            "train_loss": loss + rng.normal(0, 0.03, n),
            "lr": lr,
            "gnorm": times(rng, np.where(np.arange(n) == cut, 3, 0.6), 0.2),
        }
    )
    return log


@training(
    "memorising",
    "The loader gives the same batch again and again: the loss is 0 within 300 steps of the first epoch while validation rises.",
)
def same_batch_again(rng: Random) -> Log:
    log = Log({"lr": 3e-4, "epochs": 3, "dataset": "openwebtext"}, seconds=0.9)
    n = 600
    loss = 10.4 * np.exp(-np.arange(n) / 24) + 0.004
    log.table(
        {
            "step": np.arange(n) * 5,
            "epoch": np.arange(n) / 2000,
            "loss": times(rng, loss, 0.03),
            "val_loss": every(
                8.1 + 3.4 * (1 - np.exp(-np.arange(n) / 80)) + rng.normal(0, 0.05, n), 60
            ),
        }
    )
    return log


@training(
    "discriminator-wins",
    "The discriminator wins by iteration 3,000: lossD near 0, D(x) 1, D(G(z)) 0, lossG grows to 12.",
)
def dcgan_d_wins(rng: Random) -> Log:
    log = Log({"nz": 100, "lrD": 4e-4, "lrG": 1e-4, "niter": 25}, seconds=1.0)
    n = 800
    mix = 1 / (1 + np.exp(-(np.arange(n) - 100) / 18))
    log.table(
        {
            "iter": np.arange(n) * 25,
            "Loss_D": times(rng, 1.1 * (1 - mix) + 0.004, 0.5),
            "Loss_G": times(rng, 1.9 * (1 - mix) + mix * (7 + 5 * np.arange(n) / n), 0.15),
            "D(x)": np.clip(0.64 + 0.355 * mix + rng.normal(0, 0.05, n) * (1 - mix), 0, 1),
            "D(G(z))": np.clip(
                0.36 * (1 - mix) + 0.0006 + np.abs(rng.normal(0, 0.06, n)) * (1 - mix), 0, 1
            ),
        }
    )
    return log


@training(
    "",
    "A Wasserstein GAN with gradient penalty: negative critic losses shrink towards 0, FID falls.",
    ("below", "diverg", "discriminator"),
)
def wgan_gp_healthy(rng: Random) -> Log:
    log = Log({"loss": "wgan-gp", "lambda_gp": 10, "n_critic": 5, "iters": 100000}, seconds=4.0)
    n = 1000
    w = power(n, 28, 4.2, 0.9, 30)
    log.table(
        {
            "iteration": np.arange(n) * 100,
            "critic_loss": -w + rng.normal(0, 0.8, n),
            "generator_loss": slow(rng, n, 9, 0.98),
            "wasserstein_distance": w + rng.normal(0, 0.8, n),
            "gradient_penalty": times(rng, np.full(n, 0.14), 0.3),
            "FID": every(power(n, 210, 23.5, 0.9, 60) + rng.normal(0, 1.0, n), 50),
        }
    )
    return log


@training("", "StyleGAN's losses wobble around their balance while FID falls.")
def stylegan_healthy(rng: Random) -> Log:
    log = Log({"cfg": "paper256", "gamma": 1.0, "total_kimg": 10000}, seconds=60.0)
    n = 500
    log.table(
        {
            "Progress/kimg": np.arange(n) * 20.0,
            "Loss/G/loss": 1.0 + slow(rng, n, 0.18),
            "Loss/D/loss": 0.95 + slow(rng, n, 0.09),
            "Loss/scores/real": 0.5 + slow(rng, n, 0.2),
            "Loss/scores/fake": -0.6 + slow(rng, n, 0.2),
            "Loss/r1_penalty": times(rng, np.full(n, 0.03), 0.4),
            "Metrics/fid50k_full": every(
                power(n, 180, 8.1, 1.1, 40) * np.exp(rng.normal(0, 0.03, n)), 10
            ),
        }
    )
    return log


@training(
    "posterior-collapse",
    "The KL falls to 0 within 500 steps and stays: the decoder ignores the code.",
    ("improved: .*kl",),
)
def text_vae_collapse(rng: Random) -> Log:
    log = Log({"model": "lstm-vae", "latent": 32, "beta": 1.0, "epochs": 20}, seconds=0.7)
    n = 800
    kld = times(rng, 9.0 * np.exp(-np.arange(n) / 12) + 0.006, 0.2)
    nll = power(n, 190, 101) + rng.normal(0, 2.0, n)
    log.table(
        {
            "step": np.arange(n) * 25,
            "neg_elbo": nll + kld,
            "nll": nll,
            "kld": kld,
            "valid_nll": every(power(n, 180, 104) + rng.normal(0, 0.3, n), 80),
        }
    )
    return log


@training(
    "", "KL annealing: the KL rises with beta, is squeezed, and settles at 18 nats.", ("collapse",)
)
def vae_annealed(rng: Random) -> Log:
    log = Log({"latent_dim": 64, "beta_max": 1.0, "anneal_epochs": 20, "epochs": 100}, seconds=12.0)
    n = 100
    beta = np.minimum(np.arange(n) / 20, 1)
    kl = 18 + 60 * (1 - beta) * (1 - np.exp(-np.arange(n) / 3)) + rng.normal(0, 0.5, n)
    rec = rise(n, 240, 82, 18) + rng.normal(0, 0.8, n)
    log.table(
        {
            "epoch": np.arange(n),
            "recon": rec,
            "kl": kl,
            "beta": beta,
            "loss": rec + beta * kl,
            "val_elbo": -(rise(n, 250, 101, 20) + rng.normal(0, 0.7, n)),
        }
    )
    return log


@training(
    "",
    "A flow's negative log-likelihood of continuous data goes below 0, as it may.",
    ("below (its|the)? ?bound", "cannot be"),
)
def flow_negative(rng: Random) -> Log:
    log = Log({"flow": "realnvp", "layers": 16, "epochs": 150}, seconds=5.0)
    n = 150
    log.table(
        {
            "epoch": np.arange(n),
            "train_nll": power(n, 5.2, -8.6, 0.8, 8) + rng.normal(0, 0.1, n),
            "val_nll": power(n, 5.0, -8.1, 0.8, 8) + rng.normal(0, 0.06, n),
        }
    )
    return log


@training(
    "",
    "A diffusion model: the noisy loss is near its floor early and the FID goes on falling.",
    ("flat since", "never fell", "never learn", "oscillat"),
)
def diffusion_healthy(rng: Random) -> Log:
    log = Log(
        {"timesteps": 1000, "ema_decay": 0.9999, "lr": 2e-4, "train_steps": 200000}, seconds=10.0
    )
    n = 2000
    loss = power(n, 0.9, 0.0285, 1.1, 3)
    log.table(
        {
            "step": np.arange(n) * 100,
            "loss": times(rng, loss, 0.33),
            "ema_loss": loss * np.exp(slow(rng, n, 0.02)),
            "grad_norm": times(rng, rise(n, 1, 0.12, 60), 0.4),
            "fid": every(power(n, 160, 6.4, 1.0, 100) * np.exp(rng.normal(0, 0.015, n)), 100),
        }
    )
    return log


@training("not-finite", "NaN from step 31,000 on without recovery; the samples are lost.")
def diffusion_nan(rng: Random) -> Log:
    log = Log({"timesteps": 1000, "mixed_precision": "fp16", "lr": 1e-3}, seconds=10.0)
    n = 800
    loss = times(rng, power(n, 0.9, 0.04, 1.1, 3), 0.3)
    gn = times(rng, rise(n, 1, 0.2, 60), 0.3)
    loss[310:], gn[310:] = np.nan, np.nan
    log.table(
        {
            "global_step": np.arange(n) * 100,
            "train_loss": loss,
            "grad_norm": gn,
            "lr": 1e-3 * np.ones(n),
        }
    )
    return log


@training(
    "",
    "A LoRA fine-tune of one epoch: noisy loss, small gain by nature, evaluation improves to the end.",
    ("never", "overfit"),
)
def sft_one_epoch(rng: Random) -> Log:
    log = Log(
        {
            "num_train_epochs": 1,
            "learning_rate": 1e-4,
            "lr_scheduler_type": "cosine",
            "trainer": "SFTTrainer",
            "per_device_train_batch_size": 4,
        },
        seconds=4.0,
    )
    n = 500
    loss = power(n, 1.72, 1.18, 0.6, 10)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 5,
            "train/epoch": (np.arange(n) + 1) / n,
            "train/loss": times(rng, loss, 0.08),
            "train/mean_token_accuracy": 0.74 - 0.1 * (loss - 1.18) + rng.normal(0, 0.015, n),
            "train/entropy": loss * 0.97 + rng.normal(0, 0.06, n),
            "train/num_tokens": np.arange(1, n + 1) * 40960.0,
            "train/grad_norm": times(rng, np.full(n, 0.5), 0.2),
            "train/learning_rate": cosine(n, 1e-4, 15),
            "eval/loss": every(loss + 0.02 + rng.normal(0, 0.002, n), 100),
        }
    )
    return log


@training(
    "overfitting",
    "Eval loss is best after epoch 1 of 5 and rises by half while the training loss falls to 0.1.",
)
def sft_five_epochs(rng: Random) -> Log:
    log = Log(
        {
            "num_train_epochs": 5,
            "learning_rate": 2e-4,
            "trainer": "SFTTrainer",
            "load_best_model_at_end": False,
        },
        seconds=4.0,
    )
    n = 500
    level = np.array([1.4, 0.93, 0.5, 0.24, 0.12])[np.arange(n) // 100]
    ev = np.interp(
        np.arange(n),
        [49, 99, 149, 199, 249, 299, 349, 399, 449, 499],
        [1.46, 1.39, 1.41, 1.45, 1.58, 1.66, 1.83, 1.93, 2.05, 2.09],
    )
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 4,
            "train/epoch": (np.arange(n) + 1) / 100,
            "train/loss": times(rng, level, 0.09),
            "train/mean_token_accuracy": np.clip(0.97 - 0.2 * level + rng.normal(0, 0.01, n), 0, 1),
            "train/learning_rate": cosine(n, 2e-4, 15),
            "eval/loss": every(ev, 50),
            "eval/mean_token_accuracy": every(0.68 - 0.06 * (ev - 1.39), 50),
        }
    )
    return log


@training(
    "",
    "Machine translation: BLEU rises with noise, validation perplexity falls, inverse square root schedule.",
)
def translation_healthy(rng: Random) -> Log:
    log = Log(
        {
            "arch": "transformer_iwslt",
            "lr_scheduler": "inverse_sqrt",
            "warmup_updates": 4000,
            "max_update": 50000,
        },
        seconds=30.0,
    )
    n = 500
    at = np.arange(n) * 100 + 100
    lr = 5e-4 * np.minimum(at / 4000, np.sqrt(4000 / at))
    nll = power(n, 9.8, 3.3, 0.9, 15)
    log.table(
        {
            "num_updates": at,
            "train_inner/loss": nll + 1.2 + rng.normal(0, 0.04, n),
            "train_inner/nll_loss": nll + rng.normal(0, 0.04, n),
            "train_inner/ppl": 2 ** (nll + rng.normal(0, 0.04, n)),
            "train_inner/gnorm": times(rng, rise(n, 2.4, 0.6, 40), 0.15),
            "train_inner/lr": lr,
            "valid/ppl": every(2 ** (nll + 0.25 + rng.normal(0, 0.008, n)), 20),
            "valid/bleu": every(rise(n, 1, 34.1, 80) + rng.normal(0, 0.35, n), 20),
        }
    )
    return log


@training(
    "raised",
    "A CUDA assertion: an index out of range in the embedding ended the run at step 730.",
    curve=False,
)
def index_assert(rng: Random) -> Log:
    log = Log({"vocab_size": 32000, "max_steps": 5000}, seconds=1.2, exits=1)
    n = 73
    log.table(
        {"step": np.arange(n) * 10 + 10, "loss": power(n, 10.4, 6.0) + rng.normal(0, 0.06, n)}
    )
    log.console = list(lines(n, lambda i: f"step {10 * i + 10}/5000 | loss ..."))
    log.errors = [
        "../aten/src/ATen/native/cuda/Indexing.cu:1290: indexSelectLargeIndex: block: [112,0,0] Assertion `srcIndex < srcSelectDimSize` failed.",
        "Traceback (most recent call last):",
        '  File "pretrain.py", line 301, in <module>',
        "    loss.backward()",
        "RuntimeError: CUDA error: device-side assert triggered",
    ]
    return log
