"""Policy gradients on a spelling task, and Q-learning on a chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, training
from benchmarks.diagnosis.trainings.nets import Adam, Net, clip, norm, softmax

PROMPTS, LENGTH, SYMBOLS = 12, 6, 8
STOP = SYMBOLS - 1


@dataclass(slots=True)
class Batch:
    """Answers: contexts and tokens (batch, LENGTH), which of them count, and the sampler's log p."""

    prompt: Any
    x: Array
    tokens: Any
    alive: Any
    log_p: Array


def encode(prompt: Any, previous: Any, position: int) -> Array:
    n = len(prompt)
    x = np.zeros((n, PROMPTS + SYMBOLS + 1 + LENGTH))
    rows = np.arange(n)
    x[rows, prompt] = 1
    x[rows, PROMPTS + previous] = 1
    x[:, PROMPTS + SYMBOLS + 1 + position] = 1
    return x


def rollout(net: Net, prompt: Any, rng: Rng, greedy: bool = False) -> Batch:
    n = len(prompt)
    previous, alive_now = np.full(n, SYMBOLS), np.ones(n, bool)
    xs, tokens, alive, logs = [], [], [], []
    for t in range(LENGTH):
        x = encode(prompt, previous, t)
        p = softmax(net.forward(x))
        noise = 0 if greedy else rng.gumbel(size=p.shape)
        token = (np.log(p + 1e-30) + noise).argmax(axis=1)
        xs.append(x)
        tokens.append(token)
        alive.append(alive_now.copy())
        logs.append(np.log(p[np.arange(n), token] + 1e-30))
        alive_now = alive_now & (token != STOP)
        previous = token
    return Batch(
        prompt, np.stack(xs, 1), np.stack(tokens, 1), np.stack(alive, 1), np.stack(logs, 1)
    )


def targets(rng: Rng) -> tuple[Any, Any]:
    """A word for each prompt, and its length."""
    words = rng.integers(0, STOP, (PROMPTS, LENGTH))
    sizes = rng.integers(3, LENGTH, PROMPTS)
    for i, size in enumerate(sizes):
        words[i, size] = STOP
    return words, sizes


def score(batch: Batch, words: Any, sizes: Any) -> Array:
    """Share of the word that is right, at its place."""
    want, size = words[batch.prompt], sizes[batch.prompt]
    inside = np.arange(LENGTH) <= size[:, None]
    right = (batch.tokens == want) & inside & batch.alive
    return np.asarray(right.sum(axis=1) / (size + 1))


