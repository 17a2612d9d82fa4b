"""Q-learning on a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, training
from benchmarks.diagnosis.trainings.nets import Adam, Net, norm

STATES = 7


def chain(rng: Rng, state: Any, action: Any) -> tuple[Any, Array, Any]:
    """Walk right to the goal; one step in ten slips."""
    move = np.where(action == 1, 1, -1) * np.where(rng.random(len(state)) < 0.1, -1, 1)
    after = np.clip(state + move, 0, STATES - 1)
    done = after == STATES - 1
    return after, done.astype(float), done


def q_learning(
    log: Log,
    rng: Rng,
    *,
    steps: int,
    lr: float,
    refresh: int,
    features: Array,
    gamma: float = 0.97,
    optimistic: float = 0.0,
) -> None:
    """Deep Q-learning with replay; episodes of at most 40 steps from the left end."""
    net, optimiser = Net.make(rng, features.shape[1], 48, 2), Adam()
    target = net.copy()
    memory: list[tuple[int, int, float, int, bool]] = []
    state, age, total = 0, 0, 0.0
    returns: list[float] = [0.0]
    lengths: list[float] = [40.0]
    for step in range(steps):
        for _ in range(4):
            explore = max(0.1, 1 - step / (0.4 * steps))
            q = net.forward(features[[state]])[0]
            action = (
                int(rng.integers(0, 2))
                if rng.random() < explore or not np.isfinite(q).all()
                else int(q.argmax())
            )
            after, reward, done = chain(rng, np.array([state]), np.array([action]))
            total += float(reward[0])
            age += 1
            memory.append((state, action, float(reward[0]), int(after[0]), bool(done[0])))
            state = int(after[0])
            if done[0] or age >= 40:
                returns.append(total)
                lengths.append(age)
                state, age, total = 0, 0, 0.0
        picks = rng.integers(0, len(memory), 64)
        s, a, r, s2, end = (
            np.array(column) for column in zip(*(memory[i] for i in picks), strict=True)
        )
        with np.errstate(all="ignore"):
            follow = target.forward(features[s2]).max(axis=1) * (1 + optimistic)
            goal = r + gamma * follow * ~end
            values = net.forward(features[s])
            rest = values[np.arange(64), a] - goal
            d = np.zeros_like(values)
            d[np.arange(64), a] = 2 * rest / 64
            gradients = net.backward(d)
            optimiser.step(net.parameters, gradients, lr)
        if step % refresh == 0:
            target = net.copy()
        log(
            step,
            losses__td_loss=float(np.mean(rest**2)),
            losses__q_values=float(values.mean()),
            charts__episodic_return=float(np.mean(returns[-20:])),
            charts__episodic_length=float(np.mean(lengths[-20:])),
            grad_norm=norm(gradients),
        )


@training(may=("OPT004", "OPT008"))
def healthy_q_learning(log: Log, rng: Rng) -> None:
    """A target network refreshed every 50 updates."""
    q_learning(log, rng, steps=900, lr=1e-3, refresh=50, features=np.eye(STATES))


@training("RL017", may=("OPT008", "OPT001", "OPT002", "OPT004", "RL007", "DAT006"))
def values_diverge(log: Log, rng: Rng) -> None:
    """A target without a target network, that adds a tenth to every estimate: each update raises the next."""
    q_learning(
        log, rng, steps=900, lr=3e-3, refresh=1, features=np.eye(STATES), gamma=0.99, optimistic=0.1
    )
