"""Trainings of Lightning: a classifier and a variational autoencoder, logged by its WandbLogger."""

from __future__ import annotations

import os
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import WandbLogger
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

FEATURES = 16


def _fit(module: Any, train: TensorDataset, held_out: TensorDataset, epochs: int) -> None:
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=WandbLogger(offline=True, save_dir="."),
        callbacks=[LearningRateMonitor("epoch")], enable_progress_bar=False, log_every_n_steps=5,
        enable_checkpointing=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(train, 128, shuffle=True), DataLoader(held_out, 256))


class Classifier(lightning.LightningModule):
    """Two hidden layers of ReLUs."""

    def __init__(self, rate: float, bias: float, decay: float, leak: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.trunk = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 2)
        for layer in (self.trunk[0], self.trunk[2]):
            nn.init.constant_(layer.bias, bias)
        self.rate, self.decay, self.leak = rate, decay, leak
        self.kept: list[torch.Tensor] = []

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = functional.cross_entropy(self.head(self.trunk(batch[0])), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        if self.leak:
            self.kept.append(torch.rand(self.leak // 4))
        self.log("rss_mb", _resident())
        return loss

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        norms = [p.grad.norm() for p in self.parameters() if p.grad is not None]
        self.log("grad_norm", torch.stack(norms).norm())

    def validation_step(self, batch: Any, index: int) -> None:
        scores = self.head(self.trunk(batch[0]))
        self.log("val_loss", functional.cross_entropy(scores, batch[1]))
        self.log("val_acc", (scores.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.rate)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, self.decay)]


def _resident() -> float:
    """Return the process's resident memory in MB."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a kernel file
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _points(count: int, seed: int) -> TensorDataset:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, FEATURES, generator=random)
    y = ((x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * torch.randn(count, generator=random)) > 0).long()
    return TensorDataset(x, y)


def classify(rate: float = 2e-3, bias: float = 0.0, decay: float = 0.85, leak: int = 0) -> None:
    """Train a classifier for 15 epochs of 50 steps."""
    lightning.seed_everything(1, verbose=False)
    _fit(Classifier(rate, bias, decay, leak), _points(6400, 1), _points(1600, 2), 15)


class Autoencoder(lightning.LightningModule):
    """A variational autoencoder with four latent dimensions."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(FEATURES, 32), nn.Tanh(), nn.Linear(32, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, FEATURES))
        self.beta = beta

    def _losses(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, logvar = self.encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (logvar / 2).exp()
        kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1).mean()
        return ((self.decoder(z) - x) ** 2).sum(1).mean(), kl

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        recon, kl = self._losses(batch[0])
        loss: torch.Tensor = recon + self.beta * kl
        self.log_dict({"train_loss": loss, "recon_loss": recon, "kl": kl})
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        recon, kl = self._losses(batch[0])
        self.log_dict({"val_loss": recon + self.beta * kl, "val_kl": kl})

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def _factors(count: int, seed: int) -> TensorDataset:
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(4, FEATURES, generator=torch.Generator().manual_seed(9))
    z = torch.randn(count, 4, generator=random)
    return TensorDataset(z @ mix + 0.1 * torch.randn(count, FEATURES, generator=random))


def autoencode(beta: float = 0.5) -> None:
    """Train a variational autoencoder on points that have four factors."""
    lightning.seed_everything(1, verbose=False)
    _fit(Autoencoder(beta), _factors(6400, 1), _factors(800, 2), 15)
