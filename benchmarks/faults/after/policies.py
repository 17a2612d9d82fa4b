"""Reinforcement learning, with and without language models: simulated logs in the keys of their frameworks."""

# ruff: noqa: E501 - what a reader would say, in one line
from __future__ import annotations

import numpy as np

from benchmarks.faults.after.log import (
    Log,
    Random,
    cosine,
    every,
    power,
    rise,
    sigmoid,
    slow,
    times,
    training,
)


@training(
    "got-worse",
    "The critic's loss grows 1000-fold from step 40k on, and the return falls from 900 to under 200.",
)
def sac_critic_explodes(rng: Random) -> Log:
    log = Log(
        {"algo": "SAC", "learning_rate": 3e-3, "buffer_size": 1000000, "total_timesteps": 200000},
        seconds=9.0,
    )
    n = 400
    up = sigmoid(n, 0, 1, 110, 12)
    log.table(
        {
            "global_step": np.arange(n) * 500,
            "rollout/ep_rew_mean": rise(n, -200, 950, 30) * (1 - up)
            + up * 160
            + slow(rng, n, 40, 0.8),
            "rollout/ep_len_mean": 1000 + rng.normal(0, 3, n),
            "train/critic_loss": times(rng, 2.1 * np.exp(up * 7.2), 0.4),
            "train/actor_loss": -20 - 900 * up + slow(rng, n, 8, 0.7),
            "train/ent_coef": times(rng, np.exp(-np.minimum(np.arange(n), 100) / 40), 0.03),
            "train/learning_rate": np.full(n, 3e-3),
        }
    )
    return log


@training("got-worse", "The DQN reached 195 by step 60k, then lost it: 25 from 90k to the end.")
def dqn_forgets(rng: Random) -> Log:
    log = Log(
        {
            "algo": "DQN",
            "env": "CartPole-v1",
            "exploration_fraction": 0.1,
            "total_timesteps": 150000,
        },
        seconds=6.0,
    )
    n = 300
    rew = sigmoid(n, 20, 195, 70, 12) - sigmoid(n, 0, 168, 165, 6)
    log.table(
        {
            "global_step": np.arange(n) * 500,
            "rollout/ep_rew_mean": np.maximum(rew + slow(rng, n, 8, 0.8), 9),
            "rollout/exploration_rate": np.maximum(1 - np.arange(n) / 30, 0.05),
            "train/loss": times(rng, 0.1 + sigmoid(n, 0, 6, 120, 10), 0.6),
            "train/learning_rate": np.full(n, 1e-3),
        }
    )
    return log


@training(
    "",
    "A DQN learns an Atari game: noisy returns rise; its loss rises with the values, which means nothing.",
    ("diverg", "loss.{0,20}rose", "loss never"),
)
def dqn_healthy(rng: Random) -> Log:
    log = Log(
        {"algo": "DQN", "env_id": "PongNoFrameskip-v4", "total_timesteps": 3000000}, seconds=40.0
    )
    n = 600
    log.table(
        {
            "global_step": np.arange(n) * 5000,
            "charts/episodic_return": np.clip(
                sigmoid(n, -20.6, 18.5, 260, 40) + rng.normal(0, 2.0, n), -21, 21
            ),
            "losses/td_loss": times(rng, 0.002 + sigmoid(n, 0, 0.011, 250, 50), 0.5),
            "losses/q_values": sigmoid(n, -1.0, 2.1, 230, 60) + rng.normal(0, 0.1, n),
            "charts/SPS": 620 + slow(rng, n, 12),
            "charts/epsilon": np.maximum(1 - np.arange(n) / 60, 0.01),
        }
    )
    return log


@training("", "CleanRL's PPO with noisy returns learns HalfCheetah.", ("diverg", "spike"))
def cleanrl_ppo(rng: Random) -> Log:
    log = Log(
        {
            "exp_name": "ppo_continuous_action",
            "env_id": "HalfCheetah-v4",
            "total_timesteps": 1000000,
            "anneal_lr": True,
        },
        seconds=3.0,
    )
    n = 488
    log.table(
        {
            "global_step": (np.arange(n) + 1) * 2048,
            "charts/episodic_return": power(n, -300, 2450, -0.4, 100)
            + slow(rng, n, 150, 0.5)
            + rng.normal(0, 120, n),
            "charts/episodic_length": np.full(n, 1000),
            "losses/value_loss": times(rng, np.full(n, 0.35), 0.5),
            "losses/policy_loss": rng.normal(-0.003, 0.004, n),
            "losses/entropy": rise(n, 8.5, 3.2, 300) + rng.normal(0, 0.03, n),
            "losses/approx_kl": times(rng, np.linspace(0.009, 0.0006, n), 0.4),
            "losses/old_approx_kl": rng.normal(0, 0.003, n),
            "losses/clipfrac": np.clip(np.linspace(0.12, 0.0, n) + rng.normal(0, 0.02, n), 0, 1),
            "losses/explained_variance": np.clip(
                rise(n, 0.0, 0.85, 40) + rng.normal(0, 0.05, n), -1, 1
            ),
            "charts/learning_rate": 3e-4 * (1 - np.arange(n) / n),
        }
    )
    return log