def policy_gradient(
    log: Log,
    rng: Rng,
    *,
    steps: int = 400,
    lr: Any = 0.01,
    bonus: float = 0.01,
    epochs: int = 1,
    clip_range: float = 0.2,
    reward: Any = None,
    sampler: Any = None,
    after_step: Any = None,
    groups: int = 24,
    per_group: int = 8,
    limit: float = 0.0,
    extra: Any = None,
    normalise: bool = True,
) -> None:
    """PPO with group-relative advantages; logs what such trainers log.

    `reward(batch, step)` gives rewards; `sampler(net)` the policy that samples; `extra(net, batch)`
    more metrics.
    """
    words, sizes = targets(rng)
    net, optimiser = Net.make(rng, PROMPTS + SYMBOLS + 1 + LENGTH, 64, SYMBOLS, tanh=True), Adam()
    net.weights[-1] *= 0.3
    for step in range(steps):
        prompt = np.repeat(rng.integers(0, PROMPTS, groups), per_group)
        behind = net if sampler is None else sampler(net)
        batch = rollout(behind, prompt, rng)
        exact = score(batch, words, sizes)
        got = exact if reward is None else reward(batch, step, exact)
        grouped = got.reshape(groups, per_group)
        spread = grouped.std(axis=1, keepdims=True)
        centred = grouped - grouped.mean(axis=1, keepdims=True)
        advantage = (centred / (spread + 1e-4) if normalise else 3 * centred).ravel()
        rate = lr(step) if callable(lr) else lr
        n = len(prompt)
        flat = batch.x.reshape(n * LENGTH, -1)
        tokens, alive = batch.tokens.ravel(), batch.alive.ravel()
        rows, count = np.arange(n * LENGTH), batch.alive.sum()
        adv = np.repeat(advantage, LENGTH)
        old = np.log(softmax(net.forward(flat))[rows, tokens] + 1e-30)
        base = batch.log_p.ravel() if sampler is not None else old
        row: dict[str, float] = {}
        for _ in range(epochs):
            p = softmax(net.forward(flat))
            chosen = np.log(p[rows, tokens] + 1e-30)
            ratio = np.exp(np.clip(chosen - base, -20, 20))
            cut = ((ratio > 1 + clip_range) & (adv > 0)) | ((ratio < 1 - clip_range) & (adv < 0))
            weight = np.where(alive & ~cut, ratio * adv, 0.0) / count
            eye = np.zeros_like(p)
            eye[rows, tokens] = 1
            entropy = -(p * np.log(p + 1e-30)).sum(axis=1)
            d = weight[:, None] * (p - eye)
            d += (bonus * alive / count)[:, None] * p * (np.log(p + 1e-30) + entropy[:, None])
            gradients = net.backward(d)
            size = norm(gradients)
            optimiser.step(net.parameters, clip(gradients, limit) if limit else gradients, rate)
            surrogate = np.where(cut, np.clip(ratio, 1 - clip_range, 1 + clip_range), ratio) * adv
            row = {
                "loss": float(-surrogate[alive].mean()),
                "entropy": float(entropy[alive].mean()),
                "grad_norm": size,
                "clip_fraction": float(cut[alive].mean()),
            }
        new = np.log(softmax(net.forward(flat))[rows, tokens] + 1e-30)
        r = np.exp(np.clip(new - old, -20, 20))
        row |= {
            "approx_kl": float((r - 1 - (new - old))[alive].mean()),
            "reward__mean": float(got.mean()),
            "reward_std": float(spread.mean()),
            "frac_reward_zero_std": float((spread < 1e-6).mean()),
            "completion_length": float(batch.alive.sum(axis=1).mean()),
            "lr": rate,
        }
        if sampler is not None:
            gap = np.exp(old) - np.exp(base)
            k = np.exp(np.clip(old - base, -20, 20))
            row |= {
                "trainer_prob": float(np.exp(old)[alive].mean()),
                "sampler_prob": float(np.exp(base)[alive].mean()),
                "mismatch_kl": float((k - 1 - (old - base))[alive].mean()),
                "masked_fraction": float(((k > 2) | (k < 0.5))[alive].mean()),
                "prob_gap_abs": float(np.abs(gap)[alive].mean()),
            }
        if step % 20 == 0:
            held = score(rollout(net, np.arange(PROMPTS), rng, greedy=True), words, sizes)
            row["eval__accuracy"] = float(held.mean())
        if extra is not None:
            row |= extra(net, batch, step, exact)
        log(step, **row)
        if after_step is not None:
            after_step(step, net)


#: What a policy may do once it trains on samples of another one.
_AFTER_MISMATCH = (
    *("RL002", "RL004", "RL005", "RL006", "RL007", "RL008", "RL013", "RL014"),
    *("OPT008", "GEN004"),
)


@training(may=("RL002",))
def healthy_policy_gradient(log: Log, rng: Rng) -> None:
    """A loss near zero of either sign; the reward grows."""
    policy_gradient(log, rng, steps=220, bonus=0.08, normalise=False)


@training(may=("RL002",))
def healthy_ppo(log: Log, rng: Rng) -> None:
    """Three epochs per batch at a small rate, with an entropy bonus."""
    policy_gradient(log, rng, steps=220, epochs=3, lr=0.004, bonus=0.08, normalise=False)


@training(may=("RL002",))
def healthy_faithful_sampler(log: Log, rng: Rng) -> None:
    """The sampler keeps a float16 copy: as close as half precision is."""

    def half(net: Net) -> Net:
        return Net([w.astype(np.float16).astype(float) for w in net.weights], net.biases, net.tanh)

    policy_gradient(log, rng, steps=220, sampler=half, bonus=0.08, normalise=False)


@training("RL001", may=_AFTER_MISMATCH)
def stale_sampler(log: Log, rng: Rng) -> None:
    """From step 80 on the sampler's weights are no longer refreshed."""
    log.truth["RL001"] = 80
    kept: list[Net] = []
    count = [0]

    def stale(net: Net) -> Net:
        count[0] += 1
        if count[0] <= 80 or not kept:
            kept[:] = [net.copy()]
        return kept[0]

    policy_gradient(
        log, rng, steps=360, sampler=stale, bonus=0.05, lr=0.01, normalise=False, clip_range=1e9
    )


