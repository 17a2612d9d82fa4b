"""Policies that learn from reward, healthy and not: simulated logs in the keys of many frameworks."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    lines,
    power,
    rise,
    sigmoid,
    slow,
    times,
)
from benchmarks.faults.later.enter import training


@training(
    "got-worse",
    "SAC: the temperature runs away from step 300,000, critic loss with it, and the "
    "return falls from 2,900 to 100.",
    ("improved: ",),
)
def sac_temperature_runs_away(rng: Random) -> Log:
    log = Log({"env": "Hopper-v4", "alpha_lr": 3e-2, "target_entropy": 3.0}, seconds=9.0)
    n = 700
    at = np.arange(n)
    alpha = 0.2 * np.exp(np.clip((at - 300) / 40, -1.5, 9))
    ret = sigmoid(n, 20, 2900, 130, 25) - sigmoid(n, 0, 2800, 370, 15)
    log.table(
        {
            "env_steps": at * 1000,
            "eval/return": np.clip(times(rng, ret, 0.12) + rng.normal(0, 20, n), 5, None),
            "train/alpha": times(rng, alpha, 0.03),
            "train/q1_loss": times(rng, 4 + alpha * alpha * 2, 0.4),
            "train/q2_loss": times(rng, 4 + alpha * alpha * 2, 0.4),
            "train/pi_loss": -rise(n, 0, 180, 120) - alpha * 6 + rng.normal(0, 2, n),
            "train/entropy": -1.5 + sigmoid(n, 0, 4.4, 340, 20) + rng.normal(0, 0.1, n),
        }
    )
    return log


@training(
    "reward-never-rose",
    "The critic explains nothing (explained variance about 0, value loss 10,000) and the "
    "return stays at its start.",
    ("improved: ", "perfect"),
)
def ppo_critic_blind(rng: Random) -> Log:
    log = Log(
        {"algo": "PPO", "env": "Humanoid-v4", "normalize_reward": False, "lr": 3e-4}, seconds=6.0
    )
    n = 450
    log.table(
        {
            "timesteps": (np.arange(n) + 1) * 4096,
            "rollout/return_mean": 112 + slow(rng, n, 7, 0.8),
            "rollout/ep_length": 24 + slow(rng, n, 1.2, 0.8),
            "loss/value": times(rng, np.full(n, 11800.0), 0.2),
            "loss/policy": rng.normal(-0.002, 0.003, n),
            "loss/entropy": 24.1 - 0.001 * np.arange(n) + rng.normal(0, 0.02, n),
            "stats/explained_variance": rng.normal(0.001, 0.004, n),
            "stats/approx_kl": times(rng, np.full(n, 0.004), 0.3),
        }
    )
    return log


@training(
    "answers-cut",
    "Answers grow to the limit of 1,024 tokens from step 120, nearly all are cut off, and "
    "the reward falls to 0.1.",
    ("improved: ",),
)
def grpo_answers_hit_limit(rng: Random) -> Log:
    log = Log(
        {"max_completion_length": 1024, "num_generations": 8, "beta": 0.0, "learning_rate": 3e-6},
        seconds=41.0,
        program="grpo.py",
    )
    n = 300
    cut = sigmoid(n, 0.02, 0.97, 150, 14)
    log.table(
        {
            "train/global_step": np.arange(n) + 1,
            "train/reward": 0.3 + rise(n, 0, 0.28, 50) - 0.48 * cut + rng.normal(0, 0.03, n),
            "train/reward_std": 0.3 - 0.2 * cut + rng.normal(0, 0.015, n),
            "train/completions/mean_length": 320 + 680 * cut + rng.normal(0, 15, n),
            "train/completions/clipped_ratio": np.clip(cut + rng.normal(0, 0.01, n), 0, 1),
            "train/entropy": 0.35 + 0.9 * cut + rng.normal(0, 0.02, n),
            "train/grad_norm": times(rng, 0.2 + 0.4 * cut, 0.2),
            "train/loss": rng.normal(0.0, 0.004, n),
        }
    )
    return log


@training(
    "reward-hacked",
    "The learned reward rises from 0.1 to 4.2, but the accuracy on held-out tasks falls "
    "from 0.46 to 0.21 after step 180.",
)
def rlhf_proxy_exploited(rng: Random) -> Log:
    log = Log({"trainer": "ppo", "kl_coef": 0.001, "rm": "deberta-rm", "steps": 600}, seconds=22.0)
    n = 600
    acc = 0.39 + rise(n, 0, 0.07, 60) - sigmoid(n, 0, 0.26, 300, 50) + rng.normal(0, 0.008, n)
    log.table(
        {
            "step": np.arange(n),
            "ppo/mean_scores": rise(n, 0.1, 4.2, 170) + rng.normal(0, 0.1, n),
            "objective/kl": rise(n, 0.0, 60, 260) + rng.normal(0, 0.6, n),
            "ppo/loss/value": times(rng, np.full(n, 0.12), 0.2),
            "ppo/policy/entropy": 2.1 - rise(n, 0, 0.9, 300) + rng.normal(0, 0.03, n),
            "eval/gsm8k_acc": [float(v) if (i + 1) % 20 == 0 else None for i, v in enumerate(acc)],
        }
    )
    return log


@training(
    "not-finite", "The critic's loss is NaN from step 211 to the end; policy loss follows.", ()
)
def rlhf_critic_nan(rng: Random) -> Log:
    log = Log({"algo": "ppo", "critic_lr": 1e-4, "bf16": False, "fp16": True}, seconds=30.0)
    n = 320
    gone = np.arange(n) >= 210

    def nan(values: np.ndarray) -> np.ndarray:
        return np.where(gone, np.nan, values)

    log.table(
        {
            "train/step": np.arange(n) + 1,
            "critic/vf_loss": nan(times(rng, power(n, 1.2, 0.1), 0.15)),
            "critic/grad_norm": nan(times(rng, np.full(n, 1.1), 0.2)),
            "actor/pg_loss": np.where(np.arange(n) >= 211, np.nan, rng.normal(0, 0.01, n)),
            "actor/entropy": np.where(np.arange(n) >= 212, np.nan, 0.8 + rng.normal(0, 0.01, n)),
            "reward/mean": np.where(gone, -1.0, rise(n, 0.1, 0.62, 90) + rng.normal(0, 0.02, n)),
        }
    )
    return log


@training(
    "got-worse",
    "StarCraft (MAPPO): the win rate reaches 0.86 at 2 M steps, then falls to 0.15.",
)
def mappo_forgets(rng: Random) -> Log:
    log = Log(
        {"env_name": "StarCraft2", "map_name": "3s5z", "algorithm_name": "rmappo"}, seconds=20.0
    )
    n = 250
    win = sigmoid(n, 0.01, 0.86, 55, 9) - sigmoid(n, 0, 0.71, 150, 8)
    log.table(
        {
            "T": np.arange(n) * 20000,
            "incre_win_rate": np.clip(win + rng.normal(0, 0.05, n), 0, 1),
            "average_episode_rewards": 4 + 15 * win + rng.normal(0, 0.5, n),
            "value_loss": times(rng, 0.08 + 0.1 * win, 0.2),
            "policy_loss": rng.normal(-0.01, 0.002, n),
            "dist_entropy": 2.0 - rise(n, 0, 1.2, 80) + rng.normal(0, 0.02, n),
            "actor_grad_norm": times(rng, np.full(n, 0.3), 0.3),
            "ratio": 1 + rng.normal(0, 0.002, n),
        }
    )
    return log


@training(
    "entropy-collapse",
    "The policy's entropy falls to 0.001 within 40,000 frames, and the return stays at 9 "
    "of 200 from then on.",
)
def impala_deterministic_early(rng: Random) -> Log:
    log = Log({"agent": "impala", "entropy_cost": 0.0, "total_frames": 2_000_000}, seconds=3.5)
    n = 500
    log.table(
        {
            "frames": np.arange(n) * 4000,
            "mean_episode_return": rise(n, 1.5, 9.0, 6) + rng.normal(0, 0.25, n),
            "policy_entropy": times(rng, 1.79 * np.exp(-np.arange(n) / 2.5) + 0.001, 0.2),
            "pg_loss": rng.normal(0, 0.5, n) * np.exp(-np.arange(n) / 8.0),
            "baseline_loss": times(rng, np.full(n, 2.2), 0.2),
            "mean_episode_step": 130 + slow(rng, n, 4, 0.7),
        }
    )
    return log


@training(
    "slow",
    "The environment slows down: frames per second fall step by step from 1,200 to 140.",
)
def environment_slows(rng: Random) -> Log:
    n = 600
    fps = times(rng, 1200 / (1 + np.arange(n) / 80), 0.03)
    log = Log(
        {"algo": "a2c", "env": "CarRacing-v2", "n_envs": 8},
        seconds=list(8000 / fps),
        program="a2c.py",
    )
    log.table(
        {
            "total_steps": np.arange(n) * 8000,
            "ep_return": rise(n, -40, 610, 170) + slow(rng, n, 22, 0.6),
            "fps": fps,
            "a2c/value_loss": times(rng, np.full(n, 3.1), 0.3),
            "a2c/policy_loss": rng.normal(0, 0.03, n),
            "a2c/entropy": 3.4 - rise(n, 0, 1.1, 250) + rng.normal(0, 0.02, n),
        }
    )
    return log


@training(
    "",
    "SAC learns Walker with noisy returns that dip now and then; its losses and alpha mean little.",
    ("diverg", "got worse", "overfit"),
)
def sac_noisy(rng: Random) -> Log:
    log = Log({"algo": "SAC", "env": "Walker2d-v4", "total_timesteps": 1_000_000}, seconds=20.0)
    n = 500
    fall = np.where(rng.random(n) < 0.06, rng.uniform(0.2, 0.7, n), 1.0)
    ret = (10 + rise(n, 0, 4700, 150)) * fall
    log.table(
        {
            "time/total_timesteps": (np.arange(n) + 1) * 2000,
            "rollout/ep_rew_mean": times(rng, ret, 0.05),
            "rollout/ep_len_mean": np.clip(times(rng, 100 + ret / 4700 * 850, 0.05), 10, 1000),
            "train/actor_loss": -rise(n, 10, 420, 160) + rng.normal(0, 3, n),
            "train/critic_loss": times(rng, 4 + rise(n, 0, 30, 140), 0.4),
            "train/ent_coef": times(rng, 0.03 + 0.9 * np.exp(-np.arange(n) / 12), 0.03),
            "train/ent_coef_loss": rng.normal(0, 0.4, n),
            "train/learning_rate": np.full(n, 3e-4),
        }
    )
    return log


@training(
    "",
    "GRPO on eight prompts a step: reward is very noisy and rises from 0.22 to 0.55.",
    ("flat since", "got worse", "collapsed"),
)
def grpo_eight_prompts(rng: Random) -> Log:
    log = Log({"num_generations": 8, "learning_rate": 1e-6, "max_steps": 900}, seconds=35.0)
    n = 900
    mean = 0.22 + rise(n, 0, 0.36, 420)
    log.table(
        {
            "train/global_step": np.arange(n) + 1,
            "train/reward": np.clip(rng.binomial(64, mean) / 64 + rng.normal(0, 0.08, n), 0, 1),
            "train/reward_std": np.clip(0.36 + rng.normal(0, 0.05, n), 0, None),
            "train/frac_reward_zero_std": rng.binomial(8, 0.2 + mean / 5) / 8,
            "train/kl": times(rng, rise(n, 1e-4, 0.05, 300), 0.3),
            "train/entropy": 0.42 - rise(n, 0, 0.13, 400) + rng.normal(0, 0.03, n),
            "train/completion_length": 240 + rise(n, 0, 90, 300) + rng.normal(0, 18, n),
            "train/grad_norm": times(rng, np.full(n, 0.31), 0.25),
            "train/loss": rng.normal(0, 0.01, n),
            "train/learning_rate": 1e-6 * (1 - np.arange(n) / n),
        }
    )
    log.console = list(lines(n, lambda i: f"step {i + 1}/900", 10))
    return log


@training(
    "",
    "RLHF with an adaptive KL coefficient: KL goes to its target of 6 and stays, reward rises.",
    ("diverg", "hack", "explod"),
)
def rlhf_adaptive_kl(rng: Random) -> Log:
    log = Log({"init_kl_coef": 0.2, "target": 6, "adap_kl_ctrl": True, "steps": 400}, seconds=25.0)
    n = 400
    log.table(
        {
            "step": np.arange(n),
            "objective/kl": rise(n, 0.02, 6.0, 60) + rng.normal(0, 0.35, n),
            "objective/kl_coef": 0.2 + slow(rng, n, 0.01, 0.95) - rise(n, 0, 0.08, 100),
            "env/reward_mean": rise(n, -0.4, 1.9, 110) + rng.normal(0, 0.2, n),
            "env/reward_std": 1.4 + rng.normal(0, 0.1, n),
            "ppo/mean_non_score_reward": -rise(n, 0, 0.012, 60) + rng.normal(0, 0.001, n),
            "ppo/loss/value": times(rng, power(n, 0.6, 0.15), 0.15),
            "ppo/loss/policy": rng.normal(-0.01, 0.006, n),
            "ppo/policy/clipfrac": np.clip(0.07 + rng.normal(0, 0.02, n), 0, 1),
            "ppo/val/var_explained": np.clip(
                rise(n, -0.3, 0.72, 50) + rng.normal(0, 0.05, n), -1, 1
            ),
        }
    )
    return log


@training(
    "",
    "A Rainbow agent: returns rise, while its loss and Q values grow a hundredfold, as they must.",
    ("diverg", "explod", "loss.{0,30}(rose|grew|worse)"),
)
def rainbow_loss_grows(rng: Random) -> Log:
    log = Log({"game": "breakout", "T-max": 2_000_000, "algo": "rainbow"}, seconds=50.0)
    n = 400
    log.table(
        {
            "T": np.arange(n) * 5000,
            "train/loss": times(rng, 0.002 + sigmoid(n, 0, 0.24, 190, 40), 0.3),
            "train/avg_q": 0.03 + sigmoid(n, 0, 5.2, 190, 40) + rng.normal(0, 0.06, n),
            "train/episode_reward": times(rng, 1.2 + sigmoid(n, 0, 320, 230, 40), 0.3),
            "test/avg_reward": [
                float(v) if i % 20 == 19 else None
                for i, v in enumerate(times(rng, 1.2 + sigmoid(n, 0, 370, 225, 40), 0.1))
            ],
        }
    )
    return log


@training(
    "",
    "Self-play: the rating rises steadily; the win rate against itself is 0.5 by design.",
    ("chance", "never (learn|improv|rose)", "flat since"),
)
def self_play_rating(rng: Random) -> Log:
    log = Log({"game": "connect4", "mcts_sims": 200, "iterations": 150}, seconds=300.0)
    n = 150
    log.table(
        {
            "iteration": np.arange(n),
            "elo": 1000 + rise(n, 0, 820, 60) + rng.normal(0, 12, n),
            "selfplay/win_rate_vs_self": 0.5 + rng.normal(0, 0.03, n),
            "selfplay/game_length": rise(n, 19, 33, 40) + rng.normal(0, 0.7, n),
            "policy_loss": times(rng, power(n, 1.93, 1.05), 0.02),
            "value_loss": times(rng, power(n, 0.98, 0.62), 0.03),
        }
    )
    return log


@training(
    "",
    "A curriculum: the success rate falls each time the level goes up and recovers; the "
    "level rises to 6.",
    ("got worse", "collaps", "forgot", "fell"),
)
def curriculum_levels(rng: Random) -> Log:
    log = Log({"task": "AnymalTerrain", "curriculum": True, "max_level": 6}, seconds=4.0)
    n = 840
    at = np.arange(n)
    level = at // 140
    inside = at % 140
    log.table(
        {
            "iter": at,
            "curriculum/level": level + 1,
            "success_rate": np.clip(
                0.92 - 0.6 * np.exp(-inside / 28) + rng.normal(0, 0.03, n), 0, 1
            ),
            "mean_reward": 14 + 2.2 * level - 7 * np.exp(-inside / 28) + rng.normal(0, 0.5, n),
            "loss/value": times(rng, 0.05 + 0.15 * np.exp(-inside / 20), 0.2),
            "loss/surrogate": rng.normal(-0.004, 0.002, n),
            "policy/mean_noise_std": 1.0 - rise(n, 0, 0.55, 300) + rng.normal(0, 0.004, n),
        }
    )
    return log
