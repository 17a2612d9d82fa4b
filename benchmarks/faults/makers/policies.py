"""Trainings of Stable-Baselines3, logged by W&B's callback through TensorBoard."""

from __future__ import annotations

import wandb
from stable_baselines3 import PPO
from wandb.integration.sb3 import WandbCallback


def ppo(rate: float = 1e-3) -> None:
    """Train PPO on CartPole for 20,000 steps."""
    wandb.init(project="sb3", config={"policy": "MlpPolicy", "total_timesteps": 20_000, "env": "CartPole-v1"},
               sync_tensorboard=True)  # fmt: skip
    model = PPO("MlpPolicy", "CartPole-v1", learning_rate=rate, n_steps=512, batch_size=128, seed=1,
                tensorboard_log="tb", device="cpu")  # fmt: skip
    model.learn(20_000, callback=WandbCallback(), log_interval=1)
    wandb.finish()
