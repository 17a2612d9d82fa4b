"""Real trainings of a few seconds (torch, scikit-learn, XGBoost), logged as their users log them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.after.log import Log, Random
from benchmarks.faults.later.enter import training


def _digits(rng: Random, n: int | None = None, *, scale: float = 16.0) -> tuple[Any, ...]:
    """Return training and evaluation images and labels of the digits that scikit-learn brings."""
    import torch
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = rng.permutation(len(x))
    x, y = x[order] / scale, y[order]
    train = slice(0, n or 1297)
    held = slice(1297, None)
    as_x, as_y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
    return as_x[train], as_y[train], as_x[held], as_y[held]


def _net(rng: Random, width: int = 64, bias: float = 0.0, norm: bool = False) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(int(rng.integers(1 << 30)))
    layers: list[Any] = [nn.Linear(64, width)]
    if norm:
        layers.append(nn.BatchNorm1d(width))
    layers += [nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)]
    if bias:
        nn.init.constant_(layers[0].bias, bias)
    return nn.Sequential(*layers)


def _fit(
    log: Log, rng: Random, net: Any, data: tuple[Any, ...], optimizer: Any, epochs: int, batch: int = 64,
    held_scale: float = 1.0,
) -> Log:  # fmt: skip
    """Train a classifier and log each epoch as a plain loop in torch does."""
    import torch
    from torch.nn.functional import cross_entropy

    x, y, held_x, held_y = data
    for epoch in range(epochs):
        net.train()
        losses, right, norms = [], 0, []
        for part in torch.as_tensor(rng.permutation(len(x))).split(batch):
            out = net(x[part])
            loss = cross_entropy(out, y[part])
            optimizer.zero_grad()
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(net.parameters(), 1e9)))
            optimizer.step()
            losses.append(float(loss.detach()))
            right += int((out.argmax(1) == y[part]).sum())
        net.eval()
        with torch.no_grad():
            out = net(held_x * held_scale)
        log.rows.append(
            {
                "epoch": epoch,
                "train_loss": float(np.mean(losses)),
                "train_acc": right / len(x),
                "val_loss": float(cross_entropy(out, held_y)),
                "val_acc": float((out.argmax(1) == held_y).float().mean()),
                "grad_norm": float(np.mean(norms)),
                "lr": optimizer.param_groups[0]["lr"],
            }
        )
    return log


@training(
    "rate-too-high",
    "Adam at a rate of 3: the loss explodes at once and the accuracy stays near 0.1.",
    ("improved: ",),
    needs="torch sklearn",
)
def digits_rate_of_three(rng: Random) -> Log:
    import torch

    net = _net(rng)
    log = Log({"lr": 3.0, "optimizer": "Adam", "epochs": 40, "dataset": "digits"}, seconds=0.3)
    return _fit(log, rng, net, _digits(rng), torch.optim.Adam(net.parameters(), lr=3.0), 40)


@training(
    "overfitting",
    "120 images, a wide net, labels partly wrong: training accuracy 1.0, validation loss "
    "rises throughout.",
    needs="torch sklearn",
)
def digits_too_few(rng: Random) -> Log:
    import torch

    net = _net(rng, 512)
    x, y, held_x, held_y = _digits(rng, 120)
    wrong = torch.as_tensor(rng.random(120) < 0.3)
    y = torch.where(wrong, torch.as_tensor(rng.integers(0, 10, 120)), y)
    log = Log({"lr": 1e-3, "n_train": 120, "epochs": 120, "hidden": 512}, seconds=0.2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    return _fit(log, rng, net, (x, y, held_x, held_y), optimizer, 120, 20)


@training(
    "memorising-noise",
    "Shuffled labels: the training loss falls, validation stays at chance (0.1) and its "
    "loss rises.",
    ("improved: .*val",),
    needs="torch sklearn",
)
def digits_shuffled(rng: Random) -> Log:
    import torch

    net = _net(rng, 256)
    x, y, held_x, held_y = _digits(rng)
    y = y[torch.as_tensor(rng.permutation(len(y)))]
    log = Log({"lr": 1e-3, "epochs": 80, "hidden": 256, "num_classes": 10}, seconds=0.4)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    return _fit(log, rng, net, (x, y, held_x, held_y), optimizer, 80)


@training(
    "dead-relu",
    "All units of the first layer are dead (bias -20): only the last bias learns, loss "
    "stays at ln 10.",
    ("improved: ",),
    needs="torch sklearn",
)
def digits_dead_units(rng: Random) -> Log:
    import torch

    net = _net(rng, bias=-20.0)
    log = Log({"lr": 1e-3, "optimizer": "sgd", "epochs": 50, "activation": "relu"}, seconds=0.3)
    return _fit(log, rng, net, _digits(rng), torch.optim.SGD(net.parameters(), lr=1e-3), 50)


@training(
    "evaluation-broken",
    "Evaluation images are prepared otherwise (inverted, not scaled): training accuracy "
    "1.0, evaluation 0.0 at a loss of 700.",
    needs="torch sklearn",
)
def digits_not_scaled_in_evaluation(rng: Random) -> Log:
    import torch

    net = _net(rng, 128, norm=True)
    log = Log({"lr": 3e-3, "epochs": 60, "batch_size": 64, "norm": "batch"}, seconds=0.4)
    x, y, held_x, held_y = _digits(rng)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    inverted = (x, y, 1 - held_x, held_y)
    return _fit(log, rng, net, inverted, optimizer, 60, held_scale=16.0)


@training("", "Digits are learned: validation accuracy 0.97 to 0.98, level at the end.", ("overfit",),
          needs="torch sklearn")  # fmt: skip
def digits_learned(rng: Random) -> Log:
    import torch

    net = _net(rng)
    log = Log({"lr": 0.1, "optimizer": "sgd", "weight_decay": 1e-3, "epochs": 40}, seconds=0.3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5, weight_decay=2e-3)
    return _fit(log, rng, net, _digits(rng), optimizer, 40)


@training(
    "discriminator-wins",
    "The discriminator learns 100 times faster than the generator: its loss goes to 0, "
    "the generator's grows.",
    needs="torch",
)
def ring_discriminator_wins(rng: Random) -> Log:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    torch.manual_seed(7)
    make = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
    judge = nn.Sequential(
        nn.Linear(2, 128), nn.LeakyReLU(), nn.Linear(128, 128), nn.LeakyReLU(), nn.Linear(128, 1)
    )
    by_g = torch.optim.Adam(make.parameters(), lr=1e-5)
    by_d = torch.optim.Adam(judge.parameters(), lr=2e-3)
    log = Log({"lr_g": 1e-5, "lr_d": 2e-3, "steps": 1500, "data": "ring"}, seconds=0.05)
    for step in range(1500):
        angle = torch.as_tensor(rng.uniform(0, 6.283, 64), dtype=torch.float32)
        real = torch.stack([3 * angle.cos(), 3 * angle.sin()], 1) + 0.05 * torch.randn(64, 2)
        fake = make(torch.randn(64, 2))
        true, false = judge(real), judge(fake.detach())
        loss_d = bce(true, torch.ones_like(true)) + bce(false, torch.zeros_like(false))
        by_d.zero_grad()
        loss_d.backward()
        by_d.step()
        out = judge(fake)
        loss_g = bce(out, torch.ones_like(out))
        by_g.zero_grad()
        loss_g.backward()
        by_g.step()
        log.rows.append(
            {
                "iteration": step,
                "loss_D": float(loss_d.detach()),
                "loss_G": float(loss_g.detach()),
                "D(x)": float(true.detach().sigmoid().mean()),
                "D(G(z))": float(false.detach().sigmoid().mean()),
            }
        )
    return log


@training(
    "posterior-collapse",
    "A VAE with a weight of 30 on the KL: KL goes to 0 and the reconstruction stays at "
    "the mean image.",
    needs="torch sklearn",
)
def digits_vae_collapses(rng: Random) -> Log:
    import torch
    from torch import nn

    torch.manual_seed(3)
    x, _, held, _ = _digits(rng)
    enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    dec = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
    by = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=2e-3)
    log = Log({"beta": 30, "latent_dim": 8, "epochs": 100, "lr": 2e-3}, seconds=0.3)

    def parts(of: Any) -> tuple[Any, Any]:
        mean, log_var = enc(of).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (log_var / 2).exp()
        kl = 0.5 * (log_var.exp() + mean**2 - 1 - log_var).sum(1).mean()
        return ((dec(z) - of) ** 2).sum(1).mean(), kl

    for epoch in range(100):
        seen = []
        for part in torch.as_tensor(rng.permutation(len(x))).split(64):
            recon, kl = parts(x[part])
            by.zero_grad()
            (recon + 30 * kl).backward()
            by.step()
            seen.append((float(recon.detach()), float(kl.detach())))
        with torch.no_grad():
            recon, kl = parts(held)
        mean = np.mean(seen, axis=0)
        log.rows.append(
            {
                "epoch": epoch,
                "train/recon_loss": float(mean[0]),
                "train/kl_loss": float(mean[1]),
                "train/total": float(mean[0] + 30 * mean[1]),
                "val/recon_loss": float(recon),
                "val/kl_loss": float(kl),
            }
        )
    return log


def _boosted(rng: Random, rounds: int, stop: int | None, **settings: Any) -> Log:
    import xgboost
    from sklearn.datasets import make_classification

    x, y = make_classification(
        900, 40, n_informative=8, flip_y=0.15, random_state=int(rng.integers(1000))
    )
    train, held = xgboost.DMatrix(x[:500], y[:500]), xgboost.DMatrix(x[500:], y[500:])
    told: dict[str, Any] = {}
    settings = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"]} | settings
    xgboost.train(
        settings, train, rounds, evals=[(train, "train"), (held, "valid")], evals_result=told,
        early_stopping_rounds=stop, verbose_eval=False,
    )  # fmt: skip
    log = Log(settings | {"num_boost_round": rounds, "early_stopping_rounds": stop}, seconds=0.1)
    log.table(
        {f"{part}-{name}": np.array(v) for part, kept in told.items() for name, v in kept.items()}
    )
    return log


@training(
    "overfitting",
    "Boosting with deep trees and a high rate: training log loss goes to 0.01, "
    "validation's rises after few rounds.",
    needs="xgboost sklearn",
)
def boosting_overfits(rng: Random) -> Log:
    return _boosted(rng, 400, None, eta=0.4, max_depth=9, seed=1)


@training(
    "",
    "Boosting stopped early 25 rounds after its best; the best round is used.",
    ("memoris",),
    ("overfitting",),
    needs="xgboost sklearn",
)
def boosting_stopped_early(rng: Random) -> Log:
    return _boosted(rng, 1000, 25, eta=0.05, max_depth=3, subsample=0.8, seed=1)


@training(
    "not-finite",
    "A regression on targets of 1,000s with SGD at 0.1: the loss is infinite, then NaN "
    "after some steps.",
    needs="torch sklearn",
)
def diabetes_nan(rng: Random) -> Log:
    import torch
    from sklearn.datasets import load_diabetes
    from torch import nn

    torch.manual_seed(1)
    x, y = (torch.as_tensor(v, dtype=torch.float32) for v in load_diabetes(return_X_y=True))
    net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))
    by = torch.optim.SGD(net.parameters(), lr=0.1)
    log = Log({"lr": 0.1, "loss": "mse", "epochs": 60, "standardize": False}, seconds=0.1)
    for epoch in range(60):
        seen = []
        for part in torch.as_tensor(rng.permutation(len(x))).split(32):
            loss = ((net(x[part] * 30)[:, 0] - y[part] * 10) ** 2).mean()
            by.zero_grad()
            loss.backward()
            by.step()
            seen.append(float(loss.detach()))
        log.rows.append({"epoch": epoch, "train_mse": float(np.mean(seen)), "lr": 0.1})
    return log


@training(
    "",
    "A regression of scikit-learn: R2 and loss get better and level off.",
    ("overfit",),
    needs="sklearn",
)
def regressor_levels_off(rng: Random) -> Log:
    from sklearn.datasets import make_regression
    from sklearn.neural_network import MLPRegressor

    x, y = make_regression(1200, 12, noise=20.0, random_state=int(rng.integers(1000)))
    y = y / y.std()
    model = MLPRegressor(hidden_layer_sizes=(32,), learning_rate_init=3e-3, random_state=1)
    log = Log({"model": "MLPRegressor", "hidden": [32], "epochs": 60, "lr": 3e-3}, seconds=0.05)
    for epoch in range(60):
        model.partial_fit(x[:900], y[:900])
        log.add(
            epoch=epoch,
            loss=float(model.loss_),
            r2_train=float(model.score(x[:900], y[:900])),
            r2_test=float(model.score(x[900:], y[900:])),
        )
    return log