@training(
    "policy-still",
    "approx_kl is about 1e-8 and clip_fraction 0 in all updates, and the return stays at 22: the policy does not move.",
)
def ppo_still(rng: Random) -> Log:
    log = Log(
        {"algo": "PPO", "learning_rate": 1e-7, "n_steps": 2048, "total_timesteps": 300000},
        seconds=4.0,
    )
    n = 146
    log.table(
        {
            "global_step": (np.arange(n) + 1) * 2048,
            "rollout/ep_rew_mean": 22.3 + slow(rng, n, 0.8, 0.7),
            "rollout/ep_len_mean": 22.3 + slow(rng, n, 0.8, 0.7),
            "train/approx_kl": np.abs(rng.normal(0, 1.4e-8, n)),
            "train/clip_fraction": np.zeros(n),
            "train/clip_range": np.full(n, 0.2),
            "train/entropy_loss": -0.693 + rng.normal(0, 1e-6, n),
            "train/explained_variance": rng.normal(0, 0.003, n),
            "train/value_loss": 52 + rng.normal(0, 2.2, n),
            "train/policy_gradient_loss": rng.normal(0, 6e-6, n),
            "train/learning_rate": np.full(n, 1e-7),
        }
    )
    return log


@training("got-worse", "The mean return reached 310 by iteration 150 and fell to 60 at the end.")
def rllib_lost(rng: Random) -> Log:
    log = Log(
        {"algo": "PPO", "framework": "torch", "stop": {"training_iteration": 400}}, seconds=12.0
    )
    n = 400
    rew = sigmoid(n, 20, 312, 80, 18) - sigmoid(n, 0, 255, 260, 22)
    log.table(
        {
            "training_iteration": np.arange(n) + 1,
            "env_runners/episode_return_mean": rew + slow(rng, n, 10),
            "env_runners/episode_len_mean": rew + 3 + slow(rng, n, 10),
            "learners/default_policy/entropy": rise(n, 0.69, 0.08, 120) + rng.normal(0, 0.01, n),
            "learners/default_policy/mean_kl_loss": times(rng, np.full(n, 0.008), 0.4),
            "learners/default_policy/vf_loss": times(rng, np.full(n, 6.0), 0.3),
            "num_env_steps_sampled_lifetime": (np.arange(n) + 1) * 4000,
        }
    )
    return log


@training("", "A multi-agent run whose reward rises slowly with much noise.")
def rllib_noisy(rng: Random) -> Log:
    log = Log({"algo": "APPO", "stop": {"training_iteration": 500}}, seconds=20.0)
    n = 500
    log.table(
        {
            "training_iteration": np.arange(n) + 1,
            "env_runners/episode_return_mean": rise(n, -60, 40, 160)
            + slow(rng, n, 11, 0.8)
            + rng.normal(0, 8, n),
            "env_runners/episode_return_max": rise(n, 0, 120, 160) + rng.normal(0, 18, n),
            "env_runners/episode_return_min": rise(n, -150, -50, 160) + rng.normal(0, 18, n),
            "learners/p0/entropy": rise(n, 1.6, 0.9, 250) + rng.normal(0, 0.02, n),
            "learners/p0/policy_loss": rng.normal(0, 0.02, n),
            "learners/p0/vf_loss": times(rng, np.full(n, 2.2), 0.4),
        }
    )
    return log


