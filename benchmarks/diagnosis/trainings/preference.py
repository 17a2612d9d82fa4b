"""Direct preference optimisation of a small policy over sentences of a few symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, training
from benchmarks.diagnosis.trainings.nets import Adam, Net, norm, softmax

PROMPTS, LENGTH, SYMBOLS = 40, 6, 12


def prefer(log: Log, rng: Rng, *, steps: int, lr: float, beta: float, noise: float, pairs: int, shared: int = 0,
           fresh: bool = False) -> None:  # fmt: skip
    """DPO; `noise` is the share of pairs whose order is wrong, `shared` the common first symbols.

    Answers are independent symbols given prompt and position; one secret symbol per prompt and
    position is better than the others.
    """
    net, optimiser = Net.make(rng, PROMPTS + LENGTH, 64, SYMBOLS, tanh=True), Adam()
    reference = net.copy()
    good = rng.integers(0, SYMBOLS, (PROMPTS, LENGTH))

    def make(n: int) -> tuple[Any, Any, Any]:
        prompt = rng.integers(0, PROMPTS, n)
        a, b = rng.integers(0, SYMBOLS, (2, n, LENGTH))
        better = rng.random((n, LENGTH)) < 0.4
        a = np.where(better, good[prompt], a)
        b[:, :shared] = a[:, :shared]
        swap = rng.random(n) < noise
        return prompt, np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)

    fixed = make(pairs)
    held_out = make(600)

    def inputs(prompt: Any) -> Array:
        x = np.zeros((len(prompt), LENGTH, PROMPTS + LENGTH))
        x[np.arange(len(prompt)), :, prompt] = 1
        x[:, np.arange(LENGTH), PROMPTS + np.arange(LENGTH)] = 1
        return x.reshape(-1, PROMPTS + LENGTH)

    def log_p(model: Net, x: Array, tokens: Any) -> tuple[Array, Array]:
        p = softmax(model.forward(x))
        return np.log(p[np.arange(len(x)), tokens.ravel()] + 1e-30).reshape(tokens.shape).sum(
            axis=1
        ), p

    for step in range(steps):
        if fresh:
            prompt, chosen, rejected = make(64)
        else:
            at = rng.integers(0, pairs, 64)
            prompt, chosen, rejected = (part[at] for part in fixed)
        x = inputs(prompt)
        ref_c, ref_r = log_p(reference, x, chosen)[0], log_p(reference, x, rejected)[0]
        lp_c, p = log_p(net, x, chosen)
        lp_r, p = log_p(net, x, rejected)
        reward_c, reward_r = beta * (lp_c - ref_c), beta * (lp_r - ref_r)
        margin = reward_c - reward_r
        slope = -beta / (1 + np.exp(np.clip(margin, -40, 40))) / 64
        d = np.zeros_like(p)
        rows = np.arange(len(p))
        weight = np.repeat(slope, LENGTH)
        # The gradient of log p is (one-hot - p): p cancels between chosen and rejected.
        d[rows, chosen.ravel()] += weight
        d[rows, rejected.ravel()] -= weight
        gradients = net.backward(d)
        optimiser.step(net.parameters, gradients, lr)
        row = {
            "train__loss": float(np.log1p(np.exp(-np.clip(margin, -40, 40))).mean()),
            "train__rewards__chosen": float(reward_c.mean()),
            "train__rewards__rejected": float(reward_r.mean()),
            "train__rewards__margins": float(margin.mean()),
            "train__rewards__accuracies": float((margin > 0).mean()),
            "train__logps__chosen": float(lp_c.mean()),
            "train__logps__rejected": float(lp_r.mean()),
            "train__learning_rate": lr,
            "train__grad_norm": norm(gradients),
        }
        if step % 20 == 0:
            hp, hc, hr = held_out
            hx = inputs(hp)
            gap = beta * (log_p(net, hx, hc)[0] - log_p(reference, hx, hc)[0]) - beta * (
                log_p(net, hx, hr)[0] - log_p(reference, hx, hr)[0]
            )
            row["eval__loss"] = float(np.log1p(np.exp(-np.clip(gap, -40, 40))).mean())
            row["eval__rewards__accuracies"] = float((gap > 0).mean())
        log(step, **row)


@training(may=("PREF002",))
def healthy_dpo(log: Log, rng: Rng) -> None:
    """Fresh pairs, a fifth of them in the wrong order, a small rate."""
    prefer(log, rng, steps=500, lr=1e-3, beta=0.1, noise=0.15, pairs=64, fresh=True)


@training("PREF001", may=("OPT006", "GEN"))
def random_preferences(log: Log, rng: Rng) -> None:
    """Pairs in random order: there is nothing to learn."""
    prefer(log, rng, steps=400, lr=3e-4, beta=0.1, noise=0.5, pairs=64, fresh=True)


@training("PREF003", may=("GEN", "PREF002", "OPT009", "OPT004"))
def few_pairs(log: Log, rng: Rng) -> None:
    """120 pairs, seen a hundred times: all are ranked early, and the margin goes on."""
    prefer(log, rng, steps=600, lr=4e-3, beta=0.3, noise=0.0, pairs=120)


@training("PREF002", may=("PREF003", "GEN", "OPT009", "OPT004"))
def likelihood_displaced(log: Log, rng: Rng) -> None:
    """Pairs that differ in the last symbol alone, at a large rate: both answers lose probability."""
    prefer(log, rng, steps=600, lr=1.5e-2, beta=0.05, noise=0.02, pairs=300, shared=5)
