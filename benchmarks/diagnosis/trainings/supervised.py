"""Classifiers: a healthy loop with switches, and one fault per case."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.diagnosis.trainings.harness import Array, Log, Rng, training
from benchmarks.diagnosis.trainings.nets import Adam, Blobs, Net, Sgd, clip, cross_entropy, norm


def fit(
    log: Log,
    rng: Rng,
    *,
    steps: int = 600,
    batch: int = 64,
    sizes: tuple[int, ...] = (64, 64),
    lr: float | Callable[[int], float] = 2e-3,
    optimiser: Any = None,
    spread: float = 1.0,
    data: int = 0,
    flip: float = 0.0,
    dropout: float = 0.0,
    limit: float = 0.0,
    every: int = 20,
    leak: bool = False,
    before_step: Callable[[int, Net, Array, Any], None] | None = None,
    timing: Callable[[int], dict[str, float]] | None = None,
    counter: bool = False,
    names: tuple[str, str, str] = ("train__loss", "val__loss", "grad_norm"),
) -> list[tuple[int, float]]:
    """Train a classifier and log it; the true validation curve (20,000 unseen samples).

    `counter`: the trainer logs its step. `data` > 0: that many fixed samples, else fresh ones; `flip` of
    their labels are wrong.
    """
    problem = Blobs.make(rng, spread=spread)
    net = Net.make(rng, problem.centres.shape[1], *sizes, 5)
    optimiser = optimiser or Adam()
    fixed = problem.sample(rng, data, flip) if data else None
    held_out = problem.sample(rng, 2000)
    if leak and fixed is not None:
        held_out = (fixed[0][:500], fixed[1][:500])
    large = problem.sample(rng, 20_000)
    truth = []
    for step in range(steps):
        began = time.perf_counter()
        if fixed is not None:
            at = rng.integers(0, data, batch)
            x, y = fixed[0][at], fixed[1][at]
        else:
            x, y = problem.sample(rng, batch, flip)
        if before_step is not None:
            before_step(step, net, x, y)
        logits = net.forward(x, dropout, rng)
        loss, d, accuracy = cross_entropy(logits, y)
        gradients = net.backward(d)
        size = norm(gradients)
        rate = lr(step) if callable(lr) else lr
        optimiser.step(net.parameters, clip(gradients, limit) if limit else gradients, rate)
        loss_key, val_key, norm_key = names
        row = {loss_key: loss, norm_key: size, "lr": rate, "train__acc": accuracy}
        if timing is not None:
            row |= timing(step)
            row["perf__step_time"] = time.perf_counter() - began
        if counter:
            row["train__global_step"] = step
        if every and step % every == 0:
            value, _, score = cross_entropy(net.forward(held_out[0]), held_out[1])
            row |= {val_key: value, "val__acc": score}
            truth.append((step, cross_entropy(net.forward(large[0]), large[1])[0]))
        log(step, **row)
    return truth


def cosine(steps: int, peak: float, warm_up: int = 0) -> Callable[[int], float]:
    def rate(step: int) -> float:
        if step < warm_up:
            return peak * (step + 1) / warm_up
        return float(peak * 0.5 * (1 + np.cos(np.pi * (step - warm_up) / (steps - warm_up))))

    return rate


@training()
def healthy_classifier(log: Log, rng: Rng) -> None:
    """Adam, cosine schedule with warm-up, fresh data."""
    log.config(max_steps=600, lr=2e-3, scheduler="cosine")
    fit(log, rng, lr=cosine(600, 2e-3, 30))


@training(may=("OPT004",))
def healthy_warm_restarts(log: Log, rng: Rng) -> None:
    """SGD with four warm restarts: the loss rises at each, and that is the method."""
    log.config(lr=0.1, scheduler="cosine_with_restarts", max_steps=800)
    fit(
        log,
        rng,
        steps=800,
        optimiser=Sgd(0.9),
        lr=lambda s: 0.05 * (1 + np.cos(np.pi * (s % 200) / 200)) + 1e-3,
        limit=5.0,
    )


@training(may=("OPT004",))
def healthy_small_batches(log: Log, rng: Rng) -> None:
    """Batches of four: a very noisy loss that falls all the same."""
    fit(log, rng, steps=1500, batch=4, lr=1e-3, spread=1.4)


@training(may=("GEN002",))
def healthy_early_plateau(log: Log, rng: Rng) -> None:
    """An easy problem with a tenth of wrong labels, at its noise floor after a tenth of the run."""
    fit(log, rng, steps=1000, lr=5e-3, flip=0.1)


@training()
def healthy_epochs(log: Log, rng: Rng) -> None:
    """Twelve epochs, one row each: short runs are no broken ones."""
    problem = Blobs.make(rng, spread=1.2)
    net, optimiser = Net.make(rng, 16, 64, 5), Adam()
    x, y = problem.sample(rng, 4000)
    held_out = problem.sample(rng, 4000)
    log.config(epochs=12, lr=1e-3)
    for epoch in range(12):
        losses, right = [], []
        for at in np.array_split(rng.permutation(len(x)), 60):
            loss, d, score = cross_entropy(net.forward(x[at]), y[at])
            optimiser.step(net.parameters, net.backward(d), 1e-3)
            losses.append(loss)
            right.append(score)
        value, _, score = cross_entropy(net.forward(held_out[0]), held_out[1])
        log(
            epoch,
            epoch=epoch + 1,
            train_loss=float(np.mean(losses)),
            train_acc=float(np.mean(right)),
            val_loss=value,
            val_acc=score,
        )


@training("GEN001", may=("GEN004", "GEN006", "GEN007", "OPT008", "OPT009", "OPT004"))
def overfits_noisy_labels(log: Log, rng: Rng) -> None:
    """400 samples, a third of them mislabelled, and a large network."""
    truth = fit(log, rng, steps=1200, data=400, flip=0.33, sizes=(256, 256), lr=5e-4)
    log.truth["GEN001"] = min(truth, key=lambda item: item[1])[0]


@training("GEN001", may=("GEN004", "GEN006", "GEN007", "OPT009", "OPT004"))
def overfits_few_samples(log: Log, rng: Rng) -> None:
    """150 samples of a hard problem."""
    truth = fit(
        log,
        rng,
        steps=1000,
        data=150,
        spread=2.0,
        sizes=(128,),
        lr=1e-3,
        names=("loss", "valid__loss", "grad_norm"),
    )
    log.truth["GEN001"] = min(truth, key=lambda item: item[1])[0]


@training("GEN006", may=("GEN001", "GEN004", "GEN005", "GEN007", "OPT009", "OPT004"))
def gap_without_regularisation(log: Log, rng: Rng) -> None:
    """250 samples in many dimensions: right on all of them, on few others."""
    fit(log, rng, steps=800, data=250, spread=2.2, sizes=(256,), lr=3e-4)


@training(
    "OPT001", may=("OPT002", "OPT004", "OPT008", "OPT011", "OPT012", "GEN", "DAT006", "OPT006")
)
def nan_from_overflow(log: Log, rng: Rng) -> None:
    """Half precision: the logits are cast to float16 and overflow when a scale bug grows them."""
    first: list[int] = []

    def grow(step: int, net: Net, x: Array, y: Any) -> None:
        if step >= 380:
            net.weights[-1] *= 1.15
        logits = net.forward(x).astype(np.float16)
        if not np.isfinite(logits).all():
            net.weights[-1][:] = np.nan
            first.append(step)

    fit(log, rng, steps=600, before_step=grow)
    log.truth["OPT001"] = first[0]


@training(
    "OPT001", may=("OPT002", "OPT004", "OPT008", "OPT011", "OPT012", "GEN", "DAT006", "OPT006")
)
def nan_from_learning_rate(log: Log, rng: Rng) -> None:
    """A linear model of squared error at a learning rate that grows past stability."""
    w, true = np.zeros(20), rng.normal(size=20)
    for step in range(700):
        x = rng.normal(size=(64, 20))
        rest = x @ w - x @ true - rng.normal(0, 0.3, 64)
        with np.errstate(all="ignore"):
            loss, g = float(np.mean(rest**2)), 2 * x.T @ rest / 64
            rate = 0.05 if step < 200 else 1.6
            w = w - rate * g
            size = float(np.sqrt((g**2).sum()))
        if not np.isfinite(loss) and "OPT001" not in log.truth:
            log.truth["OPT001"] = step
        log(step, train__loss=loss, grad_norm=size, lr=rate)


@training("OPT002", may=("OPT004", "OPT008", "OPT011", "GEN", "OPT005", "OPT006", "OPT009"))
def diverges_after_rate_jump(log: Log, rng: Rng) -> None:
    """A schedule bug multiplies the learning rate by 300 at step 350."""
    log.config(lr=2e-3)
    log.truth["OPT002"] = 350
    fit(log, rng, steps=700, lr=lambda s: 2e-3 if s < 350 else 0.6)


@training("OPT002", may=("OPT004", "OPT008", "OPT011", "GEN", "OPT006", "OPT009"))
def diverges_on_corrupt_data(log: Log, rng: Rng) -> None:
    """From step 300 on the loader pairs inputs with the labels of other inputs."""
    log.truth["OPT002"] = 300

    def shuffle(step: int, net: Net, x: Array, y: Any) -> None:
        if step >= 300:
            rng.shuffle(y)

    fit(log, rng, steps=600, before_step=shuffle)


@training("OPT006", may=("OPT008", "GEN004", "GEN007", "GEN001", "OPT011"))
def labels_shuffled(log: Log, rng: Rng) -> None:
    """Labels that have nothing to do with inputs: the loss stays at ln 5."""
    fit(log, rng, steps=500, flip=1.0, lr=1e-3, names=("loss", "eval__loss", "grad_norm"))


@training("OPT005", may=("OPT006", "OPT003", "GEN", "DAT"))
def rate_of_zero(log: Log, rng: Rng) -> None:
    """A scheduler that counts epochs and is asked in steps: the rate is 0 throughout."""
    log.config(lr=1e-3)
    fit(log, rng, steps=300, lr=0.0)


@training("OPT014", may=("GEN", "OPT015", "DAT006"))
def schedule_too_short(log: Log, rng: Rng) -> None:
    """A linear schedule for 400 of 800 steps."""
    log.config(lr=2e-3, lr_scheduler_type="linear")
    log.truth["OPT014"] = 400
    fit(log, rng, steps=800, lr=lambda s: 2e-3 * max(0.0, 1 - s / 400))


@training("OPT015", "RUN003", may=("GEN",))
def stopped_in_mid_schedule(log: Log, rng: Rng) -> None:
    """A cosine schedule for 1,000 steps, stopped by the script after 400."""
    log.config(lr=2e-3, lr_scheduler_type="cosine", max_steps=1000)
    # The trainer's own counter: rows by themselves do not tell how many steps lie between them.
    fit(
        log,
        rng,
        steps=400,
        lr=cosine(1000, 2e-3, 20),
        counter=True,
    )


@training("OPT004", may=("OPT008", "GEN"))
def bad_batches(log: Log, rng: Rng) -> None:
    """Three batches whose inputs are scaled by 40: spikes that recover."""
    log.truth["OPT004"] = 250
    scale = {250: 60.0, 420: 40.0, 590: 40.0}

    def spoil(step: int, net: Net, x: Array, y: Any) -> None:
        x *= scale.get(step, 1.0)

    fit(log, rng, steps=800, before_step=spoil, limit=1.0)


@training("OPT002", may=("OPT006", "DAT006", "GEN", "OPT009", "OPT004"))
def dead_units(log: Log, rng: Rng) -> None:
    """At step 250 a bad update pushes all hidden biases far below 0: no unit ever fires again."""
    log.truth["OPT002"] = 250

    def kill(step: int, net: Net, x: Array, y: Any) -> None:
        if step == 250:
            net.biases[0] -= 200

    fit(log, rng, steps=600, before_step=kill, optimiser=Sgd(), lr=0.05)


@training("OPT009", may=("OPT006", "OPT002", "DAT006", "GEN", "OPT004"))
def saturated_outputs(log: Log, rng: Rng) -> None:
    """Squared error of sigmoid outputs, which a bad update at step 250 pushes to their flat ends."""
    log.truth["OPT009"] = 250
    problem = Blobs.make(rng)
    net, optimiser = Net.make(rng, 16, 64, 5, tanh=True), Sgd()
    for step in range(600):
        if step == 250:
            net.biases[-1] += rng.choice([-35.0, 35.0], 5)
        x, y = problem.sample(rng, 64)
        p = 1 / (1 + np.exp(-np.clip(net.forward(x), -60, 60)))
        rest = p - np.eye(5)[y]
        gradients = net.backward(rest * p * (1 - p) / 64)
        optimiser.step(net.parameters, gradients, 0.5)
        log(
            step, train__loss=float((rest**2).sum(axis=1).mean()), grad_norm=norm(gradients), lr=0.5
        )


@training("OPT008", may=("OPT002", "OPT004", "OPT011", "GEN", "OPT006"))
def gradients_explode(log: Log, rng: Rng) -> None:
    """From step 400 on a data shard is not normalised: inputs are 25 times as large."""
    log.truth["OPT008"] = 400

    def spoil(step: int, net: Net, x: Array, y: Any) -> None:
        if step >= 400:
            x *= 25

    fit(log, rng, steps=800, before_step=spoil, lr=1e-4, batch=32)


@training("OPT010", may=("GEN",))
def clipped_always(log: Log, rng: Rng) -> None:
    """A clipping threshold of 0.01, far below every gradient."""
    log.config(max_grad_norm=0.01)
    fit(log, rng, steps=500, limit=0.01, spread=1.5)


@training("OPT011", may=("OPT004", "OPT008", "GEN", "OPT005", "OPT006"))
def beyond_the_edge(log: Log, rng: Rng) -> None:
    """Descent with large batches on a two-layer linear model, at a rate beyond 2 over its curvature.

    Each step overshoots the valley; the two layers' product keeps it from diverging.
    """
    x = rng.normal(size=4000)
    y = x * rng.uniform(0.95, 1.05) + rng.normal(0, 0.05, 4000)
    u = 0.6
    for step in range(400):
        at = rng.integers(0, 4000, 2000)
        rest = x[at] * u * u - y[at]
        g = float(np.mean(2 * u * x[at] * rest))
        u -= 0.58 * g
        log(step, train__loss=float(np.mean(rest**2) / 2), grad_norm=abs(g), lr=0.58)


@training("OPT012", may=("OPT004", "OPT008", "GEN", "OPT011", "OPT014"))
def no_warm_up(log: Log, rng: Rng) -> None:
    """Adam at a full rate of 0.1 from the first step, then decayed: the loss explodes first."""
    fit(log, rng, steps=600, lr=lambda s: 0.1 * 0.99**s, sizes=(256, 256, 256))


@training("GEN002", may=("GEN",))
def evaluates_on_training_data(log: Log, rng: Rng) -> None:
    """The evaluation set is a part of the training set, and training uses dropout."""
    fit(
        log,
        rng,
        steps=900,
        data=1000,
        spread=1.5,
        dropout=0.5,
        sizes=(128, 128),
        lr=1e-3,
        leak=True,
    )
