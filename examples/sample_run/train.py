"""The bundled sample run: a small policy-gradient training with a real fault in it.

A two-layer network learns, by REINFORCE, to spell numbers letter by letter (3 -> "three."). As in
large-scale training, sampling is done by a separate copy of the network. The copy is stored in 8-bit
fixed point whose range was calibrated on the *initial* weights, and the conversion overflows instead
of saturating. While the weights are small, both copies agree; as they grow, more and more of the
sampler's weights change sign, and trainer and sampler assign different probabilities to the same
tokens: trainer-inference mismatch. One of the three reward terms is dead as well: it compares with a
string that no answer can equal.

Nothing is simulated: every logged number is measured in the training. To make the run again:

    pip install numpy "wandb>=0.31"
    python examples/sample_run/train.py OUT
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import wandb
from numpy.typing import NDArray

Array = NDArray[np.float64]

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
VOCABULARY = "".join(sorted(set("".join(WORDS)))) + "."
STOP = len(VOCABULARY) - 1
LENGTH = 8  # the most tokens of an answer
HIDDEN = 64
CONFIG: dict[str, Any] = {
    "max_steps": 480,
    "batch_size": 256,
    "seed": 7,
    "optim": {"type": "adam", "lr": 0.01, "scheduler": {"type": "constant"}},
    "entropy_bonus": 0.02,
    "sampler": {"precision": "int8 fixed point", "calibration": "initial weights", "range": 5.0},
    "importance_ratio": {"low": 0.5, "high": 2.0},
    "rewards": ["letters", "stop", "exact"],
    "eval_every": 20,
}


@dataclass
class Policy:
    """Next-token logits from the prompt's number, the previous token and the position."""

    first: Array  # (inputs, HIDDEN)
    second: Array  # (HIDDEN, tokens)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Policy:
        inputs = len(WORDS) + len(VOCABULARY) + 1 + LENGTH
        return cls(
            rng.normal(0, 0.3, (inputs, HIDDEN)),
            rng.normal(0, 0.3, (HIDDEN, len(VOCABULARY))),
        )

    def logits(self, x: Array) -> tuple[Array, Array]:
        hidden = np.tanh(x @ self.first)
        return hidden @ self.second, hidden

    def in_fixed_point(self, scales: tuple[float, float]) -> Policy:
        """The sampler's copy: 8-bit steps of a fixed scale. The fault: no clipping before int8."""
        parts = [
            np.rint(w / s).astype(np.int64).astype(np.int8) * s
            for w, s in zip((self.first, self.second), scales, strict=True)
        ]
        return Policy(np.asarray(parts[0], np.float64), np.asarray(parts[1], np.float64))


def encode(prompt: NDArray[np.int64], previous: NDArray[np.int64], position: int) -> Array:
    """One-hot prompt, previous token (one more value for "none") and position. (batch, inputs)"""
    n = len(prompt)
    x = np.zeros((n, len(WORDS) + len(VOCABULARY) + 1 + LENGTH))
    rows = np.arange(n)
    x[rows, prompt] = 1
    x[rows, len(WORDS) + previous] = 1
    x[:, len(WORDS) + len(VOCABULARY) + 1 + position] = 1
    return x


def log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


@dataclass
class Rollouts:
    """Answers of one batch: per position inputs, tokens, whether it counts, sampler's log p."""

    prompt: NDArray[np.int64]
    x: list[Array]
    tokens: NDArray[np.int64]
    alive: NDArray[np.bool_]
    log_p: Array


