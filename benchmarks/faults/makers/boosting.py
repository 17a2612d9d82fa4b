"""Trainings of XGBoost and LightGBM, logged by W&B's callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import wandb


def _table(rows: int, flip: float, seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 12))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0) ^ (random.random(rows) < flip)
    return x, y.astype(int)


def xgb(depth: int = 3, rows: int = 4000, flip: float = 0.05, eta: float = 0.05) -> None:
    """Boost trees with XGBoost for 120 rounds, evaluated after each."""
    import xgboost
    from wandb.integration.xgboost import WandbCallback

    settings = {
        "max_depth": depth,
        "eta": eta,
        "objective": "binary:logistic",
        "nthread": 1,
        "seed": 1,
    }
    wandb.init(project="xgboost", config=settings)
    train = xgboost.DMatrix(*_table(rows, flip, 1))
    held_out = xgboost.DMatrix(*_table(1500, flip, 2))
    xgboost.train(
        settings, train, 120, evals=[(train, "train"), (held_out, "validation")], verbose_eval=False,
        callbacks=[WandbCallback(log_feature_importance=False)],
    )  # fmt: skip
    wandb.finish()


def lgb(
    leaves: int = 8, rows: int = 4000, flip: float = 0.05, eta: float = 0.05, smallest: int = 20
) -> None:
    """Boost trees with LightGBM for 120 rounds, evaluated after each."""
    import lightgbm
    from wandb.integration.lightgbm import wandb_callback

    settings = {
        "num_leaves": leaves, "learning_rate": eta, "objective": "binary", "metric": "binary_logloss",
        "min_data_in_leaf": smallest, "num_threads": 1, "verbose": -1, "seed": 1,
    }  # fmt: skip
    wandb.init(project="lightgbm", config=settings)
    train = lightgbm.Dataset(*_table(rows, flip, 1))
    held_out = lightgbm.Dataset(*_table(1500, flip, 2), reference=train)
    lightgbm.train(
        settings, train, 120, valid_sets=[train, held_out], valid_names=["training", "validation"],
        callbacks=[wandb_callback()],
    )  # fmt: skip
    wandb.finish()