@training(
    "reward-never-rose",
    "The success rate is 0 in all evaluations and the return never rises: the task's sparse reward is never found.",
)
def td3_sparse(rng: Random) -> Log:
    log = Log({"algo": "TD3", "env": "FetchPush-v2", "total_timesteps": 1000000}, seconds=30.0)
    n = 250
    log.table(
        {
            "time/total_timesteps": np.arange(n) * 4000,
            "rollout/ep_rew_mean": np.minimum(-49.6 + slow(rng, n, 0.2, 0.7), -48.5),
            "rollout/success_rate": np.zeros(n),
            "train/actor_loss": rise(n, 0.5, 20.2, 20) + rng.normal(0, 0.2, n),
            "train/critic_loss": times(rng, np.full(n, 0.02), 0.4),
            "eval/success_rate": every(np.zeros(n), 10),
        }
    )
    return log


def _verl(
    rng: Random, n: int, score: np.ndarray, length: np.ndarray, clip: np.ndarray, val: np.ndarray
) -> dict[str, object]:
    return {
        "training/global_step": np.arange(1, n + 1), "critic/score/mean": score, "critic/score/max": np.ones(n), "critic/score/min": np.zeros(n), "critic/rewards/mean": score, "critic/advantages/mean": rng.normal(0, 0.02, n), "critic/advantages/max": times(rng, np.full(n, 2.4), 0.05), "critic/advantages/min": -times(rng, np.full(n, 2.4), 0.05),
        "response_length/mean": length, "response_length/max": np.full(n, 4096), "response_length/clip_ratio": clip, "prompt_length/mean": 120 + rng.normal(0, 3, n), "actor/entropy": rise(n, 0.42, 0.19, 90) * np.exp(rng.normal(0, 0.04, n)), "actor/pg_loss": rng.normal(0, 0.012, n), "actor/ppo_kl": rng.normal(0, 2e-4, n), "actor/pg_clipfrac": times(rng, np.full(n, 0.002), 0.4), "actor/grad_norm": times(rng, np.full(n, 0.12), 0.3), "actor/lr": np.full(n, 1e-6),
        "perf/throughput": 2100 + slow(rng, n, 90), "perf/mfu/actor": 0.31 + rng.normal(0, 0.01, n), "timing_s/step": times(rng, np.full(n, 92.0), 0.06), "timing_s/gen": times(rng, np.full(n, 48.0), 0.08), "timing_s/update_actor": times(rng, np.full(n, 25.0), 0.03), "val-core/openai/gsm8k/reward/mean@1": every(val, 10),
    }  # fmt: skip


@training("got-worse", "Reward hacking: the training score goes to 0.95 while the validation reward falls from 0.62 to 0.35 and answers shrink to 40 tokens.",
          ("no problem",))  # fmt: skip
def verl_hacked(rng: Random) -> Log:
    log = Log(
        {
            "trainer": {"total_training_steps": 300, "total_epochs": 5, "project_name": "verl"},
            "algorithm": {"adv_estimator": "grpo"},
        },
        seconds=92.0,
    )
    n = 300
    score = rise(n, 0.38, 0.62, 40) + sigmoid(n, 0, 0.34, 170, 12) + rng.normal(0, 0.02, n)
    val = rise(n, 0.4, 0.62, 30) - sigmoid(n, 0, 0.28, 180, 14) + rng.normal(0, 0.008, n)
    log.table(
        _verl(
            rng,
            n,
            np.clip(score, 0, 1),
            np.maximum(310 - sigmoid(n, 0, 270, 170, 12) + rng.normal(0, 8, n), 20),
            np.zeros(n),
            val,
        )
    )
    return log


@training("", "verl's GRPO: score and validation rise together, lengths grow moderately.")
def verl_healthy(rng: Random) -> Log:
    log = Log(
        {
            "trainer": {"total_training_steps": 200, "total_epochs": 2},
            "algorithm": {"adv_estimator": "grpo", "kl_ctrl": {"kl_coef": 0.001}},
        },
        seconds=92.0,
    )
    n = 200
    log.table(
        _verl(
            rng,
            n,
            np.clip(rise(n, 0.41, 0.74, 60) + rng.normal(0, 0.03, n), 0, 1),
            rise(n, 240, 350, 80) + rng.normal(0, 11, n),
            np.clip(rng.normal(0.004, 0.002, n), 0, 1),
            rise(n, 0.44, 0.71, 50) + rng.normal(0, 0.009, n),
        )
    )
    return log


