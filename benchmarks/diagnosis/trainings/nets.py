"""A small network with its gradient, and optimisers: enough for real trainings with NumPy."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Rng


def softmax(z: Array) -> Array:
    shifted = z - z.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@dataclass(slots=True)
class Net:
    """Layers of weights and biases with ReLU or tanh in between."""

    weights: list[Array]
    biases: list[Array]
    tanh: bool = False
    _inputs: list[Array] = field(default_factory=list)
    _masks: list[Array] = field(default_factory=list)

    @classmethod
    def make(cls, rng: Rng, *sizes: int, tanh: bool = False) -> Net:
        pairs = list(itertools.pairwise(sizes))
        gain = 1.0 if tanh else 2.0
        return cls(
            [rng.normal(0, (gain / a) ** 0.5, (a, b)) for a, b in pairs],
            [np.zeros(b) for _, b in pairs],
            tanh,
        )

    @property
    def parameters(self) -> list[Array]:
        return [*self.weights, *self.biases]

    def forward(self, x: Array, dropout: float = 0.0, rng: Rng | None = None) -> Array:
        self._inputs, self._masks = [], []
        for i, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            self._inputs.append(x)
            x = x @ w + b
            if i < len(self.weights) - 1:
                x = np.tanh(x) if self.tanh else np.maximum(x, 0)
                mask = np.ones_like(x)
                if dropout and rng is not None:
                    mask = (rng.random(x.shape) >= dropout) / (1 - dropout)
                self._masks.append(mask)
                x = x * mask
        return x

    def backward(self, d: Array) -> list[Array]:
        """Gradients of all parameters from that of the output, after a `forward`."""
        dw: list[Array] = []
        db: list[Array] = []
        for i in reversed(range(len(self.weights))):
            dw.insert(0, self._inputs[i].T @ d)
            db.insert(0, d.sum(axis=0))
            if i:
                out = self._inputs[i]
                d = (d @ self.weights[i].T) * self._masks[i - 1]
                d = d * (1 - out**2 if self.tanh else (out > 0))
        return [*dw, *db]

    def copy(self) -> Net:
        return Net([w.copy() for w in self.weights], [b.copy() for b in self.biases], self.tanh)


def norm(gradients: list[Array]) -> float:
    return float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))


def clip(gradients: list[Array], limit: float) -> list[Array]:
    """Gradients scaled down to a norm of `limit` where it is larger."""
    size = norm(gradients)
    return [g * (limit / size) for g in gradients] if size > limit else gradients


@dataclass(slots=True)
class Sgd:
    momentum: float = 0.0
    _v: list[Array] = field(default_factory=list)

    def step(self, parameters: list[Array], gradients: list[Array], lr: float) -> None:
        self._v = self._v or [np.zeros_like(p) for p in parameters]
        for p, g, v in zip(parameters, gradients, self._v, strict=True):
            v *= self.momentum
            v += g
            p -= lr * v


@dataclass(slots=True)
class Adam:
    beta1: float = 0.9
    beta2: float = 0.999
    _m: list[Array] = field(default_factory=list)
    _v: list[Array] = field(default_factory=list)
    _t: int = 0

    def step(self, parameters: list[Array], gradients: list[Array], lr: float) -> None:
        self._m = self._m or [np.zeros_like(p) for p in parameters]
        self._v = self._v or [np.zeros_like(p) for p in parameters]
        self._t += 1
        for p, g, m, v in zip(parameters, gradients, self._m, self._v, strict=True):
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2
            v += (1 - self.beta2) * g * g
            p -= (
                lr
                * (m / (1 - self.beta1**self._t))
                / (np.sqrt(v / (1 - self.beta2**self._t)) + 1e-8)
            )


def cross_entropy(logits: Array, y: np.ndarray) -> tuple[float, Array, float]:
    """Mean loss, its gradient with respect to the logits, and the accuracy."""
    p = softmax(logits)
    rows = np.arange(len(y))
    loss = (
        float(-np.log(np.maximum(p[rows, y], 1e-30)).mean())
        if np.isfinite(p).all()
        else float("nan")
    )
    d = p.copy()
    d[rows, y] -= 1
    return loss, d / len(y), float((logits.argmax(axis=1) == y).mean())


@dataclass(slots=True)
class Blobs:
    """A classification problem: noisy clusters, several per class."""

    centres: Array
    owner: np.ndarray
    spread: float

    @classmethod
    def make(
        cls, rng: Rng, classes: int = 5, dims: int = 16, per_class: int = 3, spread: float = 1.0
    ) -> Blobs:
        return cls(
            rng.normal(0, 1.2, (classes * per_class, dims)),
            np.repeat(np.arange(classes), per_class),
            spread,
        )

    def sample(self, rng: Rng, n: int, flip: float = 0.0) -> tuple[Array, np.ndarray]:
        which = rng.integers(0, len(self.owner), n)
        x = self.centres[which] + rng.normal(0, self.spread, (n, self.centres.shape[1]))
        y = self.owner[which].copy()
        wrong = rng.random(n) < flip
        y[wrong] = rng.integers(0, self.owner.max() + 1, int(wrong.sum()))
        return x, y