def sample(policy: Policy, prompt: NDArray[np.int64], rng: np.random.Generator | None) -> Rollouts:
    """Answers by sampling, or greedy ones without `rng`."""
    n = len(prompt)
    previous = np.full(n, len(VOCABULARY))
    running = np.ones(n, bool)
    xs: list[Array] = []
    tokens = np.zeros((n, LENGTH), np.int64)
    alive = np.zeros((n, LENGTH), bool)
    log_p = np.zeros((n, LENGTH))
    for t in range(LENGTH):
        x = encode(prompt, previous, t)
        lp = log_softmax(policy.logits(x)[0])
        token = (lp if rng is None else lp + rng.gumbel(size=lp.shape)).argmax(axis=1)
        xs.append(x)
        tokens[:, t], alive[:, t] = token, running
        log_p[:, t] = lp[np.arange(n), token]
        running = running & (token != STOP)
        previous = token
    return Rollouts(prompt, xs, tokens, alive, log_p)


def rewards(r: Rollouts) -> dict[str, Array]:
    """Reward terms per answer, each in 0..1."""
    target = np.full((len(WORDS), LENGTH), STOP)
    for i, word in enumerate(WORDS):
        target[i, : len(word)] = [VOCABULARY.index(c) for c in word]
    long = np.array([len(word) + 1 for word in WORDS])[r.prompt]
    lengths = r.alive.sum(axis=1)
    inside = r.alive & (np.arange(LENGTH) < long[:, None])
    right = ((r.tokens == target[r.prompt]) & inside).sum(axis=1) / long
    stopped = (r.tokens == STOP).any(axis=1) & (lengths == long)
    # The fault of the third term: answers carry their full stop, the reference does not.
    exact = [answer(r, i) == WORDS[p] for i, p in enumerate(r.prompt)]
    return {"letters": right, "stop": stopped.astype(float), "exact": np.array(exact, float)}


def answer(r: Rollouts, i: int) -> str:
    """The i-th answer as text."""
    return "".join(VOCABULARY[t] for t in r.tokens[i][r.alive[i]])


class Adam:
    def __init__(self, lr: float) -> None:
        self.lr, self.t = lr, 0
        self.m: dict[str, Array] = {}
        self.v: dict[str, Array] = {}

    def step(self, policy: Policy, gradients: dict[str, Array]) -> None:
        self.t += 1
        for name, g in gradients.items():
            m = self.m[name] = 0.9 * self.m.get(name, np.zeros_like(g)) + 0.1 * g
            v = self.v[name] = 0.999 * self.v.get(name, np.zeros_like(g)) + 0.001 * g * g
            update = (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)
            setattr(policy, name, getattr(policy, name) - self.lr * update)


def train_step(policy: Policy, r: Rollouts, advantage: Array) -> tuple[dict[str, Any], Any]:
    """Metrics and gradients of the policy-gradient loss with masked importance ratios."""
    low, high = CONFIG["importance_ratio"]["low"], CONFIG["importance_ratio"]["high"]
    count = r.alive.sum()
    grads = {"first": np.zeros_like(policy.first), "second": np.zeros_like(policy.second)}
    loss, entropy, p_trainer, p_sampler, kl, masked = [], [], [], [], [], []
    rows = np.arange(len(r.prompt))
    for t in range(LENGTH):
        on = r.alive[:, t]
        logits, hidden = policy.logits(r.x[t])
        lp = log_softmax(logits)
        p = np.exp(lp)
        chosen = lp[rows, r.tokens[:, t]]
        ratio = np.exp(chosen - r.log_p[:, t])
        keep = on & (ratio > low) & (ratio < high)
        weight = np.where(keep, ratio * advantage, 0.0) / count
        d_logits = weight[:, None] * (p - np.eye(len(VOCABULARY))[r.tokens[:, t]])
        here = -(p * lp).sum(axis=1)
        bonus = CONFIG["entropy_bonus"] * on / count
        d_logits += bonus[:, None] * p * (lp + here[:, None])
        grads["second"] += hidden.T @ d_logits
        grads["first"] += r.x[t].T @ ((d_logits @ policy.second.T) * (1 - hidden**2))
        loss += list((-(ratio * advantage) * keep)[on])
        entropy += list(here[on])
        p_trainer += list(np.exp(chosen)[on])
        p_sampler += list(np.exp(r.log_p[:, t])[on])
        kl += list((ratio - 1 - np.log(ratio))[on])  # Schulman's k3 estimate
        masked += list((~keep)[on].astype(float))
    norm = float(np.sqrt(sum((g**2).sum() for g in grads.values())))
    metrics = {
        "policy/loss": np.mean(loss),
        "policy/loss_std": np.std(loss),
        "policy/entropy": np.mean(entropy),
        "policy/entropy_std": np.std(entropy),
        "policy/trainer_prob": np.mean(p_trainer),
        "policy/sampler_prob": np.mean(p_sampler),
        "policy/mismatch_kl": np.mean(kl),
        "policy/masked_fraction": np.mean(masked),
        "optim/grad_norm": norm,
    }
    return {k: float(v) for k, v in metrics.items()}, grads