def _grpo(
    rng: Random, n: int, reward: np.ndarray, zero: np.ndarray, std: np.ndarray
) -> dict[str, object]:
    return {
        "train/global_step": np.arange(1, n + 1), "train/epoch": np.arange(1, n + 1) / n, "train/reward": reward, "train/reward_std": std, "train/rewards/accuracy_reward/mean": reward * 0.8, "train/rewards/accuracy_reward/std": std * 0.8, "train/rewards/format_reward/mean": reward * 0.2, "train/rewards/format_reward/std": std * 0.2, "train/frac_reward_zero_std": zero, "train/loss": rng.normal(0.0004, 0.002, n), "train/kl": power(n, 1e-4, 0.02, -0.6, 50) * np.exp(rng.normal(0, 0.1, n)),
        "train/completions/mean_length": 260 + slow(rng, n, 9), "train/completions/clipped_ratio": np.clip(rng.normal(0.05, 0.02, n), 0, 1), "train/entropy": rise(n, 0.5, 0.3, 120) + rng.normal(0, 0.01, n), "train/clip_ratio/region_mean": np.abs(rng.normal(0, 4e-4, n)), "train/grad_norm": times(rng, np.full(n, 0.2), 0.3), "train/learning_rate": cosine(n, 1e-6, 10), "train/num_tokens": np.arange(1, n + 1) * 22000.0,
    }  # fmt: skip


@training(
    "constant-reward",
    "From step 150 on 90% of the groups have no spread (all wrong); the reward is 0.02: almost nothing can be learned.",
)
def trl_grpo_no_groups(rng: Random) -> Log:
    log = Log(
        {"trainer": "GRPOTrainer", "num_generations": 8, "beta": 0.04, "max_steps": 400},
        seconds=18.0,
    )
    n = 400
    reward = np.maximum(0.16 * np.exp(-np.arange(n) / 70) + 0.015 + rng.normal(0, 0.012, n), 0)
    zero = np.clip(1 - 2.6 * reward - 0.02 + rng.normal(0, 0.02, n), 0, 1)
    log.table(_grpo(rng, n, reward, zero, np.maximum(reward * 0.7, 0)))
    return log


@training(
    "",
    "TRL's GRPO learns: reward up, loss near 0 by nature, some groups without spread.",
    ("never learn", "loss.{0,30}(never|flat)"),
)
def trl_grpo_healthy(rng: Random) -> Log:
    log = Log(
        {"trainer": "GRPOTrainer", "num_generations": 8, "beta": 0.04, "max_steps": 500},
        seconds=18.0,
    )
    n = 500
    reward = np.clip(rise(n, 0.42, 1.12, 150) + rng.normal(0, 0.08, n), 0, 1.3)
    log.table(
        _grpo(
            rng,
            n,
            reward,
            np.clip(0.1 + 0.25 * np.arange(n) / n + rng.normal(0, 0.05, n), 0, 1),
            np.maximum(0.42 - 0.1 * np.arange(n) / n + rng.normal(0, 0.04, n), 0),
        )
    )
    return log


@training(
    "got-worse",
    "The KL to the reference goes from 0.1 to 60 and the reward falls back from 1.1 to -2: the policy has run away.",
)
def openrlhf_kl_blowup(rng: Random) -> Log:
    log = Log(
        {
            "pretrain": "Llama-3-8b-sft",
            "init_kl_coef": 1e-4,
            "num_episodes": 1,
            "advantage_estimator": "gae",
        },
        seconds=60.0,
    )
    n = 300
    up = sigmoid(n, 0, 1, 150, 9)
    log.table(
        {
            "train/global_step": np.arange(1, n + 1),
            "train/reward": rise(n, -0.5, 1.1, 50) - 3.1 * up + rng.normal(0, 0.12, n),
            "train/return": rise(n, -0.5, 1.0, 50) - 3.4 * up + rng.normal(0, 0.12, n),
            "train/kl": times(rng, 0.1 + 0.004 * np.arange(n) + 60 * up, 0.15),
            "train/policy_loss": rng.normal(0, 0.01, n) + 0.1 * up,
            "train/critic_loss": times(rng, 0.08 + 2.5 * up, 0.3),
            "train/response_length": 280 + 700 * up + rng.normal(0, 12, n),
            "train/total_length": 430 + 700 * up + rng.normal(0, 12, n),
            "train/actor_lr": cosine(n, 5e-7, 9),
            "train/critic_lr": cosine(n, 9e-6, 9),
        }
    )
    return log


