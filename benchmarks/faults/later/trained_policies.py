"""Real trainings of policies with Stable-Baselines3, half a minute each at most."""

from __future__ import annotations

from typing import Any

from benchmarks.faults.after.log import Log, Random
from benchmarks.faults.later.enter import training


def ppo(steps: int, seed: int, **settings: Any) -> Log:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import KVWriter, Logger

    torch.set_num_threads(1)
    log = Log(
        {"algo": "PPO", "env_id": "CartPole-v1", "total_timesteps": steps} | settings, seconds=1.5
    )

    class Keep(KVWriter):  # type: ignore[misc]
        def write(self, key_values: dict[str, Any], key_excluded: Any, step: int = 0) -> None:
            row = {k: v for k, v in key_values.items() if isinstance(v, int | float)}
            log.rows.append({k: float(v) for k, v in row.items()} | {"global_step": step})

        def close(self) -> None:
            pass

    class Nothing(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            return True

    model = PPO("MlpPolicy", "CartPole-v1", seed=seed, n_steps=512, device="cpu", **settings)
    model.set_logger(Logger(None, [Keep()]))
    model.learn(steps, callback=Nothing())
    return log


@training(
    "entropy-collapse",
    "PPO at a rate of 0.3 on CartPole: entropy is 0 after the first updates; the return "
    "falls from 50 to 15 and stays.",
    ("improved: ",),
    needs="stable_baselines3",
)
def cartpole_rate_high(rng: Random) -> Log:
    return ppo(40_000, int(rng.integers(100)), learning_rate=0.3)


@training(
    "",
    "PPO learns CartPole: the mean return rises from 20 to some 300 and still rises.",
    ("diverg", "never"),
    needs="stable_baselines3",
)
def cartpole_learned(rng: Random) -> Log:
    return ppo(40_000, int(rng.integers(100)), learning_rate=3e-4)