def main(folder: Path) -> None:
    rng = np.random.default_rng(CONFIG["seed"])
    policy = Policy.random(rng)
    scale = CONFIG["sampler"]["range"] / 127
    scales = (float(policy.first.std()) * scale, float(policy.second.std()) * scale)
    optimizer = Adam(CONFIG["optim"]["lr"])
    settings = wandb.Settings(
        x_disable_machine_info=True,  # the run is published: no names or paths of a machine
        disable_git=True,
        x_stats_sampling_interval=1.0,
        program="train.py",
        host="example",
        username="example",
        email="",
    )
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        mode="offline",
        dir=str(folder),
        project="spelling",
        id="sample01",
        name="int8-sampler",
        config=CONFIG,
        tags=["sample", "policy-gradient"],
        group="spelling-int8",
        job_type="train",
        notes="Bundled with postrun: see examples/sample_run/train.py",
        settings=settings,
    )
    run.define_metric("reward/mean", summary="max")
    run.define_metric("eval/*", step_metric="progress/samples")
    samples = 0
    for step in range(CONFIG["max_steps"]):
        began = time.perf_counter()
        prompt = rng.integers(0, len(WORDS), CONFIG["batch_size"])
        rollouts = sample(policy.in_fixed_point(scales), prompt, rng)
        sampled = time.perf_counter()
        terms = rewards(rollouts)
        total = 0.6 * terms["letters"] + 0.3 * terms["stop"] + 0.1 * terms["exact"]
        advantage = (total - total.mean()) / (total.std() + 1e-6)
        metrics, gradients = train_step(policy, rollouts, advantage)
        optimizer.step(policy, gradients)
        took = time.perf_counter() - began
        samples += len(prompt)
        metrics |= {
            "reward/mean": float(total.mean()),
            "reward/std": float(total.std()),
            "completion_len/mean": float(rollouts.alive.sum(axis=1).mean()),
            "is_truncated/mean": float((~(rollouts.tokens == STOP).any(axis=1)).mean()),
            "optim/lr": optimizer.lr,
            "perf/tokens_per_sec": float(rollouts.alive.sum() / took),
            "time/step": took,
            "time/sample": sampled - began,
            "progress/samples": samples,
        }
        metrics |= {f"metrics/{k}_reward": float(v.mean()) for k, v in terms.items()}
        if step % CONFIG["eval_every"] == 0 or step == CONFIG["max_steps"] - 1:
            greedy = sample(policy, np.arange(len(WORDS)), None)
            scores = rewards(greedy)
            metrics["eval/reward"] = float((0.6 * scores["letters"] + 0.3 * scores["stop"]).mean())
            metrics["eval/weights"] = wandb.Histogram(policy.second.ravel(), num_bins=16)
            metrics["eval/answer_to_3"] = answer(greedy, 2)
            print(f"step {step:3d}  reward {total.mean():.3f}  3 is {answer(greedy, 2)}")
        run.log(metrics, step=step)
        print(f"\r{step + 1}/{CONFIG['max_steps']}", end="", file=sys.stderr)
        time.sleep(0.01)  # long enough in all for a few system samples
    print(file=sys.stderr)
    run.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
