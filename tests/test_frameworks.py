"""Which framework a run was made with, and what shows it: names, settings, packages, programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from postrun.metrics import RunView
from postrun.model import Run


def view(*names: str, config: dict[str, Any] | None = None, **fields: Any) -> RunView:
    frame = pl.DataFrame({"_step": [0, 1], **{name: [1.0, 2.0] for name in names}})
    return RunView(replace(Run.from_frame(frame, config=config), **fields))


@pytest.mark.parametrize(
    ("framework", "made", "evidence"),
    [
        ("PufferLib", view("losses/approx_kl", "performance/env_sps", "performance/misc_time"),
         "metric names (performance/env_sps"),
        ("PufferLib", view("zorp", requirements=["pufferlib==0.7.3"]), "package pufferlib"),
        ("CleanRL", view("charts/SPS", "losses/policy_loss", "losses/approx_kl"), "metric names"),
        ("tinker-cookbook", view("env/all/reward/total", "env/all/by_group/frac_mixed"), "metric names"),
        ("Tianshou", view("test/reward_std", "update/gradient_step", "test/reward"), "metric names"),
        ("Tianshou", view("test/reward_std", requirements=["tianshou==0.5"]), "package tianshou and its"),
        ("skrl", view("Reward / Total reward (mean)", "Loss / Policy loss"), "metric names"),
        ("RSL-RL (Isaac Lab)", view("Loss/surrogate", "Perf/total_fps", "Train/mean_reward"), "metric names"),
        ("rl_games", view("rewards/step", "losses/a_loss", "info/last_lr"), "metric names"),
        ("ML-Agents", view("Environment/Cumulative Reward", "Losses/Policy Loss"), "metric names"),
        ("OpenMMLab (MMEngine)", view("coco/bbox_mAP", "loss_rpn_cls", "data_time"), "metric names"),
        ("StyleGAN", view("Loss/scores/fake", "Loss/scores/real", "Progress/kimg"), "metric names"),
        ("SLIME", view("rollout/raw_reward", "perf/train_wait_time", "train/pg_loss"), "metric names"),
        ("fairseq", view("train/gnorm", "valid/nll_loss", "train/wps"), "metric names"),
        ("verl", view(requirements=["verl==0.7.0.dev0"]), "the package verl"),
        ("verl", view(environment={"program": "/home/me/verl/trainer/main_ppo.py"}), "the program main_ppo.py"),
    ],
)  # fmt: skip
def test_recognised(framework: str, made: RunView, evidence: str) -> None:
    assert made.framework == framework and evidence in made.framework_evidence


@pytest.mark.parametrize(
    "made",
    [
        view("loss", "val_loss", "epoch"),
        view("train/loss", "val/loss", requirements=["transformers==4.40", "torch==2.4", "wandb"]),
        view("reward", requirements=["tianshou==0.5", "stable-baselines3==2.0"]),
        view("loss", requirements=["mmcv==2.0", "fairseq==0.12"]),
        view("time", "memory", "loss"),
        view(environment={"program": "/home/me/train.py"}),
    ],
)
def test_no_framework_is_better_than_a_wrong_one(made: RunView) -> None:
    assert (made.framework, made.framework_evidence) == ("", "")


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["performance/env_sps", "performance/misc_time", "performance/eval_time", "performance/eval_memory"],
         {"performance/eval_time": ("time.generate", "train"),
          "performance/eval_memory": ("memory.host", "train")}),
        (["env/all/reward/total", "env/all/by_group/frac_all_bad", "test/env/all/reward/total"],
         {"env/all/reward/total": ("reward", "train"), "test/env/all/reward/total": ("reward.eval", "test"),
          "env/all/by_group/frac_all_bad": ("fraction.solve_none", "train")}),
        (["rewards/step", "losses/a_loss", "losses/c_loss", "info/kl"],
         {"losses/a_loss": ("loss.policy", "train"), "losses/c_loss": ("loss.value", "train"),
          "info/kl": ("kl.step", "train")}),
        (["Loss/surrogate", "Loss/value_function", "Perf/total_fps", "Episode_Reward/track_lin_vel"],
         {"Episode_Reward/track_lin_vel": ("reward.component", "train"),
          "Perf/total_fps": ("throughput.steps", "train")}),
        (["Reward / Total reward (max)", "Loss / Policy loss", "Loss / Value loss"],
         {"Loss / Policy loss": ("loss.policy", "train")}),
        (["rollout/raw_reward", "perf/train_wait_time", "perf/update_weights_time", "train/ppo_kl"],
         {"perf/update_weights_time": ("time.sync", "train"), "train/ppo_kl": ("kl.step", "train")}),
        (["coco/bbox_mAP", "coco/bbox_mAP_50", "data_time", "time"],
         {"coco/bbox_mAP": ("score.eval", "eval"), "time": ("time.step", "train")}),
    ],
)  # fmt: skip
def test_a_packs_names_are_read_as_it_says(
    names: list[str], roles: dict[str, tuple[str, str]]
) -> None:
    metrics = view(*names).metrics
    assert {key: (metrics[key].role, metrics[key].split) for key in roles} == roles
