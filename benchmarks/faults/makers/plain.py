"""Trainings of plain PyTorch loops that call wandb.log themselves."""

from __future__ import annotations

import torch
import wandb
from torch import nn
from torch.nn import functional


class Recurrent(nn.Module):
    """A plain recurrent network over 20 steps."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.cell = nn.RNN(4, 32, batch_first=True, nonlinearity="relu")
        nn.init.orthogonal_(self.cell.weight_hh_l0, gain=gain)
        self.head = nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.cell(x)
        out: torch.Tensor = self.head(hidden[:, -1])
        return out


def recurrent(clip: float = 0.5, rate: float = 0.2, gain: float = 0.9, back_at: int = 0) -> None:
    """Train a recurrent network to add up a sequence; from `back_at` on, log under steps 100 lower."""
    torch.manual_seed(1)
    model = Recurrent(gain)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    wandb.init(project="plain", config={"lr": rate, "clip": clip, "optimizer": "SGD"})
    for step in range(300):
        x = torch.randn(32, 20, 4)
        loss = functional.mse_loss(model(x), x[:, -3:, 0].sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip or float("inf"))
        optimizer.step()
        logged = step - 100 if back_at and step >= back_at else step
        wandb.log({"loss": loss.item(), "grad_norm": norm.item()}, step=logged)
    wandb.finish()


def adversarial(d_rate: float = 1e-3, g_rate: float = 1e-3) -> None:
    """Train a GAN on points of a ring."""
    torch.manual_seed(1)
    generator = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    g_step = torch.optim.Adam(generator.parameters(), g_rate, betas=(0.5, 0.99))
    d_step = torch.optim.Adam(critic.parameters(), d_rate, betas=(0.5, 0.99))
    wandb.init(project="plain", config={"d_lr": d_rate, "g_lr": g_rate})
    one, zero = torch.ones(64, 1), torch.zeros(64, 1)
    entropy = functional.binary_cross_entropy_with_logits
    for step in range(600):
        angle = torch.rand(64, 1) * 6.283
        real = torch.cat([angle.cos(), angle.sin()], 1) * 2 + 0.05 * torch.randn(64, 2) + 3
        fake = generator(torch.randn(64, 8))
        seen, made = critic(real), critic(fake.detach())
        d_loss = entropy(seen, one) + entropy(made, zero)
        d_step.zero_grad()
        d_loss.backward()
        d_step.step()
        g_loss = entropy(critic(fake), one)
        g_step.zero_grad()
        g_loss.backward()
        g_step.step()
        if step % 2 == 0:
            wandb.log(
                {"d_loss": d_loss.item(), "g_loss": g_loss.item(), "d_real": seen.sigmoid().mean().item(),
                 "d_fake": made.sigmoid().mean().item()},
                step=step,
            )  # fmt: skip
    wandb.finish()