@training("RL001", may=_AFTER_MISMATCH)
def noisy_kernel(log: Log, rng: Rng) -> None:
    """From step 150 on the sampler's logits carry an error of a lossy kernel."""
    log.truth["RL001"] = 150
    count = [0]
    error = rng.normal(0, 2.5, (64, SYMBOLS))

    def lossy(net: Net) -> Net:
        count[0] += 1
        copy = net.copy()
        if count[0] > 150:
            copy.weights[-1] = copy.weights[-1] + error * float(np.abs(copy.weights[-1]).mean())
        return copy

    policy_gradient(log, rng, steps=400, sampler=lossy, bonus=0.02)


@training("RL002", may=("RL008", "RL014", "RL004", "GEN004", "DAT006"))
def entropy_collapses(log: Log, rng: Rng) -> None:
    """No entropy bonus and a large rate: the policy is certain long before it is right."""
    policy_gradient(log, rng, steps=400, bonus=0.0, lr=0.06, per_group=4)


@training("RL006", may=("RL007", "RL014", "RL002", "RL008", "GEN004", "OPT008"))
def entropy_explodes(log: Log, rng: Rng) -> None:
    """From step 250 on a weight decay meant for one step acts on the last layer at every step."""
    log.truth["RL006"] = 250

    def push(step: int, net: Net) -> None:
        if step >= 250:
            net.weights[-1] *= 0.93

    policy_gradient(log, rng, steps=500, bonus=0.01, after_step=push)


@training("DAT004", may=("RL002", "RL010"))
def dead_reward_term(log: Log, rng: Rng) -> None:
    """One of three reward terms compares with what no answer can be."""

    def terms(net: Net, batch: Batch, step: int, exact: Array) -> dict[str, float]:
        never = (batch.tokens == SYMBOLS).all(axis=1)
        return {
            "rewards__letters_reward": float(exact.mean()),
            "rewards__format_reward": float(never.mean()),
        }

    policy_gradient(log, rng, steps=220, bonus=0.08, normalise=False, extra=terms)


@training("RL015", may=("RL002", "RL008", "GEN004", "RL011", "RL014", "RL003", "DAT006"))
def reward_is_hacked(log: Log, rng: Rng) -> None:
    """From step 150 on a bug in the reward pays for one letter more than for the right word."""
    log.truth["RL015"] = 150

    def hackable(batch: Batch, step: int, exact: Array) -> Array:
        if step < 150:
            return exact
        return np.asarray(
            0.3 * exact + 1.5 * ((batch.tokens == 2) & batch.alive).sum(axis=1) / LENGTH
        )

    policy_gradient(log, rng, steps=450, reward=hackable, bonus=0.03, lr=0.006)


@training(
    "RL007",
    may=("RL002", "RL006", "RL008", "RL014", "RL004", "OPT008", "GEN004", "OPT005", "DAT006"),
)
def reward_collapses(log: Log, rng: Rng) -> None:
    """At step 260 the learning rate jumps to 3: one update destroys the policy."""
    log.truth["RL007"] = 260
    policy_gradient(log, rng, steps=420, lr=lambda s: 3.0 if 260 <= s < 263 else 0.008, bonus=0.02)


@training("RL008", may=("RL002", "RL014", "RL004", "GEN004", "RL003", "DAT006", "OPT009"))
def coarse_reward(log: Log, rng: Rng) -> None:
    """A reward for answers of full length alone: soon all get it, and no group has any spread."""

    def long(batch: Batch, step: int, exact: Array) -> Array:
        return np.asarray(0.6 * batch.alive.all(axis=1))

    policy_gradient(log, rng, steps=400, reward=long, lr=0.02, bonus=0.0)


@training("RL014", may=("RL004", "RL002", "RL007", "RL008", "GEN004", "RL006", "OPT008", "DAT006"))
def updates_too_large(log: Log, rng: Rng) -> None:
    """Twelve epochs per batch at a rate of 0.05."""
    policy_gradient(log, rng, steps=250, epochs=8, lr=0.03, bonus=0.3, clip_range=1e9)