@training("", "OpenRLHF's PPO: reward up, KL slowly up within reason.")
def openrlhf_healthy(rng: Random) -> Log:
    log = Log(
        {"pretrain": "Llama-3-8b-sft", "init_kl_coef": 0.01, "advantage_estimator": "gae"},
        seconds=60.0,
    )
    n = 300
    log.table(
        {
            "train/global_step": np.arange(1, n + 1),
            "train/reward": rise(n, -0.6, 1.3, 90) + rng.normal(0, 0.2, n),
            "train/return": rise(n, -0.6, 1.2, 90) + rng.normal(0, 0.2, n),
            "train/kl": times(rng, 0.01 + 0.06 * (1 - np.exp(-np.arange(n) / 90)), 0.15),
            "train/policy_loss": rng.normal(-0.002, 0.008, n),
            "train/critic_loss": times(rng, rise(n, 0.5, 0.05, 30), 0.3),
            "train/response_length": 280 + slow(rng, n, 10),
            "train/actor_lr": cosine(n, 5e-7, 9),
            "train/critic_lr": cosine(n, 9e-6, 9),
            "eval/reward": every(rise(n, -0.5, 1.25, 90) + rng.normal(0, 0.04, n), 50),
        }
    )
    return log


@training(
    "dead-term",
    "The format reward is 0 in every row: this term teaches nothing; the total rises by the other term.",
)
def tinker_dead_term(rng: Random) -> Log:
    log = Log(
        {
            "model_name": "Qwen/Qwen3-8B",
            "learning_rate": 4e-5,
            "group_size": 16,
            "loss_fn": "importance_sampling",
        },
        seconds=70.0,
    )
    n = 120
    r = np.clip(rise(n, 0.35, 0.72, 35) + rng.normal(0, 0.03, n), 0, 1)
    log.table(
        {
            "progress/batch": np.arange(n),
            "progress/done_frac": (np.arange(n) + 1) / n,
            "env/all/reward/total": r,
            "env/all/correct": r,
            "env/all/format": np.zeros(n),
            "env/all/by_group/frac_mixed": np.clip(
                0.6 - 0.2 * np.arange(n) / n + rng.normal(0, 0.04, n), 0, 1
            ),
            "env/all/by_group/frac_all_good": np.clip(
                0.15 + 0.3 * np.arange(n) / n + rng.normal(0, 0.03, n), 0, 1
            ),
            "env/all/by_group/frac_all_bad": np.clip(
                0.25 - 0.1 * np.arange(n) / n + rng.normal(0, 0.03, n), 0, 1
            ),
            "env/all/ac_tokens_per_turn": 310 + slow(rng, n, 12),
            "optim/kl_sample_train_v1": np.abs(rng.normal(0, 8e-4, n)),
            "optim/kl_sample_train_v2": np.abs(rng.normal(1e-3, 2e-4, n)),
            "optim/entropy": rise(n, 0.34, 0.22, 50) + rng.normal(0, 0.006, n),
            "optim/lr": np.full(n, 4e-5),
            "time/total": times(rng, np.full(n, 70.0), 0.1),
            "test/env/all/correct": every(rise(n, 0.38, 0.69, 35) + rng.normal(0, 0.008, n), 20),
        }
    )
    return log


@training("", "tinker: a math environment learns; sampler and trainer agree.")
def tinker_healthy(rng: Random) -> Log:
    log = Log(
        {"model_name": "meta-llama/Llama-3.1-8B", "learning_rate": 8e-5, "group_size": 16},
        seconds=55.0,
    )
    n = 100
    r = np.clip(sigmoid(n, 0.12, 0.86, 28, 9) + rng.normal(0, 0.025, n), 0, 1)
    log.table(
        {
            "progress/batch": np.arange(n),
            "progress/done_frac": (np.arange(n) + 1) / n,
            "env/all/reward/total": r - 0.1 * (1 - np.clip(rise(n, 0.6, 0.99, 8), 0, 1)),
            "env/all/correct": r,
            "env/all/format": np.clip(rise(n, 0.6, 0.99, 8) + rng.normal(0, 0.006, n), 0, 1),
            "env/all/by_group/frac_mixed": np.clip(4 * r * (1 - r) * 0.8 + 0.05, 0, 1),
            "env/all/by_group/frac_all_good": np.clip(r**3, 0, 1),
            "env/all/by_group/frac_all_bad": np.clip((1 - r) ** 3, 0, 1),
            "optim/kl_sample_train_v1": rng.normal(0, 4e-4, n),
            "optim/kl_sample_train_v2": np.abs(rng.normal(6e-4, 1e-4, n)),
            "optim/entropy": rise(n, 0.5, 0.25, 30) + rng.normal(0, 0.01, n),
            "optim/lr": np.full(n, 8e-5),
            "time/total": times(rng, np.full(n, 55.0), 0.12),
        }
    )
    return log


