"""Language models of characters, and adversarial pairs of networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, training
from benchmarks.diagnosis.trainings.nets import Adam, Net, clip, cross_entropy, norm
from benchmarks.diagnosis.trainings.supervised import cosine


def language(rng: Rng, symbols: int = 24, order: int = 2) -> Array:
    """Transition probabilities of a random language: (symbols ** order, symbols)."""
    return np.asarray(rng.dirichlet(np.full(symbols, 0.15), symbols**order))


def speak(rng: Rng, table: Array, n: int) -> np.ndarray:
    """A text of n symbols."""
    symbols = table.shape[1]
    out = np.zeros(n, np.int64)
    draws = rng.random(n)
    sums = table.cumsum(axis=1)
    for i in range(2, n):
        row = int(out[i - 2] * symbols + out[i - 1])
        out[i] = min(int(np.searchsorted(sums[row], draws[i])), symbols - 1)
    return out


def model_language(
    log: Log,
    rng: Rng,
    *,
    steps: int,
    lr: Any,
    limit: float = 1.0,
    text: int = 60_000,
    width: int = 96,
    every: int = 25,
    fault: Any = None,
    max_norm: bool = True,
) -> list[tuple[int, float]]:
    """A two-symbol-context model, logged under nanoGPT's and Trainer-like names."""
    table = language(rng)
    symbols = table.shape[1]
    train, held_out = speak(rng, table, text), speak(rng, table, 20_000)
    net, optimiser = Net.make(rng, 2 * symbols, width, symbols), Adam()
    if max_norm:
        log.config(grad_clip=limit)
    eye = np.eye(symbols)
    truth: list[tuple[int, float]] = []

    def batch(source: Any, at: Any) -> tuple[Array, Any]:
        return np.concatenate([eye[source[at]], eye[source[at + 1]]], axis=1), source[at + 2]

    for step in range(steps):
        x, y = batch(train, rng.integers(0, len(train) - 3, 256))
        if fault is not None:
            fault(step, net, x, y)
        loss, d, _ = cross_entropy(net.forward(x), y)
        gradients = net.backward(d)
        rate = lr(step) if callable(lr) else lr
        row = {
            "train__loss": loss,
            "lr": rate,
            "grad_norm": norm(gradients),
            "tokens": 256.0 * (step + 1),
        }
        optimiser.step(net.parameters, clip(gradients, limit), rate)
        if step % every == 0:
            a, b = batch(held_out, np.arange(len(held_out) - 3))
            value = cross_entropy(net.forward(a), b)[0]
            row |= {"val__loss": value, "val__perplexity": float(np.exp(value))}
            truth.append((step, value))
        log(step, **row)
    return truth


@training(may=("OPT010",))
def healthy_language_model(log: Log, rng: Rng) -> None:
    """Warm-up, cosine, clipping at 1."""
    log.config(max_iters=800, learning_rate=3e-3)
    model_language(log, rng, steps=800, lr=cosine(800, 3e-3, 40))


@training("GEN001", may=("GEN", "OPT010", "OPT004"))
def language_model_small_text(log: Log, rng: Rng) -> None:
    """1,500 symbols of text for a wide model."""
    truth = model_language(log, rng, steps=1000, lr=2e-3, text=1500, width=256)
    log.truth["GEN001"] = min(truth, key=lambda item: item[1])[0]


@training("OPT002", may=("OPT004", "OPT008", "OPT010", "GEN", "OPT006"))
def language_model_wrong_shard(log: Log, rng: Rng) -> None:
    """From step 450 on the text is another language's: symbols are renumbered at every batch."""
    log.truth["OPT002"] = 450

    def renumber(step: int, net: Net, x: Array, y: Any) -> None:
        if step >= 450:
            y[:] = rng.permutation(24)[y]

    model_language(log, rng, steps=800, lr=2e-3, fault=renumber)


def adversaries(
    log: Log,
    rng: Rng,
    *,
    steps: int,
    judge_rate: float,
    judge_steps: int,
    judge_width: int,
    maker_rate: float,
    smooth: float = 0.0,
    noise: float = 0.0,
) -> None:
    """A generator of points on a ring and its discriminator (non-saturating losses)."""
    maker, judge = Net.make(rng, 8, 64, 2), Net.make(rng, 2, judge_width, judge_width, 1)
    a, b = Adam(0.5), Adam(0.5)

    def sigmoid(z: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-np.clip(z, -40, 40))))

    for step in range(steps):
        d_loss = 0.0
        for _ in range(judge_steps):
            angle = rng.uniform(0, 2 * np.pi, 128)
            real = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(
                0, 0.05 + noise, (128, 2)
            )
            fake = maker.forward(rng.normal(size=(128, 8))) + rng.normal(0, 1e-9 + noise, (128, 2))
            z = judge.forward(np.concatenate([real, fake]))
            target = np.concatenate([np.full((128, 1), 1 - smooth), np.zeros((128, 1))])
            p = sigmoid(z)
            d_loss = (
                float(-np.mean(target * np.log(p + 1e-12) + (1 - target) * np.log(1 - p + 1e-12)))
                * 2
            )
            b.step(judge.parameters, judge.backward((p - target) / 128), judge_rate)
        fake = maker.forward(rng.normal(size=(128, 8)))
        p = sigmoid(judge.forward(fake + rng.normal(0, 1e-9 + noise, fake.shape)))
        g_loss = float(-np.mean(np.log(p + 1e-12)))
        d = judge_gradient(judge, (p - 1) / 128)
        a.step(maker.parameters, maker.backward(d), maker_rate)
        log(step, d_loss=d_loss, g_loss=g_loss)


def judge_gradient(judge: Net, d: Array) -> Array:
    """The gradient of the discriminator's output with respect to its input."""
    for i in reversed(range(len(judge.weights))):
        d = d @ judge.weights[i].T
        if i:
            d = d * (judge._inputs[i] > 0)
    return d


@training(may=("GEN008",))
def healthy_gan(log: Log, rng: Rng) -> None:
    """Balanced networks, smoothed labels, instance noise: losses that hover, as they should."""
    adversaries(
        log,
        rng,
        steps=1000,
        judge_rate=3e-4,
        judge_steps=1,
        judge_width=32,
        maker_rate=1e-3,
        smooth=0.1,
        noise=0.3,
    )


@training("OPT018", may=("GEN008",))
def discriminator_wins(log: Log, rng: Rng) -> None:
    """A discriminator with a large learning rate and five steps to the generator's one."""
    adversaries(
        log, rng, steps=800, judge_rate=2e-3, judge_steps=3, judge_width=128, maker_rate=1e-6
    )
