"""Trainings of Keras, logged by W&B's WandbMetricsLogger."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger


def _rings(count: int, flip: float, random: np.random.Generator) -> tuple[Any, Any]:
    """Return points of three classes by their distance from the origin; `flip` of the labels are random."""
    x = random.normal(size=(count, 8)).astype("float32")
    y = np.digitize((x[:, :3] ** 2).sum(1), [1.7, 3.4])
    wrong = random.random(count) < flip
    y[wrong] = random.integers(0, 3, wrong.sum())
    return x, y


def classify(
    rate: float = 3e-3,
    output: str = "softmax",
    flip: float = 0.05,
    examples: int = 6000,
    epochs: int = 20,
    stop_early: bool = False,
) -> None:
    """Train a classifier of three classes."""
    random = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    wandb.init(
        project="keras", config={"learning_rate": rate, "epochs": epochs, "last_activation": output}
    )
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(3, activation=output),
        ]
    )
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    callbacks: list[Any] = [WandbMetricsLogger()]
    if stop_early:
        callbacks.append(keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True))
    model.fit(
        *_rings(examples, flip, random), epochs=epochs, batch_size=64, verbose=0, callbacks=callbacks,
        validation_data=_rings(600, min(flip, 0.1), random),
    )  # fmt: skip
    wandb.finish()