@training(
    "no-learning",
    "A reward model that never learns: loss ln 2 and accuracy 0.5 in training and evaluation.",
    ("improved",),
)
def trl_reward_chance(rng: Random) -> Log:
    log = Log(
        {"trainer": "RewardTrainer", "learning_rate": 1e-8, "num_train_epochs": 1}, seconds=2.0
    )
    n = 250
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 10,
            "train/epoch": (np.arange(n) + 1) / n,
            "train/loss": 0.6945 + rng.normal(0, 0.006, n),
            "train/accuracy": 0.5 + rng.normal(0, 0.035, n),
            "train/margin": rng.normal(0.002, 0.01, n),
            "train/mean_reward": 0.31 + rng.normal(0, 0.02, n),
            "train/grad_norm": times(rng, np.full(n, 4.0), 0.3),
            "train/learning_rate": cosine(n, 1e-8),
            "eval/loss": every(0.694 + rng.normal(0, 0.0005, n), 50),
            "eval/accuracy": every(0.499 + rng.normal(0, 0.004, n), 50),
        }
    )
    return log


@training(
    "", "DPO: accuracies to 0.78, margins grow moderately, chosen stays near 0.", ("saturat",)
)
def trl_dpo_healthy(rng: Random) -> Log:
    log = Log(
        {"trainer": "DPOTrainer", "beta": 0.1, "learning_rate": 5e-7, "num_train_epochs": 1},
        seconds=6.0,
    )
    n = 300
    m = rise(n, 0.0, 1.25, 90)
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 5,
            "train/epoch": (np.arange(n) + 1) / n,
            "train/loss": rise(n, 0.693, 0.498, 80) + rng.normal(0, 0.02, n),
            "train/rewards/accuracies": rise(n, 0.5, 0.78, 60) + rng.normal(0, 0.04, n),
            "train/rewards/margins": m + rng.normal(0, 0.12, n),
            "train/rewards/chosen": 0.15 * m + rng.normal(0, 0.06, n),
            "train/rewards/rejected": -0.85 * m + rng.normal(0, 0.08, n),
            "train/logps/chosen": -280 + rng.normal(0, 9, n),
            "train/logps/rejected": -262 - 8 * m + rng.normal(0, 9, n),
            "train/grad_norm": times(rng, np.full(n, 5.0), 0.2),
            "train/learning_rate": cosine(n, 5e-7, 30),
            "eval/rewards/accuracies": every(rise(n, 0.5, 0.76, 60) + rng.normal(0, 0.004, n), 60),
            "eval/loss": every(rise(n, 0.69, 0.513, 80) + rng.normal(0, 0.002, n), 60),
        }
    )
    return log


@training(
    "rate-too-high",
    "DPO with a rate far too high: chosen falls to -45, the loss jumps above ln 2 to 3 and stays noisy, accuracy at 0.55.",
)
def trl_dpo_wrecked(rng: Random) -> Log:
    log = Log(
        {"trainer": "DPOTrainer", "beta": 0.1, "learning_rate": 5e-4, "num_train_epochs": 1},
        seconds=6.0,
    )
    n = 300
    up = sigmoid(n, 0, 1, 30, 5) * np.exp(0.0 * np.arange(n))
    log.table(
        {
            "train/global_step": (np.arange(n) + 1) * 5,
            "train/epoch": (np.arange(n) + 1) / n,
            "train/loss": 0.69 * (1 - up) + up * times(rng, np.full(n, 3.1), 0.4),
            "train/rewards/accuracies": 0.5 + 0.06 * up + rng.normal(0, 0.06, n),
            "train/rewards/margins": 1.5 * up + rng.normal(0, 2.5, n) * up,
            "train/rewards/chosen": -45 * up + rng.normal(0, 3, n) * up,
            "train/rewards/rejected": -46.5 * up + rng.normal(0, 3, n) * up,
            "train/logps/chosen": -280 - 450 * up + rng.normal(0, 9, n),
            "train/logps/rejected": -262 - 465 * up + rng.normal(0, 9, n),
            "train/grad_norm": times(rng, 4 + 90 * up, 0.5),
            "train/learning_rate": cosine(n, 5e-4, 30),
        }
    )
    return log
